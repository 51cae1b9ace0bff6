"""What the words of an address mean: a project, a job of it, an output of that."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from triskelion.api import Job, Project
from triskelion.errors import InputError
from triskelion.jobs.registry import job_type
from triskelion.project.connect import Output
from triskelion.project.layout import job_number
from triskelion.project.lineage import job_of_text
from triskelion.project.parameters import describe_parameters
from triskelion.web.answers import FieldError, UnknownThing
from triskelion.web.roots import Workplace


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


def get_output(output: str, job: JobOf) -> Output:
    """Return the output ``{output}``."""
    found = next((each for each in job.outputs if each.name == output), None)
    if found is None:
        raise UnknownThing(f"{job.name} has no output {output!r}: it has {', '.join(each.name for each in job.outputs) or 'none'}")
    return found


OutputOf = Annotated[Output, Depends(get_output)]


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
