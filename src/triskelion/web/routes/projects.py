"""Projects: made, opened, looked at as a whole."""

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from triskelion.errors import InputError
from triskelion.project.cards import list_cards
from triskelion.project.search import search_jobs
from triskelion.project.status import read_status
from triskelion.runners.survey import survey_lanes, survey_queue
from triskelion.web.asking import Body, ProjectOf, WorkplaceOf

router = APIRouter(tags=["projects"])
MOST_ENTRIES = 2000  # of a folder


class NewProject(Body):
    """A project to make."""

    folder: str = Field(min_length=1, max_length=4096)
    title: str | None = Field(None, max_length=200)


class OpenProject(Body):
    """A project to open."""

    folder: str = Field(min_length=1, max_length=4096)


class NewWorkspace(Body):
    """A workspace to make."""

    title: str = Field(max_length=200)


@router.post("/projects")
def make_project(body: NewProject, workplace: WorkplaceOf) -> dict[str, Any]:
    """Make a project below one of the folders for projects."""
    return {"id": workplace.make(Path(workplace.folders[0], os.path.expanduser(body.folder)), body.title)}


@router.post("/projects/open")
def open_project(body: OpenProject, workplace: WorkplaceOf) -> dict[str, Any]:
    """Open a project that lies deeper than projects are looked for."""
    return {"id": workplace.open(Path(body.folder))}


@router.get("/folders")
def list_folder(workplace: WorkplaceOf, path: Annotated[str | None, Query(max_length=4096)] = None) -> dict[str, Any]:
    """Return what is in a folder, for pickers; without a path, the roots."""
    if not path:
        return {"path": None, "folders": [str(root) for root in workplace.roots], "files": [], "parent": None}
    place = workplace.confine(path)
    try:
        with os.scandir(place) as entries:
            shown = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)[:MOST_ENTRIES]
        folders = [entry.name for entry in shown if entry.is_dir()]
        files = [entry.name for entry in shown if entry.is_file()]
    except OSError as error:
        raise InputError(f"cannot look into {place}: {error.strerror}") from None
    return {"path": str(place), "folders": folders, "files": files, "parent": None if place in workplace.roots else str(place.parent)}


@router.get("/p/{p}/jobs")
def list_jobs(project: ProjectOf) -> list[dict[str, Any]]:
    """Return the cards of all jobs."""
    return list_cards(project.paths)


@router.get("/p/{p}/workspaces")
def list_workspaces(project: ProjectOf) -> list[dict[str, Any]]:
    """Return the workspaces and the jobs in each."""
    return [{"name": each.name, "title": each.title, "jobs": list(each.jobs)} for each in project.upkeep.workspaces]


@router.post("/p/{p}/workspaces")
def add_workspace(body: NewWorkspace, project: ProjectOf) -> dict[str, Any]:
    """Make a workspace."""
    return {"name": project.upkeep.add_workspace(body.title)}


@router.get("/p/{p}/lineage")
def read_lineage(project: ProjectOf) -> dict[str, Any]:
    """Return which job was made from which, through which slot."""
    lineage = project.upkeep.lineage
    edges = [{"from": source.job, "to": name, "slot": source.slot} for name, job in lineage.items() for source in job.sources if source.job]
    return {"edges": edges}


@router.get("/p/{p}/bin")
def list_bin(project: ProjectOf) -> list[dict[str, Any]]:
    """Return the deleted jobs that can be restored."""
    ended = lambda name: read_status(project.paths.bin.job(name)).ended
    return [{"name": job.name, "type": job.type, "bytes": job.total_bytes, "ended": ended(job.name)} for job in project.upkeep.bin]


@router.get("/p/{p}/disk")
def measure_disk(project: ProjectOf) -> dict[str, Any]:
    """Return the bytes that each job takes: particle images, what iterations left, and the rest."""
    types = {name: ancestry.type for name, ancestry in project.upkeep.lineage.items()}
    return {
        "jobs": [
            {"name": name, "type": types.get(name), "images": use.images_bytes, "iterations": use.iterations_bytes, "rest": use.rest_bytes}
            for name, use in project.upkeep.disk_use.items()
        ]
    }


@router.get("/p/{p}/lanes")
def list_lanes(project: ProjectOf) -> list[dict[str, Any]]:
    """Return the lanes that jobs of the project can be given to."""
    return [vars(lane) for lane in survey_lanes(project.paths)]


@router.get("/p/{p}/queue")
def list_queue(project: ProjectOf) -> list[dict[str, Any]]:
    """Return the jobs on lanes that are not over."""
    return [vars(job) for job in survey_queue(project.paths)]


@router.get("/p/{p}/search")
def search(project: ProjectOf, q: Annotated[str, Query(max_length=200)] = "") -> list[dict[str, Any]]:
    """Return the jobs in which all words are found, and where."""
    return [vars(found) for found in search_jobs(project.paths, q)]
