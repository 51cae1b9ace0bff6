"""Projects and jobs as folders: made, found, listed, read. Files are the only truth; there is nothing else to keep in step."""

import os
import platform
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from triskelion.errors import DataError, InputError, JobError
from triskelion.project.layout import JobPaths, ProjectPaths, job_number
from triskelion.project.plain_json import read_json, write_json
from triskelion.project.status import JobStatus, read_status, write_status

PROJECT_FORMAT = 1
_RECORDED_PACKAGES = ("triskelion", "numpy", "torch", "numba")


@dataclass(frozen=True)
class JobRecord:
    """job.json: all that it takes to make the job again; not changed once the job runs.

    Attributes
    ----------
    type : str
        Job type.
    parameters : dict
        Every parameter, defaults and seed included.
    inputs : dict
        For each filled slot the reference as given and the file it meant, relative to the project where it lies inside.
    threads : int or None
        Processor cores it may use; None is all of them.
    versions : dict
        Of the program and of the libraries that results depend on.
    command : str
        The equivalent command line.
    started_by : str or None
        The job that runs this one, as a series does.
    """

    type: str
    parameters: dict[str, Any]
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    workspace: str = "W1"
    threads: int | None = None
    cloned_from: str | None = None
    created: float = field(default_factory=time.time)
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    command: str = ""
    started_by: str | None = None


def installed_versions() -> dict[str, str]:
    """Versions of Python, of this program and of the libraries that results depend on."""
    versions = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def create_project(folder: Path, title: str | None = None) -> ProjectPaths:
    """Make a project folder with one workspace.

    Raises
    ------
    InputError
        The folder is a project already, or holds other files.
    """
    paths = ProjectPaths(folder.resolve())
    if paths.record.exists():
        raise InputError(f"{paths.folder} is a project already: open it, or choose another name")
    if paths.folder.exists() and (not paths.folder.is_dir() or any(paths.folder.iterdir())):
        raise InputError(f"{paths.folder} exists and is not empty: choose another name")
    workspace = paths.workspace("W1")
    workspace.parent.mkdir(parents=True)
    now = time.time()
    write_json(workspace, {"name": "W1", "title": "Workspace 1", "created": now})
    write_json(paths.record, {"format": PROJECT_FORMAT, "title": title or paths.folder.name, "created": now})
    return paths


def open_project(folder: Path) -> ProjectPaths:
    """Return the paths of an existing project.

    Raises
    ------
    InputError
        The folder is not a project, or one of a later program.
    """
    paths = ProjectPaths(folder.resolve())
    if not paths.record.exists():
        raise InputError(f"{paths.folder} is not a project (it has no project.json): make one with 'triskelion new {folder.name or 'NAME'}'")
    written = read_json(paths.record).get("format")
    if written != PROJECT_FORMAT:
        raise InputError(f"{paths.record} has format {written}, this program reads {PROJECT_FORMAT}: use a newer triskelion")
    return paths


def find_project(start: Path) -> ProjectPaths:
    """Return the project that ``start`` is, or lies in.

    Raises
    ------
    InputError
        Neither ``start`` nor a folder above it is a project.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if ProjectPaths(folder).record.exists():
            return open_project(folder)
    raise InputError(
        f"{start} is not inside a project: make one with 'triskelion new NAME && cd NAME', go into one, or name one with --project FOLDER"
    )


def list_jobs(project: ProjectPaths) -> list[JobPaths]:
    """Return the jobs of a project in the order they were made."""
    if not project.folder.is_dir():
        return []
    with os.scandir(project.folder) as entries:
        numbers = {job_number(entry.name): entry.name for entry in entries if entry.is_dir()}
    return [project.job(numbers[number]) for number in sorted(n for n in numbers if n is not None)]


def find_job(project: ProjectPaths, name: str) -> JobPaths:
    """Return the paths of a job that exists.

    Raises
    ------
    JobError
        There is none of this name.
    """
    paths = project.job(name)
    if job_number(name) is None or not paths.folder.is_dir():
        jobs = [job.name for job in list_jobs(project)]
        known = f"it has {jobs[0]} to {jobs[-1]}" if jobs else "it has no jobs yet"
        raise JobError(f"there is no job {name} in {project.folder}: {known}")
    return paths


def add_job(project: ProjectPaths, record: JobRecord) -> JobPaths:
    """Take the next job number, write job.json and queue the job.

    Two programs that do this at once get two numbers: making a folder succeeds for one of them only.
    """
    paths = make_job_folder(project)
    write_status(paths, JobStatus(state="building"))
    write_json(paths.record, {"name": paths.name, **asdict(record)})
    write_status(paths, JobStatus(state="queued"))
    return paths


def make_job_folder(project: ProjectPaths) -> JobPaths:
    """Make the folder of the next job; numbers of jobs in the bin are not given away."""
    used = [job_number(job.name) or 0 for place in (project, project.bin) for job in list_jobs(place)]
    number = max(used, default=0) + 1
    while True:
        paths = project.job(f"J{number}")
        try:
            paths.folder.mkdir()
        except FileExistsError:
            number += 1
            continue
        return paths


def read_job(paths: JobPaths) -> JobRecord:
    """Read job.json.

    Raises
    ------
    DataError
        job.json is missing or damaged.
    """
    data = read_json(paths.record)
    data.pop("name", None)
    try:
        return JobRecord(**data)
    except TypeError as error:
        raise DataError(f"{paths.record} is not the record of a job: {error}") from error


def read_summary(paths: JobPaths) -> dict[str, Any]:
    """Read summary.json; empty before the job has written one."""
    return read_json(paths.summary) if paths.summary.exists() else {}


def require_completed(paths: JobPaths) -> None:
    """Raise JobError unless the job is completed."""
    status = read_status(paths)
    if status.state != "completed":
        why = f": {status.message.splitlines()[0]}" if status.message else ""
        raise JobError(f"{paths.name} is {status.state}{why}; only a completed job can be an input")
