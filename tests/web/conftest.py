"""A server in this process, and somebody who is signed in; its jobs are the quick ones and run at once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from triskelion import api
from triskelion.api import Project
from triskelion.runners.inline import InlineRunner
from triskelion.web import app as web_app
from triskelion.web.app import Serving, make_app
from triskelion.web.roots import Workplace
from triskelion.web.security import Gate
from triskelion.web.sessions import Sessions

ADDRESS = "http://127.0.0.1:8765"
OURS = {"origin": ADDRESS, "x-triskelion": "1"}


@pytest.fixture
def data(tmp_path_factory) -> Path:
    """Make a folder with data to import, far from the project."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def make_server(project: Project, data: Path, monkeypatch) -> Callable[..., Gate]:
    """Return what makes a server for the folder with the project in it."""
    monkeypatch.setattr(api, "LocalRunner", InlineRunner)
    monkeypatch.setattr(web_app, "THIRD_PARTY", web_app.STATIC / "index.html")  # the tests of the server need no files of others

    def make(password: str | None = None, **options) -> Gate:
        folders = options.pop("folders", [project.folder.parent])
        return make_app(Serving(Workplace(folders, [data]), Sessions(b"k" * 32, "test", password), port=8765, **options))

    return make


@pytest.fixture
def visit() -> Iterator[Callable[..., TestClient]]:
    """Return what makes a browser that has been nowhere yet; a defect of the server is an answer to it, as outside of tests."""
    with ExitStack() as open_browsers:

        def visit(server: Gate, **headers: str) -> TestClient:
            client = TestClient(server, base_url=ADDRESS, headers=headers, follow_redirects=False, raise_server_exceptions=False)
            return open_browsers.enter_context(client)

        yield visit


@pytest.fixture
def sign_in(visit) -> Callable[[Gate], TestClient]:
    """Return what makes a browser that has opened the printed address."""

    def sign_in(server: Gate) -> TestClient:
        client = visit(server, **OURS)
        assert client.get(f"/?token={server.rules.sessions.token}").status_code == 303
        return client

    return sign_in


@pytest.fixture
def server(make_server) -> Gate:
    """Make a server."""
    return make_server()


@pytest.fixture
def browser(server: Gate, sign_in) -> TestClient:
    """Open the page."""
    return sign_in(server)
