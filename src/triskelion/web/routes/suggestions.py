"""Suggestions: what to begin with where a person has to choose."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from triskelion.project.suggestions import suggest_fulcra, suggest_padding
from triskelion.web.asking import ProjectOf, get_job, get_map

router = APIRouter(tags=["suggestions"], prefix="/p/{p}/suggest")
Reference = Annotated[str | None, Query(max_length=200, pattern=r"^J[1-9]\d*(\.\w+)?$")]
Which = Annotated[str | None, Query(max_length=100_000)]


@router.get("/padding")
def padding(project: ProjectOf, job: Annotated[str, Query(max_length=40)], output: Annotated[str, Query(max_length=100)]) -> dict[str, Any]:
    """Return how far to dilate and pad a mask made of an output."""
    found = get_job(job, project)
    return vars(suggest_padding(found.paths, get_map(output, found)))


@router.get("/fulcrum")
def fulcrum(
    project: ProjectOf, segmentation: Reference = None, regions: Which = None, against: Which = None, mask: Reference = None
) -> list[dict[str, Any]]:
    """Return points that may be the fulcrum, for regions of a segmentation or for a mask."""
    places = suggest_fulcra(project.paths, segmentation=segmentation, regions=regions, against=against, mask=mask)
    return [vars(place) for place in places]
