"""regions.jsonl in the folder of a segmentation job: the history of edits of its regions, one JSON object a line, only ever appended.

Undo and redo are lines too, so the file is what people did in the order they did it, and its first n lines are a version that stays.
"""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triskelion.errors import DataError
from triskelion.masks.regions import VERBS, Edit


@dataclass(frozen=True)
class StoredEdits:
    """What a file of edits holds.

    Attributes
    ----------
    edits : tuple of Edit
    end : int
        Byte after the last complete line.
    warning : str or None
        That a last line was dropped which a program or machine did not live to finish.
    """

    edits: tuple[Edit, ...]
    end: int
    warning: str | None


class EditWriter:
    """The edits of a file that nobody else can append to at the same time."""

    def __init__(self, path: Path):
        self._path = path
        self.stored = read_edits(path)

    def append(self, edit: Edit) -> None:
        """Append an edit with the time, in one write; a half-written line before it goes."""
        line = json.dumps({"time": round(time.time(), 3), **edit.describe()}, ensure_ascii=False).encode() + b"\n"
        with self._path.open("r+b", buffering=0) as stream:
            stream.truncate(self.stored.end)
            stream.seek(self.stored.end)
            stream.write(line)
        self.stored = StoredEdits((*self.stored.edits, edit), self.stored.end + len(line), None)


@contextmanager
def edit_history(path: Path) -> Iterator[EditWriter]:
    """Read the edits there are, and keep other programs from adding theirs until the block ends."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back with the file
        yield EditWriter(path)


def read_edits(path: Path) -> StoredEdits:
    """Return the edits of a file, none where there is no file.

    Raises
    ------
    DataError
        A complete line is not an edit.
    """
    data = path.read_bytes() if path.exists() else b""
    end = data.rfind(b"\n") + 1
    edits = tuple(_parse_line(path, row, line) for row, line in enumerate(data[:end].splitlines(), 1))
    half = data[end : end + 80].decode(errors="replace")
    return StoredEdits(edits, end, f"{path}: the last edit was not written to its end and is dropped: {half}" if half else None)


def _parse_line(path: Path, row: int, line: bytes) -> Edit:
    try:
        fields = json.loads(line)
        verb, level = fields["edit"], fields.get("level")
        if verb not in VERBS:
            raise ValueError(f"there is no edit {verb!r}")
        return Edit(verb, tuple(int(number) for number in fields.get("regions", ())), fields.get("name"), None if level is None else int(level))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}, row {row}: this is not an edit of regions ({error}); take the line out, or put the file back from a copy"
        ) from error
