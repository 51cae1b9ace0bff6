"""What the words of an address mean: a project, a job of it, an output of that."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from triskelion.api import Job, Project
from triskelion.errors import InputError, JobError
from triskelion.jobs.registry import job_type
from triskelion.project.layout import job_number
from triskelion.project.lineage import job_of_text
from triskelion.project.parameters import describe_parameters
from triskelion.project.regions import Regions
from triskelion.project.viewable import Viewable, find_viewable
from triskelion.web.answers import FieldError, UnknownThing
from triskelion.web.roots import Workplace

KEPT_SEGMENTATIONS = 3


class Body(BaseModel):
    """What a request brings: nothing but what is known."""

    model_config = ConfigDict(extra="forbid")


def get_workplace(request: Request) -> Workplace:
    """Return the roots and projects of the server."""
    return request.app.state.serving.workplace


WorkplaceOf = Annotated[Workplace, Depends(get_workplace)]


def get_project(p: str, workplace: WorkplaceOf) -> Project:
    """Return the project ``{p}``."""
    return workplace.find(p)


ProjectOf = Annotated[Project, Depends(get_project)]


def get_job(j: str, project: ProjectOf) -> Job:
    """Return the job ``{j}``."""
    if job_number(j) is None or not project.paths.job(j).record.is_file():
        raise UnknownThing(f"there is no job {j!r} in {project.folder.name}")
    return project.job(j)


JobOf = Annotated[Job, Depends(get_job)]


def get_map(output: str, job: JobOf) -> Viewable:
    """Return the map or mask ``{output}``."""
    try:
        return find_viewable(job.paths, output)
    except JobError as error:
        raise UnknownThing(str(error)) from None


MapOf = Annotated[Viewable, Depends(get_map)]


def get_regions(request: Request, project: ProjectOf, job: JobOf) -> Regions:
    """Return the regions of the segmentation job ``{j}``; the segmentation, which takes long to read, is kept while its file is the same."""
    stat = job.path("segmentation").stat()
    name = (job.folder, stat.st_mtime_ns, stat.st_size)
    kept: dict[tuple, Regions] = request.app.state.regions
    found = kept.get(name) or project.regions(job)
    kept.pop(name, None)
    kept[name] = found
    while len(kept) > KEPT_SEGMENTATIONS:
        kept.pop(next(iter(kept)))
    return found


RegionsOf = Annotated[Regions, Depends(get_regions)]


def confine_parameters(workplace: Workplace, project: Project, type_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters whose paths are true and absolute, or relative to the project as jobs are.

    Raises
    ------
    FieldError
        A path lies outside the roots; names the parameter.
    InputError
        There is no such job type.
    """
    described = describe_parameters(job_type(type_name))
    confined = dict(given)
    for name, value in given.items():
        if name not in described or not (described[name].slot or Path in described[name].kinds):
            continue
        try:
            if isinstance(value, str):
                confined[name] = _confine(workplace, project, value)
            elif isinstance(value, list):
                confined[name] = [_confine(workplace, project, each) if isinstance(each, str) else each for each in value]
        except InputError as error:
            raise FieldError(str(error), name) from None
    return confined


def _confine(workplace: Workplace, project: Project, text: str) -> str:
    """Leave ``J5`` and ``J5.map`` as they are, and hold paths inside the roots."""
    is_reference = job_of_text(text) is not None and os.sep not in text
    return text if is_reference else str(workplace.confine(text, project.folder))
