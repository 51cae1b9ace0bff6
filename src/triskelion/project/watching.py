"""What has happened in a project since somebody last looked: new events of every job, jobs that appeared, changed or went.

A cursor says how far a reader has come: for every job the byte in events.jsonl up to which it knows, and the version of the card it has seen. It
needs nothing from the program that gave it out, so a reader whose server was killed goes on with another one, and misses and repeats nothing.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triskelion.errors import InputError, TriskelionError
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.status import JobStatus, read_status
from triskelion.project.store import list_jobs

LARGEST_CURSOR = 2**20
_STAMPED = ("record", "status", "notes", "region_edits", "submission", "summary")


@dataclass(frozen=True)
class Mark:
    """How far a job has come.

    Attributes
    ----------
    end : int
        Bytes of events.jsonl.
    card : str
        Changes whenever the card of the job does, apart from its progress.
    """

    end: int
    card: str


@dataclass(frozen=True)
class Look:
    """A mark, and what tells cheaply whether it still holds: the times of its files, and whether a worker has to be asked after."""

    mark: Mark
    stamps: tuple[int, ...]
    is_running: bool


Cursor = dict[str, dict[str, Mark]]  # project -> job -> mark


def look_at(project: ProjectPaths, before: dict[str, Look]) -> dict[str, Look]:
    """Return the marks of all jobs of a project, read anew only where files have changed."""
    return {paths.name: _look_at_job(paths, before.get(paths.name)) for paths in list_jobs(project)}


def _look_at_job(paths: JobPaths, before: Look | None) -> Look:
    stamps = tuple(_stamp(getattr(paths, name)) for name in _STAMPED)
    end = _size(paths.events)
    if before is not None and before.stamps == stamps and not before.is_running:
        return before if before.mark.end == end else Look(Mark(end, before.mark.card), stamps, False)
    try:
        status = read_status(paths)
    except TriskelionError as error:  # damaged: the card says so
        status = JobStatus(message=str(error))
    told = (status.state, status.message, *(_size(getattr(paths, name)) for name in _STAMPED if name != "status"))
    return Look(Mark(end, f"{zlib.crc32(repr(told).encode()):x}"), stamps, status.state == "running")


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read_new_events(paths: JobPaths, start: int, end: int) -> Iterator[tuple[dict[str, Any] | None, int]]:
    """Yield the events between two bytes, each with the byte after it; None for a damaged line. A line that is not finished is left for later."""
    with paths.events.open("rb") as stream:
        stream.seek(start)
        lines = stream.read(end - start).split(b"\n")
    for line in lines[:-1]:
        start += len(line) + 1
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        yield event if isinstance(event, dict) else None, start


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as a word that fits into a header."""
    plain = {project: {job: [mark.end, mark.card] for job, mark in jobs.items()} for project, jobs in cursor.items()}
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 1)).decode("ascii")


def read_cursor(word: str) -> Cursor:
    """Return the cursor that ``write_cursor`` wrote.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        packed = zlib.decompressobj()
        text = packed.decompress(base64.urlsafe_b64decode(word.encode("ascii")), LARGEST_CURSOR)
        plain = json.loads(text)
        return {project: {job: Mark(int(end), str(card)) for job, (end, card) in jobs.items()} for project, jobs in plain.items()}
    except (binascii.Error, zlib.error, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"this is not a place in the stream of events ({error}): load the page again") from None
