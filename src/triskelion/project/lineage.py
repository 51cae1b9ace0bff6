"""Lineage: what was made from what, read from the inputs that each job.json names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from triskelion.errors import DataError
from triskelion.project.layout import JobPaths, ProjectPaths, job_number
from triskelion.project.store import list_jobs, read_job

_REFERENCE = re.compile(r"(J[1-9]\d*)(?:\.\w+)?")
_VALUES = re.compile(r"[,;]")


@dataclass(frozen=True)
class Source:
    """One thing that a job was made from.

    Attributes
    ----------
    slot : str
        The parameter that names it.
    reference : str
        As it was given: ``J5``, ``J5.particles`` or a path.
    file : str
        The file it meant, relative to the project where it lies inside.
    job : str or None
        The job it belongs to.
    """

    slot: str
    reference: str
    file: str
    job: str | None


@dataclass(frozen=True)
class Ancestry:
    """What one job was made from; ``type`` is None where its job.json cannot be read."""

    name: str
    type: str | None
    sources: tuple[Source, ...] = ()
    cloned_from: str | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """The jobs it was made from, in the order of their numbers."""
        return tuple(sorted({source.job for source in self.sources if source.job}, key=lambda name: job_number(name) or 0))


def job_of_path(path: str) -> str | None:
    """Return ``J5`` for a path ``J5/map.mrc`` inside the project, None for any other."""
    parts = PurePosixPath(path).parts
    return parts[0] if len(parts) > 1 and job_number(parts[0]) else None


def job_of_text(text: str) -> str | None:
    """Return ``J5`` for ``J5``, ``J5.map`` and ``J5/map.mrc``, None for anything else."""
    match = _REFERENCE.fullmatch(text)
    return match[1] if match else job_of_path(text)


def read_ancestry(paths: JobPaths) -> Ancestry:
    """Read what a job was made from: its filled slots, and among its other parameters jobs that are named, as a fulcrum is, and paths into jobs."""
    try:
        record = read_job(paths)
    except DataError:
        return Ancestry(paths.name, None)
    sources = [Source(slot, given["reference"], given["file"], job_of_text(given["reference"])) for slot, given in record.inputs.items()]
    slots = {slot.partition(".")[0] for slot in record.inputs}
    for name, value in record.parameters.items():
        if name not in slots:
            sources += [Source(name, text, text, job) for text in _texts(value) if (job := job_of_text(text))]
    return Ancestry(paths.name, record.type, tuple(sources), record.cloned_from)


def _texts(value: Any) -> Iterator[str]:
    """Yield texts; of ``name=value,value``, as a series has them, the values."""
    if isinstance(value, str):
        yield from _VALUES.split(value.partition("=")[2]) if "=" in value else [value]
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def read_lineage(project: ProjectPaths) -> dict[str, Ancestry]:
    """Return the ancestry of every job, in the order in which they were made."""
    return {paths.name: read_ancestry(paths) for paths in list_jobs(project)}


def list_users(lineage: dict[str, Ancestry], names: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each of the jobs ``names`` that others were made from, those others."""
    wanted = set(names)
    users = {name: [job.name for job in lineage.values() if name in job.parents and job.name not in wanted] for name in sorted(wanted)}
    return {name: found for name, found in users.items() if found}


def list_ancestors(lineage: dict[str, Ancestry], names: Iterable[str]) -> set[str]:
    """Return all jobs that the jobs ``names`` were made from, directly or not; those that are gone are among them."""
    return _reach(names, lambda name: lineage[name].parents if name in lineage else ())


def list_descendants(lineage: dict[str, Ancestry], names: Iterable[str]) -> set[str]:
    """Return all jobs that were made from the jobs ``names``, directly or not."""
    return _reach(names, lambda name: tuple(job.name for job in lineage.values() if name in job.parents))


def _reach(names: Iterable[str], step) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        new = set(step(waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached
