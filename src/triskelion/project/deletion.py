"""Deletion: jobs go to a bin, from which they are restored with their number; only emptying the bin frees the room.

A job that others were made from stays where it is, unless that is forced.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triskelion.errors import JobError
from triskelion.project.disk_use import measure_disk_use
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.lineage import list_users, read_ancestry, read_lineage
from triskelion.project.status import JobStatus, read_status, write_status
from triskelion.project.store import find_job, list_jobs


@dataclass(frozen=True)
class DeletedJob:
    """A job in the bin."""

    name: str
    type: str | None
    total_bytes: int


def delete_jobs(project: ProjectPaths, names: Sequence[str], force: bool = False) -> None:
    """Move jobs to the bin.

    Raises
    ------
    JobError
        One does not exist, is queued or running, or, unless ``force``, other jobs were made from it; then none is moved.
    """
    jobs = [find_job(project, name) for name in dict.fromkeys(names)]
    for paths in jobs:
        _require_at_rest(paths)
    require_unused(project, [paths.name for paths in jobs], force, "delete those first, or all with --force")
    for paths in jobs:
        move_to_bin(paths)


def require_unused(project: ProjectPaths, names: Sequence[str], force: bool, advice: str) -> None:
    """Raise JobError where jobs other than ``names`` were made from one of them, unless ``force``."""
    users = {} if force else list_users(read_lineage(project), names)
    if users:
        said = "; ".join(f"{name} is used by {', '.join(found)}" for name, found in users.items())
        raise JobError(f"{said}: {advice}")


def move_to_bin(paths: JobPaths) -> None:
    """Move a job folder to the bin as it is."""
    place = paths.project.bin
    place.folder.mkdir(exist_ok=True)
    os.rename(paths.folder, place.job(paths.name).folder)


def restore_job(project: ProjectPaths, name: str) -> JobPaths:
    """Bring a job back from the bin.

    Raises
    ------
    JobError
        It is not in the bin, or a folder of its name is in the way.
    """
    deleted = project.bin.job(name)
    if not any(job.name == name for job in list_bin(project)):
        raise JobError(f"there is no job {name} in the bin: it holds {', '.join(job.name for job in list_bin(project)) or 'nothing'}")
    paths = project.job(name)
    if paths.folder.exists():
        raise JobError(f"cannot restore {name}: {paths.folder} is there already; rename that folder")
    os.rename(deleted.folder, paths.folder)
    return paths


def list_bin(project: ProjectPaths) -> list[DeletedJob]:
    """Return the jobs in the bin; the empty folders of erased ones, which keep their numbers taken, are none."""
    return [
        DeletedJob(paths.name, read_ancestry(paths).type, measure_disk_use(paths).total_bytes)
        for paths in list_jobs(project.bin)
        if any(paths.folder.iterdir())
    ]


def empty_bin(project: ProjectPaths) -> list[str]:
    """Erase the jobs in the bin for good, and return their names. Their numbers are not given to other jobs."""
    erased = [job.name for job in list_bin(project)]
    for name in erased:
        _erase_contents(project.bin.job(name).folder, keep=set())
    return erased


def _erase_contents(folder: Path, keep: set[Path]) -> None:
    for entry in set(folder.iterdir()) - keep:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def clear_job(project: ProjectPaths, name: str, force: bool = False) -> JobPaths:
    """Erase the outputs of a job and keep its record, notes, log and what people did to its regions; it can be run again.

    Raises
    ------
    JobError
        It is queued or running, or, unless ``force``, other jobs were made from it.
    """
    paths = find_job(project, name)
    _require_at_rest(paths)
    require_unused(project, [name], force, "their inputs would be gone; clear it anyway with --force")
    message = f"cleared; run it again with 'triskelion resume {name}'"
    write_status(paths, JobStatus(state="killed", message=message))  # first: a job half cleared must not pass for completed
    _erase_contents(paths.folder, {paths.record, paths.status, paths.events, paths.log, paths.notes, paths.region_edits})
    return paths


def _require_at_rest(paths: JobPaths) -> None:
    status = read_status(paths)
    if status.state in ("running", "queued"):
        raise JobError(f"{paths.name} is {status.state}: stop it first with 'triskelion kill {paths.name}'")
