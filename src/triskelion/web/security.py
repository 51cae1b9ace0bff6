"""The gate before everything: every request is looked at here first, and what is not allowed goes no further.

Checked in this order: the name in ``Host`` (a foreign one means that a web site was pointed at this machine), where the request comes from
(``Origin``, ``Sec-Fetch-Site``), the cookie, for writes the header that only our own page can send, read-only mode, and the size of the body.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triskelion.web.answers import refuse
from triskelion.web.sessions import Sessions

LARGEST_BODY_BYTES = 2**20
READING = ("GET", "HEAD")
OPEN_PATHS = ("/", "/login")  # they let people in
DATA_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"  # a report or picture runs nothing
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # the token is told to nobody else; with none at all browsers hide where the form of the password comes from
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Rules:
    """What the gate goes by.

    Attributes
    ----------
    sessions : Sessions
    cookie : str
        Name of the cookie: browsers do not tell ports of one host apart.
    hosts : frozenset of str
        Names that ``Host`` may have.
    any_number : bool
        Whether it may be any IP number: a name can be pointed here by a stranger, a number cannot.
    read_only : bool
    policy : str
        Content-Security-Policy of the page and of what it loads.
    """

    sessions: Sessions
    cookie: str
    hosts: frozenset[str] = field(default_factory=lambda: frozenset({"localhost", "127.0.0.1", "[::1]"}))
    any_number: bool = False
    read_only: bool = False
    policy: str = ""

    def knows_host(self, host: str) -> bool:
        """Say whether ``Host`` names this server; the port does not matter, tunnels change it."""
        name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
        return name.lower() in self.hosts or (self.any_number and _is_number(name.strip("[]")))


class Gate:
    """Lets requests through to the application, or answers them itself."""

    def __init__(self, app: ASGIApp, rules: Rules):
        self._app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # web sockets are not spoken here
        headers = Headers(scope=scope)
        is_data = scope["path"].startswith("/api")
        guarded_send = _add_headers(send, DATA_POLICY if is_data else self.rules.policy, "no-store" if is_data else "no-cache")
        refusal = self._find_fault(scope, headers)
        if refusal is not None:
            await refuse(*refusal)(scope, receive, guarded_send)
            return
        if scope["method"] not in READING:
            body = await _read_body(receive)
            if body is None:
                await refuse(413, _too_large())(scope, receive, guarded_send)
                return
            receive = _replay(body, receive)
        await self._app(scope, receive, guarded_send)

    def _find_fault(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Return status and sentence of the refusal, None where all is well."""
        path, is_writing = scope["path"], scope["method"] not in READING
        host = headers.get("host", "")
        if not self.rules.knows_host(host):
            return 403, f"the address names {host!r}, which is not this server: use the address that triskelion serve has printed"
        if not _comes_from_here(headers, host, scope):
            return 403, "this request comes from another site: open the page itself"
        if path not in OPEN_PATHS and not self._is_known(headers):
            return 401, "you are not signed in: open the address that triskelion serve has printed"
        if is_writing and "origin" not in headers:
            return 403, "a request that changes something names its origin, as browsers do"
        if is_writing and path != "/login":
            if headers.get("x-triskelion") != "1":
                return 403, "a request that changes something carries the header X-Triskelion: 1"
            if self.rules.read_only:
                return 403, "this view is read-only: nothing can be changed here"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:12]) > LARGEST_BODY_BYTES:
            return 413, _too_large()
        return None

    def _is_known(self, headers: Headers) -> bool:
        return self.rules.sessions.knows_cookie(read_cookie(headers, self.rules.cookie))


def read_cookie(headers: Headers, name: str) -> str:
    """Return the value of a cookie, "" where there is none."""
    try:
        cookies: SimpleCookie = SimpleCookie("; ".join(headers.getlist("cookie")))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _comes_from_here(headers: Headers, host: str, scope: Scope) -> bool:
    """Say whether a request was made by our own page, or typed by a person; a page at another port of this machine is a stranger."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        return False
    is_visit = scope["method"] == "GET" and scope["path"] == "/" and headers.get("sec-fetch-mode", "navigate") == "navigate"
    return is_visit or headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _too_large() -> str:
    return f"the body is larger than {LARGEST_BODY_BYTES // 2**20} MB: data are not sent here, they are named by their path"


async def _read_body(receive: Receive) -> bytes | None:
    """Return all that comes in, None where that is too much: its length need not be announced, nor truly."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what hands on a body that has been read, and then what comes after it."""
    waiting = [body]

    async def receive_again() -> Message:
        return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

    return receive_again


def _add_headers(send: Send, policy: str, caching: str) -> Callable[[Message], Awaitable[None]]:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            added: dict[str, Any] = {**HEADERS, "content-security-policy": policy, "cache-control": caching}
            for name, value in added.items():
                headers.setdefault(name, value)
        await send(message)

    return send_guarded
