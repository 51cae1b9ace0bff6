"""The server at work, until somebody stops it: streams of events end first, for a page that listens would hold it up."""

import socket
import threading
from contextlib import suppress
from importlib import import_module
from types import FrameType

import uvicorn

from triskelion.web.app import Serving, make_app
from triskelion.web.live import Live

LONGEST_HEAD_BYTES = 2**20  # of a request: a place in the stream of a large project is long


class PageServer(uvicorn.Server):
    """uvicorn, which ends streams of events when it is told to end."""

    def __init__(self, config: uvicorn.Config, live: Live):
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order."""
        self._live.end()
        super().handle_exit(sig, frame)

    def serve_until_stopped(self, listening: socket.socket) -> None:
        """Serve until a signal comes; what maps are blurred with, which takes seconds to load, is loaded while the page opens."""
        threading.Thread(target=import_module, args=("triskelion.maps.edit",), daemon=True).start()
        with suppress(KeyboardInterrupt):  # uvicorn raises it once more when it has ended
            self.run(sockets=[listening])


def make_server(serving: Serving) -> PageServer:
    """Return a server that is ready to run."""
    live = Live(serving.workplace)
    config = uvicorn.Config(
        make_app(serving, live),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
    )
    return PageServer(config, live)
