"""The server as one object: gate, page, and the routes of the API."""

import base64
import hashlib
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from triskelion import __version__
from triskelion.errors import DataError
from triskelion.web.answers import PlainJson, answer_errors
from triskelion.web.entrance import add_entrance
from triskelion.web.live import Live
from triskelion.web.roots import Workplace
from triskelion.web.routes import building, events, jobs, maps, projects, regions, results, session, suggestions
from triskelion.web.security import Gate, Rules
from triskelion.web.sessions import Sessions
from triskelion.web.volumes import Kept

STATIC = Path(str(files("triskelion.web") / "static"))
THIRD_PARTY = STATIC / "third_party" / "packages.json"
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Serving:
    """How the page is served.

    Attributes
    ----------
    workplace : Workplace
    sessions : Sessions
    port : int
    hosts : frozenset of str
        Names by which the server may be called, beside this machine's own.
    any_number : bool
        Whether any IP number will do.
    read_only : bool
    """

    workplace: Workplace
    sessions: Sessions
    port: int = 0
    hosts: frozenset[str] = field(default_factory=frozenset)
    any_number: bool = False
    read_only: bool = False
    tell_of_entry: Callable[[], None] = lambda: None


def make_app(serving: Serving, live: Live | None = None) -> Gate:
    """Return the application, behind its gate; ``live`` is what its streams of events come from."""
    for suffix, kind in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
        mimetypes.add_type(kind, suffix)  # some machines know others
    app = FastAPI(
        title="Triskelion",
        version=__version__,
        default_response_class=PlainJson,
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.serving = serving
    app.state.live = live or Live(serving.workplace)
    app.state.kept = Kept()
    app.state.regions = {}
    answer_errors(app)
    for routes in (session, projects, jobs, building, results, maps, regions, suggestions, events):
        app.include_router(routes.router, prefix="/api")
    rules = Rules(
        serving.sessions,
        cookie=f"triskelion_{serving.port}",
        hosts=Rules(serving.sessions, "").hosts | serving.hosts,
        any_number=serving.any_number,
        read_only=serving.read_only,
        policy=make_policy(read_page()),
    )
    add_entrance(app, rules, read_page, serving.tell_of_entry)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return Gate(app, rules)


def read_page() -> str:
    """Return index.html.

    Raises
    ------
    DataError
        The files of others that it uses are not installed.
    """
    if not THIRD_PARTY.is_file():
        raise DataError(
            f"{THIRD_PARTY.parent} is empty: the page's third-party files are fetched when the program is installed; "
            "install it again with a network (pip install -e .)"
        )
    return (STATIC / "index.html").read_text(encoding="utf-8")


def make_policy(page: str) -> str:
    """Return the Content-Security-Policy: everything from this server alone; of scripts in the page itself only its import map."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in _IMPORT_MAP.findall(page)]
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *(f"'sha256-{each}'" for each in hashes)]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
