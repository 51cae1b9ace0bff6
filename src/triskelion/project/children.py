"""Jobs that a job has started: found again when it is resumed, so that none is run twice or from the beginning."""

from collections.abc import Mapping
from typing import Any

from triskelion.errors import DataError
from triskelion.project.layout import JobPaths
from triskelion.project.prepare import fill_parameters, prepare_job
from triskelion.project.store import list_jobs, read_job


def take_up_child(parent: JobPaths, type_name: str, given: Mapping[str, Any], threads: int | None) -> JobPaths:
    """Return the job that ``parent`` has started with these parameters before, or a new one."""
    parameters = fill_parameters(parent.project, type_name, given)
    for paths in list_jobs(parent.project):
        try:
            record = read_job(paths)
        except DataError:  # one that is being made, or damaged: not this one
            continue
        if (record.started_by, record.type, record.parameters) == (parent.name, type_name, parameters):
            return paths
    return prepare_job(parent.project, type_name, given, threads=threads, started_by=parent.name)
