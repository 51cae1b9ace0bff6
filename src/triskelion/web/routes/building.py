"""Jobs that are being made: a form checked as it stands, what could fill its slots, and the job itself."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from triskelion.api import Job, Project
from triskelion.errors import InputError
from triskelion.project.candidates import list_candidates
from triskelion.project.estimate import estimate_cost
from triskelion.project.form_check import check_form
from triskelion.project.layout import job_number
from triskelion.runners.lane_runner import LaneRunner
from triskelion.web.answers import FieldError, UnknownThing
from triskelion.web.asking import Body, ProjectOf, WorkplaceOf, confine_parameters

router = APIRouter(tags=["building"], prefix="/p/{p}")
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Form(Body):
    """A form as it stands."""

    type: Name
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=200)
    lane: Name | None = None
    preview: bool = False


class NewJob(Body):
    """A job to make and start."""

    type: Name
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=200)
    lane: Name | None = None
    clone_of: Name | None = None
    workspace: Name | None = None


@router.post("/check")
def check(body: Form, project: ProjectOf, workplace: WorkplaceOf) -> dict[str, Any]:
    """Say what does not fit in a form, what differs from the defaults, and the same on the command line; nothing is made.

    ``preview`` asks what the job would do, where its type can say; that reads its inputs, which takes its time.
    """
    require_text(body.parameters)
    try:
        given, outside = confine_parameters(workplace, project, body.type, body.parameters), None
    except FieldError as error:
        given, outside = body.parameters, error
    found = check_form(project.paths, body.type, given, promised=body.lane is not None)
    problems = found.problems | ({str(outside.field): str(outside)} if outside else {})
    preview = None
    if body.preview and not problems:
        preview = project.preview(body.type, **given)
    return {
        "ok": not problems,
        "errors": [{"field": name or None, "message": message} for name, message in problems.items()],
        "changed": found.changed,
        "command": found.command,
        "preview": preview,
        "estimate": estimate_cost(project.paths, body.type) or None,
    }


@router.get("/candidates")
def candidates(project: ProjectOf, type: Name, slot: Name, lane: str | None = None) -> list[dict[str, Any]]:
    """Return every output of every job, and whether it fits a slot; on a lane, also what is still to be made."""
    return [vars(candidate) for candidate in list_candidates(project.paths, type, slot, promised=bool(lane))]


@router.post("/jobs")
def make_job(body: NewJob, project: ProjectOf, workplace: WorkplaceOf) -> dict[str, Any]:
    """Make a job and start it, at once or on a lane."""
    require_text(body.parameters)
    given = confine_parameters(workplace, project, body.type, body.parameters)
    problems = check_form(project.paths, body.type, given, promised=body.lane is not None).problems
    if problems:
        field, message = next(iter(problems.items()))
        raise FieldError(f"{field}: {message}" if field else message, field or None)
    if body.workspace is not None and body.workspace not in [each.name for each in project.upkeep.workspaces]:
        raise FieldError(f"there is no workspace {body.workspace}", "workspace")
    runner = None if body.lane is None else LaneRunner(body.lane)
    door = Project(project.folder, runner=runner)
    job = door.prepare(body.type, **given) if body.clone_of is None else _clone(door, body, given)
    if body.workspace is not None and body.workspace != job.record.workspace:
        door.upkeep.move([job.name], body.workspace)
    job.start()
    return {"name": job.name}


def _clone(project: Project, body: NewJob, given: dict[str, Any]) -> Job:
    """Make a copy of a job, with what the form says in the place of what it had."""
    original = str(body.clone_of)
    if job_number(original) is None or not project.paths.job(original).record.is_file():
        raise UnknownThing(f"there is no job {original!r} in {project.folder.name}")
    if project.job(original).type != body.type:
        raise FieldError(f"{original} is a {project.job(original).type}: a clone of it is no {body.type}", "clone_of")
    return project.prepare_clone(original, **given)


def require_text(value: Any) -> None:
    """Raise InputError where a text holds half a character, which no file can keep."""
    if isinstance(value, dict):
        for name, item in value.items():
            require_text(name)
            require_text(item)
    elif isinstance(value, list):
        for item in value:
            require_text(item)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError("got a text with half a character in it: type it again") from None
