"""The way in: the page itself, for those who have a cookie; for others the printed address, or a form for the password."""

import asyncio
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from triskelion.web.security import Rules, read_cookie
from triskelion.web.sessions import LASTS_S

AFTER_A_MISTAKE_S = 1.0
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Triskelion</title><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<body style="font: 16px system-ui; max-width: 32em; margin: 15vh auto; padding: 0 1em"><h1>Triskelion</h1><p>{sentence}</p>{form}</body></html>"""
_FORM = """<form method="post" action="/login">
<label>Password <input name="password" type="password" autofocus autocomplete="current-password"></label> <button>Open</button></form>"""


def add_entrance(app: FastAPI, rules: Rules, read_page: Callable[[], str], tell_of_entry: Callable[[], None]) -> None:
    """Add ``/`` and ``/login``; ``tell_of_entry`` is called when an address has opened the page, and so is used up."""
    guesses = asyncio.Lock()  # one after another: a password cannot be tried by many hands at once

    @app.get("/", include_in_schema=False)
    async def open_page(request: Request, token: str | None = None) -> Response:
        if rules.sessions.knows_cookie(read_cookie(request.headers, rules.cookie)):
            return HTMLResponse(read_page()) if token is None else RedirectResponse("/", status_code=303)
        if token is not None and rules.sessions.use_token(token):
            tell_of_entry()
            return _let_in()
        if rules.sessions.has_password:
            return _show("This view is open to those who know the password.", _FORM)
        why = "This address has been used or is an old one." if token is not None else "You are not signed in."
        return _show(f"{why} Open the newest address that triskelion serve has printed.")

    @app.post("/login", include_in_schema=False)
    async def log_in(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode(errors="replace"))
        async with guesses:
            if rules.sessions.knows_password(fields.get("password", [""])[0]):
                return _let_in()
            await asyncio.sleep(AFTER_A_MISTAKE_S)
        return _show("This is not the password.", _FORM if rules.sessions.has_password else "")

    def _let_in() -> Response:
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(rules.cookie, rules.sessions.make_cookie(), max_age=LASTS_S, httponly=True, samesite="strict", path="/")
        return answer


def _show(sentence: str, form: str = "") -> Response:
    return HTMLResponse(_PAGE.format(sentence=escape(sentence), form=form), status_code=401)
