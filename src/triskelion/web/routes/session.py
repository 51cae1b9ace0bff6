"""What the server is, and what jobs there are."""

from typing import Any

from fastapi import APIRouter, Request

from triskelion import __version__
from triskelion.api import Project
from triskelion.devices import available_threads
from triskelion.errors import DataError, TriskelionError
from triskelion.project.forms import list_forms
from triskelion.project.plain_json import read_json
from triskelion.project.store import list_jobs
from triskelion.runners.survey import survey_lanes
from triskelion.web.asking import WorkplaceOf

router = APIRouter(tags=["session"])


@router.get("/session")
def describe_session(request: Request, workplace: WorkplaceOf) -> dict[str, Any]:
    """Return what the page has to know first; lanes are those of the first project."""
    workplace.look_for_projects()
    projects = workplace.projects
    first = next(iter(projects.values()), None)
    return {
        "version": __version__,
        "read_only": request.app.state.serving.read_only,
        "roots": [str(root) for root in workplace.roots],
        "projects": [
            {"id": name, "title": _read_title(each), "folder": str(each.folder), "n_jobs": len(list_jobs(each.paths))}
            for name, each in projects.items()
        ],
        **({"lanes": [], "lanes_error": None} if first is None else _list_lanes(first)),
        "threads": available_threads(),
    }


def _read_title(project: Project) -> str:
    try:
        return str(read_json(project.paths.record).get("title") or project.folder.name)
    except DataError:  # damaged: the doctor tells
        return project.folder.name


def _list_lanes(project: Project) -> dict[str, Any]:
    try:
        lanes = [{"name": lane.name, "kind": lane.kind, "room": lane.room} for lane in survey_lanes(project.paths)]
    except TriskelionError as error:  # a mistake in lanes.toml must not close the page
        return {"lanes": [], "lanes_error": str(error)}
    return {"lanes": lanes, "lanes_error": None}


@router.get("/job_types")
def list_job_types() -> list[dict[str, Any]]:
    """Return the form of every job type."""
    return list_forms()
