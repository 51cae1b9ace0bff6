"""notes.jsonl in a job folder: notes, tags and workspace that people give a job, one JSON object a line, only ever appended."""

import fcntl
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triskelion.errors import DataError, InputError
from triskelion.project.layout import JobPaths

_TAG = re.compile(r"[\w.+-]{1,40}")
_KEYS = {"note", "tag", "untag", "workspace"}


@dataclass(frozen=True)
class Note:
    """A remark and when it was made (seconds since 1970)."""

    text: str
    time: float


class Notes:
    """The notes, tags and workspace of a job."""

    def __init__(self, paths: JobPaths):
        self._path = paths.notes

    @property
    def notes(self) -> list[Note]:
        """The remarks, oldest first."""
        return [Note(line["note"], line["time"]) for line in read_note_lines(self._path) if "note" in line]

    @property
    def tags(self) -> list[str]:
        """The tags, sorted."""
        tags: set[str] = set()
        for line in read_note_lines(self._path):
            if "tag" in line:
                tags.add(line["tag"])
            elif "untag" in line:
                tags.discard(line["untag"])
        return sorted(tags)

    @property
    def workspace(self) -> str | None:
        """The workspace the job was moved to, None if it is still where it was made."""
        return next((line["workspace"] for line in reversed(read_note_lines(self._path)) if "workspace" in line), None)

    def add(self, text: str) -> None:
        """Add a remark."""
        if not text.strip():
            raise InputError("got an empty note: write what is to be remembered")
        _append(self._path, {"note": text.strip()})

    def tag(self, *tags: str) -> None:
        """Add tags.

        Raises
        ------
        InputError
            A tag is not one word of letters, digits and ``. + - _``.
        """
        for tag in tags:
            if not _TAG.fullmatch(tag):
                raise InputError(f"got the tag {tag!r}: a tag is one word of at most 40 letters, digits and . + - _")
        for tag in tags:
            _append(self._path, {"tag": tag})

    def untag(self, *tags: str) -> None:
        """Take tags away.

        Raises
        ------
        InputError
            The job does not have one of them.
        """
        have = self.tags
        for tag in tags:
            if tag not in have:
                raise InputError(f"{self._path.parent.name} has no tag {tag!r}: it has {', '.join(have) or 'none'}")
        for tag in tags:
            _append(self._path, {"untag": tag})

    def move_to(self, workspace: str) -> None:
        """Say that the job belongs to another workspace."""
        _append(self._path, {"workspace": workspace})

    def describe(self) -> dict[str, Any]:
        """Return notes and tags as plain data."""
        return {"notes": [{"time": note.time, "text": note.text} for note in self.notes], "tags": self.tags}


def read_note_lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a file of notes; one that was not written to its end is left out.

    Raises
    ------
    DataError
        A complete line is not a note; names file and row.
    """
    data = path.read_bytes() if path.exists() else b""
    return [_parse_line(path, row, line) for row, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1)]


def _parse_line(path: Path, row: int, line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line)
        if not (isinstance(fields, dict) and isinstance(fields.get("time"), (int, float)) and _KEYS & fields.keys()):
            raise ValueError("it has no time, or nothing of " + ", ".join(sorted(_KEYS)))
    except ValueError as error:
        raise DataError(f"{path}, row {row}: this is not a note ({error}); take the line out, or put the file back from a copy") from error
    return fields


def _append(path: Path, fields: dict[str, str]) -> None:
    """Append a line with the time, in one write, while no other program does; what is left of a half-written line goes."""
    line = json.dumps({"time": round(time.time(), 3), **fields}, ensure_ascii=False).encode() + b"\n"
    with path.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # given back with the file
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
        stream.write(line)
