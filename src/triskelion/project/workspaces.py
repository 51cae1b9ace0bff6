"""Workspaces: names under which the jobs of a project are grouped. A job is in the one it was made in, or moved to last."""

import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from triskelion.errors import DataError, InputError, JobError
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.notes import Notes
from triskelion.project.plain_json import read_json, write_json
from triskelion.project.store import find_job, list_jobs, read_job


@dataclass(frozen=True)
class Workspace:
    """A workspace and the jobs in it, in the order they were made."""

    name: str
    title: str
    jobs: tuple[str, ...]


def workspace_of(paths: JobPaths) -> str:
    """Return the workspace that a job is in."""
    return Notes(paths).workspace or read_job(paths).workspace


def list_workspaces(project: ProjectPaths) -> list[Workspace]:
    """Return the workspaces of a project in the order of their numbers; one that only jobs from elsewhere know of has its name as title.

    A job whose record or notes are damaged is in none until the doctor has been there.
    """
    jobs: dict[str, list[str]] = {}
    for paths in list_jobs(project):
        try:
            jobs.setdefault(workspace_of(paths), []).append(paths.name)
        except DataError:
            continue
    files = [path for path in project.workspaces.glob("W*.json") if path.stat().st_size]  # an empty one is being made
    titles = {name: name for name in jobs} | {path.stem: str(read_json(path).get("title", path.stem)) for path in files}
    return [Workspace(name, titles[name], tuple(jobs.get(name, ()))) for name in sorted(titles, key=lambda name: (len(name), name))]


def add_workspace(project: ProjectPaths, title: str) -> str:
    """Make a workspace and return its name, ``W2``; two programs that do so at once get two names."""
    if not title.strip():
        raise InputError("got an empty title: name the workspace")
    used = {workspace.name for workspace in list_workspaces(project)}
    names = (f"W{number}" for number in count(1))
    name = next(name for name in names if name not in used and _take(project.workspace(name)))
    write_json(project.workspace(name), {"name": name, "title": title.strip(), "created": time.time()})
    return name


def _take(path: Path) -> bool:
    """Take a name that nobody has, as mkdir does for jobs."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def move_jobs(project: ProjectPaths, names: list[str], workspace: str) -> None:
    """Move jobs to another workspace.

    Raises
    ------
    JobError
        There is no such job or workspace.
    """
    if not project.workspace(workspace).is_file():
        known = ", ".join(each.name for each in list_workspaces(project))
        raise JobError(f"there is no workspace {workspace}: it has {known}; make one with 'triskelion workspaces new TITLE'")
    for paths in [find_job(project, name) for name in names]:
        Notes(paths).move_to(workspace)
