"""Answers of the server: plain JSON that any page can read, and for everything that goes wrong one sentence that says what to do."""

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from triskelion.errors import DataError, InputError, JobError
from triskelion.project.plain_json import to_plain

_STATUS = {InputError: 400, DataError: 400, JobError: 409}
_SENTENCES = {404: "there is nothing at this address", 405: "this address does not take this method"}


class PlainJson(JSONResponse):
    """JSON without NaN, of arrays and paths too; letters outside ASCII are escaped, so that half a character in a name breaks nothing."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of an answer."""
        return json.dumps(to_plain(content), allow_nan=False, separators=(",", ":")).encode("ascii")


class UnknownThing(InputError):
    """There is no such project, job, output or file."""


class FieldError(InputError):
    """What was asked for does not fit; ``field`` names the parameter."""

    def __init__(self, message: str, field: str | None):
        super().__init__(message)
        self.field = field


def refuse(status: int, sentence: str, field: str | None = None) -> Response:
    """Return the answer that says what is wrong."""
    return PlainJson({"error": sentence, "field": field}, status_code=status)


def answer_errors(app: FastAPI) -> None:
    """Turn everything that may be raised while a request is answered into one sentence."""

    @app.exception_handler(UnknownThing)
    async def answer_unknown(request: Request, error: UnknownThing) -> Response:
        return refuse(404, str(error))

    for kind in _STATUS:

        @app.exception_handler(kind)
        async def answer_known(request: Request, error: Exception) -> Response:
            status = next(number for kind, number in _STATUS.items() if isinstance(error, kind))
            return refuse(status, str(error), getattr(error, "field", None))

    @app.exception_handler(RequestValidationError)
    async def answer_invalid(request: Request, error: RequestValidationError) -> Response:
        problem = error.errors()[0]
        place = [str(part) for part in problem["loc"] if part not in ("body", "query", "path")]
        sentence = problem["msg"].removeprefix("Value error, ").replace("Input should be", "wanted")
        return refuse(400, f"{'.'.join(place) or 'the request'}: {sentence}", place[0] if place else None)

    @app.exception_handler(HTTPException)
    async def answer_http(request: Request, error: HTTPException) -> Response:
        return refuse(error.status_code, _SENTENCES.get(error.status_code, str(error.detail)))

    @app.exception_handler(Exception)
    async def answer_defect(request: Request, error: Exception) -> Response:
        return refuse(500, f"{type(error).__name__}: {error} (a defect of the program; the traceback is where the server was started)")
