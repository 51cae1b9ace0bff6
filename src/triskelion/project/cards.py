"""Jobs as cards: what a person sees of a job at a glance, as plain data."""

import re
from pathlib import PurePosixPath
from typing import Any

from triskelion.errors import TriskelionError
from triskelion.jobs.registry import job_type
from triskelion.project.connect import MASK_BASES, list_outputs
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.lineage import job_of_path, read_ancestry
from triskelion.project.notes import read_note_lines
from triskelion.project.status import JobStatus, read_status
from triskelion.project.store import JobRecord, list_jobs, read_job, read_summary
from triskelion.project.submission import read_submission

_PROGRESS = re.compile(r"(.*) (\d+)/(\d+)", re.DOTALL)
_HALF_MAPS = ("half_a", "half_b")


def list_cards(project: ProjectPaths) -> list[dict[str, Any]]:
    """Return the cards of all jobs in the order they were made."""
    return [describe_card(paths) for paths in list_jobs(project)]


def describe_card(paths: JobPaths) -> dict[str, Any]:
    """Return the card of a job; of one whose files are damaged, what can be read, and why not more."""
    try:
        record = read_job(paths)
        kind = job_type(record.type)
        return {**_describe_record(paths, record), "type_title": kind.title, **_describe_state(paths, read_status(paths))}
    except TriskelionError as error:
        return {**_EMPTY, "name": paths.name, "message": str(error)}


_EMPTY: dict[str, Any] = {
    "type": None,
    "type_title": "",
    "title": "",
    "state": "building",
    "message": "",
    "progress": None,
    "created": None,
    "started": None,
    "ended": None,
    "workspace": "W1",
    "tags": [],
    "n_notes": 0,
    "lane": None,
    "summary": {},
    "warnings": [],
    "inputs": [],
    "outputs": [],
    "cloned_from": None,
    "started_by": None,
}


def _describe_record(paths: JobPaths, record: JobRecord) -> dict[str, Any]:
    lines = read_note_lines(paths.notes)
    notes = [line["note"] for line in lines if "note" in line]
    tags: set[str] = set()
    for line in lines:  # the last word on each tag counts
        tags = tags | {line["tag"]} if "tag" in line else tags - {line.get("untag")}
    moves = [line["workspace"] for line in lines if "workspace" in line]
    return {
        "name": paths.name,
        "type": record.type,
        "title": notes[0].splitlines()[0] if notes else "",
        "created": record.created,
        "workspace": moves[-1] if moves else record.workspace,
        "tags": sorted(tags),
        "n_notes": len(notes),
        "inputs": list_input_links(paths),
        "cloned_from": record.cloned_from,
        "started_by": record.started_by,
    }


def _describe_state(paths: JobPaths, status: JobStatus) -> dict[str, Any]:
    summary = dict(read_summary(paths))
    submission = read_submission(paths)
    return {
        "state": status.state,
        "message": status.message,
        "progress": parse_progress(status.progress),
        "started": status.started,
        "ended": status.ended,
        "lane": None if submission is None else submission.lane,
        "warnings": summary.pop("warnings", None) or [],
        "summary": summary,
        "outputs": list_output_files(paths),
    }


def parse_progress(text: str) -> dict[str, Any] | None:
    """Turn ``align 3/10``, as status.json has it, into title, done and total; None where nothing is under way."""
    match = _PROGRESS.fullmatch(text)
    return {"title": match[1], "done": int(match[2]), "total": int(match[3])} if match else None


def list_input_links(paths: JobPaths) -> list[dict[str, Any]]:
    """Return for each input the slot, the reference, and the job and output that it meant (None for files from elsewhere)."""
    links = []
    for source in read_ancestry(paths).sources:
        output = PurePosixPath(source.file).stem if job_of_path(source.file) else None
        links.append({"slot": source.slot, "reference": source.reference, "job": source.job, "output": output})
    return links


def list_output_files(paths: JobPaths) -> list[dict[str, Any]]:
    """Return name, kind, file, size and role of every output: ``main`` is what ``J5`` means in a slot of that kind."""
    seen: set[str] = set()
    files = []
    for output in list_outputs(paths):
        role = "half" if output.name in _HALF_MAPS else "base" if output.name in MASK_BASES else "other" if output.kind in seen else "main"
        seen.add(output.kind)
        files.append({"name": output.name, "kind": output.kind, "file": output.path.name, "bytes": output.path.stat().st_size, "role": role})
    return files
