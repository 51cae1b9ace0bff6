"""A copy of an archive on this machine, served over HTTP with the faults that networks have."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread


@dataclass
class Faults:
    """What goes wrong; requests are noted in ``seen`` as (method, path, Range)."""

    drop_after: int | None = None  # bytes of a file, then the connection ends
    busy: int = 0  # so many requests are answered with 503 first
    no_range: bool = False  # the whole file is sent whatever was asked for
    wrong_range: bool = False  # another part is sent than was asked for
    told_size: int | None = None  # HEAD tells this size
    page: bytes | None = None  # instead of every list of a folder
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder, with ranges."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args, faults: Faults, **options):
        self.faults = faults
        super().__init__(*args, **options)

    def log_message(self, format: str, *args) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        if self._is_busy():
            return
        path = Path(self.translate_path(self.path))
        size = self.faults.told_size if self.faults.told_size is not None else path.stat().st_size if path.is_file() else None
        if size is None:
            self.send_error(404)
        else:
            self._start(200, size)

    def do_GET(self) -> None:
        if self._is_busy():
            return
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            if self.faults.page is not None:
                self._start(200, len(self.faults.page))
                self.wfile.write(self.faults.page)
            else:
                super().do_GET()
            return
        whole = path.read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(match[1]) if match and not self.faults.no_range else 0
        sent = whole[first:]
        place = f"bytes {first + 5 * self.faults.wrong_range}-{len(whole) - 1}/{len(whole)}" if first else None
        self._start(206 if first else 200, len(sent), place)
        if self.faults.drop_after is not None and len(sent) > self.faults.drop_after:
            self.wfile.write(sent[: self.faults.drop_after])
            self.close_connection = True
        else:
            self.wfile.write(sent)

    def _is_busy(self) -> bool:
        with self.faults.lock:
            self.faults.seen.append((self.command, self.path, self.headers.get("Range", "")))
            busy, self.faults.busy = self.faults.busy > 0, max(0, self.faults.busy - 1)
        if busy:
            self.send_error(503)
        return busy

    def _start(self, status: int, size: int, place: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()


@contextmanager
def serve_archive(folder: Path) -> Iterator[tuple[str, Faults]]:
    """Serve a folder while the block runs; give its address, and what can be made to go wrong."""
    faults = Faults()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, faults=faults, directory=str(folder)))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
