"""The plots of a job: their data, and drawn."""

import json
import threading
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from triskelion.project.pictures import draw_picture, list_diagnostics
from triskelion.project.plot_export import draw_svg, write_csv
from triskelion.web.answers import UnknownThing
from triskelion.web.asking import JobOf

router = APIRouter(tags=["results"], prefix="/p/{p}/j/{j}")
_DRAWING = threading.Lock()  # matplotlib draws one figure at a time


@router.get("/plots/{name}")
def read_plot(
    name: str,
    job: JobOf,
    iteration: Annotated[int | None, Query(ge=0, le=10**6)] = None,
    form: Annotated[Literal["json", "csv", "png", "svg"], Query(alias="as")] = "json",
) -> Response:
    """Return the data of a plot (json, csv), or the plot as it stands in a report (png, svg)."""
    if iteration not in list_diagnostics(job.paths).get(name, ()):
        raise UnknownThing(f"{job.name} has no plot {name!r}" + ("" if iteration is None else f" of iteration {iteration}"))
    label = f"{job.name}-{name}" + ("" if iteration is None else f"-{iteration}")
    data = job.paths.plot_data(name, iteration).read_bytes()
    if form == "json":
        return Response(data, media_type="application/json")
    if form == "csv":
        return _send(write_csv(json.loads(data)).encode(), "text/csv; charset=utf-8", f"{label}.csv")
    with _DRAWING:
        if form == "png":
            return _send(draw_picture(job.paths, name, iteration).read_bytes(), "image/png", f"{label}.png")
        return _send(draw_svg(name, json.loads(data)), "image/svg+xml", f"{label}.svg")


def _send(content: bytes, kind: str, filename: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{filename}"'})
