"""``triskelion serve`` as a process: its address, its refusals, and a page that goes on after the server was killed."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from triskelion.cli.serve import is_here, read_password
from triskelion.errors import InputError
from triskelion.project.events import append_event
from triskelion.web.app import THIRD_PARTY
from triskelion.web.sessions import read_key

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)")


def test_other_machines_are_let_in_by_password_only(monkeypatch):
    monkeypatch.delenv("TRISKELION_PASSWORD", raising=False)
    assert read_password("127.0.0.1") is None and read_password("::1") is None and is_here("localhost")
    for host in ("0.0.0.0", "::", "192.168.1.5", "node7"):
        with pytest.raises(InputError, match="TRISKELION_PASSWORD"):
            read_password(host)
    for host in ("0.0.0.0", "127.0.0.1"):
        monkeypatch.setenv("TRISKELION_PASSWORD", "correct horse")
        assert read_password(host) == "correct horse"
        assert "TRISKELION_PASSWORD" not in os.environ  # jobs inherit the environment


def test_the_key_of_the_cookies_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "state" / "browser.key"
    key = read_key(path)
    assert path.stat().st_mode & 0o777 == 0o600 and len(key) == 32 and read_key(path) == key
    path.chmod(0o644)
    with pytest.raises(Exception, match="can be read by others"):
        read_key(path)


class Server:
    """A server in a process of its own."""

    def __init__(self, folder: Path, port: int, state: Path):
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-P", "-m", "triskelion.cli.main", "serve", str(folder), "--port", str(port)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        said = ""
        while (match := ADDRESS.search(said)) is None:
            line = self.process.stdout.readline()
            assert line, said
            said += line
        self.port, self.token = int(match[1]), match[2]
        self.connections = ExitStack()

    def ask(self, path: str, cookie: str = "", headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """Send a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connections.callback(connection.close)
        connection.request("GET", path, headers={"cookie": cookie, **(headers or {})})
        answer = connection.getresponse()
        self.connections.callback(answer.close)
        return answer

    def end(self) -> None:
        """Hang up and end the process."""
        self.connections.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(project, tmp_path) -> Iterator[Callable[..., Server]]:
    """Return what starts a server for the project."""
    if not THIRD_PARTY.is_file():
        pytest.skip("the page's third-party files are not installed: pip install -e . with a network")
    servers = []

    def start(port: int = 0) -> Server:
        servers.append(Server(project.folder, port, tmp_path / "state"))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


def read_messages(answer: http.client.HTTPResponse, wanted: int) -> tuple[list[str], str]:
    """Return the texts of so many log events, and the id of the last."""
    texts, last = [], ""
    while len(texts) < wanted:
        line = answer.readline().decode()
        assert line, "the stream has ended"
        if line.startswith("id: "):
            last = line[4:].strip()
        if line.startswith("data: ") and "event" in (data := json.loads(line[6:])):
            texts.append(data["event"]["message"])
    return texts, last


@pytest.mark.slow
def test_killed_and_started_again_the_page_goes_on_with_nothing_lost_or_doubled(start, project):
    events = [project.prepare("make").paths.events for _ in range(2)]

    def write(numbers: range) -> None:
        for number in numbers:
            append_event(events[number % 2], "log", message=str(number))

    server = start()
    answer = server.ask(f"/?token={server.token}")
    cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
    assert answer.status == 303 and server.ask("/api/session", cookie).status == 200
    heard, last = [], ""
    stream = server.ask("/api/events", cookie)
    stream.readline()
    for part in range(3):
        write(range(40 * part, 40 * part + 20))
        texts, last = read_messages(stream, 13)  # killed while the rest is under way
        heard += texts
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        write(range(40 * part + 20, 40 * part + 40))
        server = start(server.port)
        stream = server.ask("/api/events", cookie, {"last-event-id": last})
        assert stream.status == 200
    heard += read_messages(stream, 120 - len(heard))[0]
    assert sorted(heard, key=int) == [str(number) for number in range(120)]


@pytest.mark.slow
def test_a_server_ends_at_once_though_twenty_pages_listen(start, project):
    paths = project.prepare("make").paths
    server = start()
    cookie = (server.ask(f"/?token={server.token}").getheader("set-cookie") or "").partition(";")[0]
    streams = [server.ask("/api/events", cookie) for _ in range(20)]
    for stream in streams:
        assert stream.readline().startswith(b"id: ")
    append_event(paths.events, "log", message="all hear it")
    assert all(read_messages(stream, 1)[0] == ["all hear it"] for stream in streams)
    assert server.ask("/api/session", cookie).status == 200
    server.process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    server.process.wait(timeout=30)
    assert time.monotonic() - begun < 10


@pytest.mark.slow
def test_a_port_that_is_taken_is_said(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "triskelion.cli.main", "serve", str(project.folder), "--port", str(taken.getsockname()[1])]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2 and "choose another with --port" in result.stderr
