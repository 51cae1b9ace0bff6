"""Chromium without a window, the page's modules by themselves, and a real server for pages; no request may leave the machine."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.browser.server_apart import ServerApart

from triskelion import api
from triskelion.runners.inline import InlineRunner

CHROMIUM_OPTIONS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
OWN_HOSTS = {"127.0.0.1", "modules.test", ""}  # "" is data: and blob:


@pytest.fixture(scope="module")
def chromium():
    """Start Debian's Chromium, drawing 3D in software; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install triskelion[dev]")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(CHROMIUM_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium) -> Iterator:
    """Open an empty tab of a laptop's size; afterwards nothing may have been asked of another machine, and no script may have failed."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    asked, failures = set(), []
    context.on("request", lambda request: asked.add(urlsplit(request.url).hostname or ""))
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    tab.on("pageerror", lambda error: failures.append(str(error)))
    yield tab
    context.close()
    assert asked <= OWN_HOSTS, f"requests left the machine: {asked - OWN_HOSTS}"
    assert not failures, failures


@pytest.fixture
def modules(page):
    """Open a tab whose scripts can import the page's modules from /static, without a server behind them."""
    from triskelion.web.app import STATIC

    def answer(route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(body="<!doctype html><title>modules</title>", content_type="text/html")
        else:
            route.fulfill(path=STATIC / Path(path).relative_to("/static"), content_type="text/javascript")

    page.route("http://modules.test/**", answer)
    page.goto("http://modules.test/")
    return page


@pytest.fixture
def serve(monkeypatch) -> Iterator[Callable[[Path], str]]:
    """Return what serves a folder of projects from this process, and gives the address to open; jobs run at once."""
    uvicorn = pytest.importorskip("uvicorn")
    from triskelion.web.app import THIRD_PARTY, Serving, make_app
    from triskelion.web.roots import Workplace
    from triskelion.web.sessions import Sessions

    if not THIRD_PARTY.is_file():
        pytest.skip("the page's third-party files are not installed: pip install -e . with a network")
    monkeypatch.setattr(api, "LocalRunner", InlineRunner)
    servers = []

    def start(folder: Path, password: str | None = None) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        sessions = Sessions(b"k" * 32, "test", password)
        application = make_app(Serving(Workplace([folder], []), sessions, port=port))
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{port}/?token={sessions.token}"

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join()


@pytest.fixture
def server_apart() -> Iterator[ServerApart]:
    """Return a server that can be started, killed and started again; it has ended when the test has."""
    server = ServerApart()
    yield server
    server.stop()


@pytest.fixture
def keep(tmp_path_factory, request) -> Callable[..., None]:
    """Return what keeps a screenshot of a tab: in the folder that TRISKELION_SCREENSHOTS names, else among the files of the test run."""
    named = os.environ.get("TRISKELION_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def shoot(name: str, tab) -> None:
        tab.screenshot(path=folder / f"{request.node.name}_{name}.png")

    return shoot
