"""Jobs: looked at, stopped, continued, moved, and what people write on them."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query
from fastapi.responses import FileResponse, Response
from pydantic import Field

from triskelion.jobs.registry import job_type
from triskelion.project.cards import describe_card
from triskelion.project.lineage import list_descendants
from triskelion.project.next_jobs import suggest_next
from triskelion.project.parameters import changed_parameters
from triskelion.project.pictures import list_diagnostics
from triskelion.project.report_plots import caption_of, title_of
from triskelion.web.answers import UnknownThing
from triskelion.web.asking import Body, JobOf, ProjectOf, WorkplaceOf

router = APIRouter(tags=["jobs"], prefix="/p/{p}")
LOG_BYTES = 2**20  # of one answer: the next begins where it ends


class NewNote(Body):
    """A note to add."""

    text: str = Field(max_length=20_000)


class TagChange(Body):
    """Tags to add and to take away."""

    add: list[str] = Field(default_factory=list, max_length=100)
    remove: list[str] = Field(default_factory=list, max_length=100)


class Move(Body):
    """The workspace to move to."""

    name: str = Field(pattern=r"^W[1-9]\d{0,8}$")


@router.get("/j/{j}")
def describe_job(job: JobOf, project: ProjectOf) -> dict[str, Any]:
    """Return all that is known of a job."""
    record, notes = job.record, job.notes
    found = list_diagnostics(job.paths)
    return {
        **describe_card(job.paths),
        "parameters": record.parameters,
        "changed": changed_parameters(job_type(record.type), record.parameters),
        "command": record.command,
        "versions": record.versions,
        "notes": [{"time": note.time, "text": note.text} for note in notes.notes],
        "plots": [{"name": name, "title": title_of(name), "caption": caption_of(name), "iterations": found[name]} for name in found],
        "log_bytes": job.log_path.stat().st_size if job.log_path.exists() else 0,
        "children": [name for name, each in project.upkeep.lineage.items() if job.name in each.parents],
        "next": [vars(step) for step in suggest_next(job.paths)],
    }


@router.get("/j/{j}/log")
def read_log(job: JobOf, start: Annotated[int, Query(alias="from", ge=0, le=2**53)] = 0) -> dict[str, Any]:
    """Return the log from a byte on, whole lines, and the byte to go on from."""
    if not job.log_path.exists():
        return {"text": "", "next": start}
    with job.log_path.open("rb") as stream:
        stream.seek(start)
        piece = stream.read(LOG_BYTES)
    whole = piece[: piece.rfind(b"\n") + 1] or (piece if len(piece) == LOG_BYTES else b"")
    return {"text": whole.decode("utf-8", errors="replace"), "next": start + len(whole)}


@router.get("/j/{j}/files")
def list_files(job: JobOf) -> list[dict[str, Any]]:
    """Return the files of the job folder, those in its folders too."""
    found = []
    for folder, folders, names in os.walk(job.folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file():
                found.append({"name": str(path.relative_to(job.folder)), "bytes": path.stat().st_size})
    return found


@router.get("/j/{j}/files/{name:path}")
def download_file(name: str, job: JobOf, workplace: WorkplaceOf) -> Response:
    """Send a file of the job folder, or the part of it that ``Range`` asks for."""
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or any(part.startswith(".") for part in parts):
        raise UnknownThing(f"{job.name} has no file {name!r}")
    path = workplace.confine(job.folder / name)
    if not path.is_file():
        raise UnknownThing(f"{job.name} has no file {name!r}")
    return FileResponse(path, filename=parts[-1], media_type="application/octet-stream", content_disposition_type="attachment")


@router.get("/j/{j}/archive")
def download_archive(job: JobOf, project: ProjectOf, after: BackgroundTasks) -> Response:
    """Send the job as an archive that another project can take in."""
    with tempfile.NamedTemporaryFile(prefix="triskelion-", suffix=".tar", delete=False) as file:
        path = Path(file.name)
    after.add_task(path.unlink, missing_ok=True)
    try:
        project.upkeep.export(path, [job.name])
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(path, filename=f"{project.folder.name}-{job.name}.tar", media_type="application/x-tar", background=after)


@router.post("/j/{j}/kill")
def kill_job(job: JobOf) -> dict[str, Any]:
    """Stop a job."""
    job.kill()
    return {"state": job.status.state}


@router.post("/j/{j}/resume")
def resume_job(job: JobOf) -> dict[str, Any]:
    """Continue a killed or failed job from its last checkpoint, on its lane if it was on one."""
    job.requeue().start()
    return {"state": job.status.state}


@router.post("/j/{j}/clear")
def clear_job(job: JobOf, project: ProjectOf) -> dict[str, Any]:
    """Erase the outputs of a job; it can be run again."""
    project.upkeep.clear(job.name)
    return {"state": job.status.state}


@router.delete("/j/{j}")
def delete_job(job: JobOf, project: ProjectOf, with_descendants: bool = False) -> dict[str, Any]:
    """Move a job to the bin, and where that is wanted all that was made from it."""
    names = [job.name, *sorted(list_descendants(project.upkeep.lineage, [job.name]))] if with_descendants else [job.name]
    project.upkeep.delete(names)
    return {"deleted": names}


@router.post("/bin/{j}/restore")
def restore_job(j: str, project: ProjectOf) -> dict[str, Any]:
    """Bring a job back from the bin."""
    if not any(each.name == j for each in project.upkeep.bin):
        raise UnknownThing(f"there is no job {j!r} in the bin of {project.folder.name}")
    project.upkeep.restore(j)
    return {"name": j}


@router.post("/j/{j}/notes")
def add_note(body: NewNote, job: JobOf) -> dict[str, Any]:
    """Add a note."""
    job.notes.add(body.text)
    return job.notes.describe()


@router.put("/j/{j}/tags")
def change_tags(body: TagChange, job: JobOf) -> dict[str, Any]:
    """Add tags and take tags away."""
    job.notes.tag(*body.add)
    job.notes.untag(*body.remove)
    return job.notes.describe()


@router.put("/j/{j}/workspace")
def move_job(body: Move, job: JobOf, project: ProjectOf) -> dict[str, Any]:
    """Move a job to another workspace."""
    project.upkeep.move([job.name], body.name)
    return {"workspace": body.name}
