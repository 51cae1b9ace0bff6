"""The stream of events: one for each tab, over all open projects."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from triskelion.errors import InputError
from triskelion.project.watching import Cursor, read_cursor

router = APIRouter(tags=["events"])


@router.get("/events")
async def stream_events(
    request: Request, last: Annotated[str | None, Query()] = None, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Send what happens, from the place in ``Last-Event-ID`` or ``last`` on, or from now; ``hello`` says which."""
    stream = request.app.state.live.stream(_read_place(last_event_id or last))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})


def _read_place(word: str | None) -> Cursor | None:
    """Return the place that a browser names; one that is none means that it has to begin anew, which ``hello`` tells it."""
    if word is None:
        return None
    try:
        return read_cursor(word)
    except InputError:
        return None
