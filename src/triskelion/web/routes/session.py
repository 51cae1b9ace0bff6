"""What the server is, and what jobs there are."""

from typing import Any

from fastapi import APIRouter, Request

from triskelion import __version__
from triskelion.devices import available_threads
from triskelion.project.forms import list_forms
from triskelion.project.plain_json import read_json
from triskelion.project.store import list_jobs
from triskelion.runners.survey import survey_lanes
from triskelion.web.asking import WorkplaceOf

router = APIRouter(tags=["session"])


@router.get("/session")
def describe_session(request: Request, workplace: WorkplaceOf) -> dict[str, Any]:
    """Return what the page has to know first."""
    workplace.look_for_projects()
    projects = workplace.projects
    first = next(iter(projects.values()), None)
    return {
        "version": __version__,
        "read_only": request.app.state.serving.read_only,
        "roots": [str(root) for root in workplace.roots],
        "projects": [
            {"id": name, "title": read_json(each.paths.record).get("title"), "folder": str(each.folder), "n_jobs": len(list_jobs(each.paths))}
            for name, each in projects.items()
        ],
        "lanes": [] if first is None else [{"name": lane.name, "kind": lane.kind, "room": lane.room} for lane in survey_lanes(first.paths)],
        "threads": available_threads(),
    }


@router.get("/job_types")
def list_job_types() -> list[dict[str, Any]]:
    """Return the form of every job type."""
    return list_forms()
