"""Maps as bytes for the viewer: made once, kept while there is room, and named so that a browser need not ask for the same again."""

import hashlib
import json
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import Response

from triskelion.project.plain_json import to_plain

KEPT_BYTES = 256 * 2**20


class Kept:
    """The newest answers, up to ``KEPT_BYTES``; one is made at a time, for a large map takes all memory there is to spare."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the answer of this name, made where it is not kept."""
        with self._lock:
            content = self._answers.pop(name, None) or make()
            self._answers[name] = content
            while len(self._answers) > 1 and sum(map(len, self._answers.values())) > KEPT_BYTES:
                self._answers.popitem(last=False)
            return content


def pack_array(header: dict[str, Any], array: np.ndarray) -> bytes:
    """Return length of the header, header as JSON padded to 4 bytes, and the numbers, lowest byte first."""
    text = json.dumps(to_plain(header), separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return b"".join((struct.pack("<I", len(text)), text, little.data.cast("B") if little.size else b""))


def send_bytes(request: Request, path: Path, what: str, make: Callable[[], bytes]) -> Response:
    """Send what is made of a file, or say that the browser has it already.

    Parameters
    ----------
    path : Path
        The file; when it changes, so does the answer.
    what : str
        What is made of it, with all parameters.
    """
    stat = path.stat()
    name = hashlib.sha256(f"{path}|{stat.st_mtime_ns}|{stat.st_size}|{what}".encode(errors="surrogateescape")).hexdigest()[:32]
    headers = {"etag": f'"{name}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    content = request.app.state.kept.get(name, make)
    return Response(content, media_type="application/octet-stream", headers=headers)
