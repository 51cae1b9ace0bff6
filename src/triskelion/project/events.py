"""events.jsonl: what happened in a job, one JSON object a line, only ever appended.

The offset of a line in bytes is its identity, so a reader that was cut off continues where it stopped.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from triskelion.project.plain_json import to_plain

EventKind = Literal["log", "warning", "progress", "plot", "summary", "state"]


def append_event(path: Path, kind: EventKind, **fields: Any) -> None:
    """Append one event with the time; a single write, so that a reader never sees two lines mixed."""
    line = json.dumps(to_plain({"time": round(time.time(), 3), "kind": kind, **fields}), allow_nan=False, ensure_ascii=False)
    with path.open("ab", buffering=0) as stream:
        stream.write(line.encode() + b"\n")


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the events from byte ``offset`` on, each with the offset after it; a line not yet finished is left for later."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        stream.seek(offset)
        for line in stream:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield json.loads(line), offset
