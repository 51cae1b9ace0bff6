"""Workspaces: names under which the jobs of a project are grouped. A job is in the one it was made in, or moved to last."""

import time
from dataclasses import dataclass

from triskelion.errors import InputError, JobError
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
    """Return the workspaces of a project in the order of their numbers."""
    jobs: dict[str, list[str]] = {}
    for paths in list_jobs(project):
        if paths.record.exists():
            jobs.setdefault(workspace_of(paths), []).append(paths.name)
    files = sorted(project.workspaces.glob("W*.json"), key=lambda path: (len(path.stem), path.stem))
    return [Workspace(path.stem, str(read_json(path).get("title", path.stem)), tuple(jobs.get(path.stem, ()))) for path in files]


def add_workspace(project: ProjectPaths, title: str) -> str:
    """Make a workspace and return its name, ``W2``; two programs that do so at once get two names."""
    if not title.strip():
        raise InputError("got an empty title: name the workspace")
    number = len(list(project.workspaces.glob("W*.json"))) + 1
    while True:
        path = project.workspace(f"W{number}")
        try:
            path.touch(exist_ok=False)  # takes the name, as mkdir does for jobs
        except FileExistsError:
            number += 1
            continue
        write_json(path, {"name": path.stem, "title": title.strip(), "created": time.time()})
        return path.stem


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
