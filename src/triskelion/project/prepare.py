"""From what a person asked for to a queued job: everything is checked before a folder is made."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from triskelion.jobs.registry import job_type
from triskelion.project.connect import anchor_path, anchor_reference, resolve_input
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.parameters import build_parameters, command_line, describe_parameters
from triskelion.project.plain_json import write_json
from triskelion.project.store import JobRecord, add_job, read_job
from triskelion.project.workspaces import workspace_of


def anchor_inputs(project: ProjectPaths, type_name: str, given: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return parameters whose paths, typed in the folder ``base``, are relative to the project or absolute."""
    described = describe_parameters(job_type(type_name))
    anchored = dict(given)
    for name, value in given.items():
        if name not in described:
            continue
        if described[name].slot and isinstance(value, (list, tuple)):
            anchored[name] = [anchor_reference(project, str(each), base) for each in value]
        elif described[name].slot and isinstance(value, (str, Path)):
            anchored[name] = anchor_reference(project, str(value), base)
        elif Path in described[name].kinds and isinstance(value, (str, Path)):
            anchored[name] = anchor_path(project, value, base)
    return anchored


def fill_parameters(project: ProjectPaths, type_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters; return all of them, defaults too, as they are recorded.

    Raises
    ------
    InputError
        One does not fit.
    """
    parameters = build_parameters(job_type(type_name), given).model_dump(mode="json")
    return anchor_inputs(project, type_name, parameters, project.folder)


def prepare_job(
    project: ProjectPaths,
    type_name: str,
    given: Mapping[str, Any],
    *,
    threads: int | None = None,
    cloned_from: str | None = None,
    started_by: str | None = None,
    admit: Callable[[JobRecord], None] | None = None,
) -> JobPaths:
    """Check parameters and inputs, then make the job and queue it.

    Parameters
    ----------
    given : mapping
        Input slots and parameters; what is left out has its default. Relative paths are relative to the project.
    threads : int, optional
        Processor cores the job may use; all by default.
    cloned_from : str, optional
        The job this one is a copy of; they share a workspace.
    started_by : str, optional
        The job that runs this one, as a series does.
    admit : callable (record), optional
        For a job that goes to a lane, which waits for inputs that are still being made: raises InputError where the lane has no room for it, ever.

    Raises
    ------
    InputError
        A parameter or an input does not fit; no job is made.
    JobError
        An input job does not exist or is not completed.
    """
    kind = job_type(type_name)
    parameters = fill_parameters(project, type_name, given)
    inputs = _resolve_inputs(project, type_name, parameters, promised=admit is not None)
    command = command_line(kind, parameters)
    record = JobRecord(type_name, parameters, inputs, threads=threads, cloned_from=cloned_from, started_by=started_by, command=command)
    if cloned_from is not None:
        record = replace(record, workspace=workspace_of(project.job(cloned_from)))
    if admit is not None:
        admit(record)
    return add_job(project, record)


def settle_inputs(paths: JobPaths) -> None:
    """Look again at the inputs of a job that was made while they were: all must be there now, and job.json then says which files they are.

    Raises
    ------
    InputError
        An input has not become what the slot wants.
    JobError
        An input job is not completed.
    """
    record = read_job(paths)
    inputs = _resolve_inputs(paths.project, record.type, record.parameters)
    if inputs != record.inputs:
        write_json(paths.record, {"name": paths.name, **asdict(replace(record, inputs=inputs))})


def _resolve_inputs(project: ProjectPaths, type_name: str, parameters: Mapping[str, Any], promised: bool = False) -> dict[str, dict[str, str]]:
    inputs = {}
    for name, described in describe_parameters(job_type(type_name)).items():
        if described.slot and parameters[name] is not None:
            for label, reference in _list_references(name, parameters[name]):
                file = resolve_input(project, reference, described.slot, promised=promised)
                inputs[label] = {"reference": reference, "file": anchor_path(project, file, project.folder)}
    return inputs


def _list_references(name: str, value: str | list[str]) -> list[tuple[str, str]]:
    """Label and reference of each input of a slot: ``mask``, or ``domains.1``, ``domains.2`` where it takes several."""
    return [(name, value)] if isinstance(value, str) else [(f"{name}.{number}", each) for number, each in enumerate(value, start=1)]
