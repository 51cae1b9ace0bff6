"""What happens in all open projects, as one stream of server-sent events for each tab.

One look at the files serves all tabs. A stream holds a cursor (``project.watching``) and writes it beside every event as its id, so that a browser
that comes back, to this server or to the next one, names it and goes on exactly there.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from triskelion.project.cards import describe_card
from triskelion.project.layout import ProjectPaths
from triskelion.project.plain_json import to_plain
from triskelion.project.watching import Cursor, Look, Mark, look_at, read_new_events, write_cursor
from triskelion.web.roots import Workplace

LOOK_S = 0.4
SHARE_OF_A_CORE = 0.02  # to look at hundreds of jobs takes tens of milliseconds
PING_S = 15.0
PING = ": still here\n\n"

Looks = dict[str, dict[str, Look]]  # project -> job -> look


class Live:
    """Looks at all open projects while somebody listens."""

    def __init__(self, workplace: Workplace):
        self._workplace = workplace
        self._looks: Looks = {}
        self._listeners = 0
        self._task: asyncio.Task | None = None
        self._starting = asyncio.Lock()
        self._looked = asyncio.Condition()
        self._round = 0
        self._cost_s = 0.0
        self._is_over = False

    def end(self) -> None:
        """End all streams, soon."""
        self._is_over = True

    async def stream(self, cursor: Cursor | None) -> AsyncIterator[str]:
        """Yield server-sent events, from the cursor on or from now on, for as long as somebody listens."""
        self._listeners += 1
        try:
            async with self._starting:
                if self._task is None or self._task.done():
                    self._looks = await asyncio.to_thread(self._look)
                    self._task = asyncio.create_task(self._keep_looking())
            resumed = cursor is not None
            cursor = {name: {job: look.mark for job, look in jobs.items()} for name, jobs in self._looks.items()} if cursor is None else cursor
            yield write_message("hello", {"resumed": resumed}, cursor)
            seen, quiet_since = -1, asyncio.get_running_loop().time()
            while not self._is_over:
                if self._round != seen:
                    seen = self._round
                    messages = await asyncio.to_thread(self._collect, cursor)
                    for message in messages:
                        yield message
                    if messages:
                        quiet_since = asyncio.get_running_loop().time()
                if asyncio.get_running_loop().time() - quiet_since > PING_S:
                    quiet_since = asyncio.get_running_loop().time()
                    yield PING
                async with self._looked:
                    await self._looked.wait()
        finally:
            self._listeners -= 1

    async def _keep_looking(self) -> None:
        while self._listeners:
            await asyncio.sleep(max(LOOK_S, self._cost_s / SHARE_OF_A_CORE))
            try:
                looks = await asyncio.to_thread(self._look)
            except OSError as error:  # a file system that is away for a while
                logging.getLogger("triskelion.web").warning("cannot look at the projects: %s", error)
                looks = self._looks
            if looks != self._looks:
                self._looks = looks
                self._round += 1
            async with self._looked:
                self._looked.notify_all()

    def _look(self) -> Looks:
        begun = time.thread_time()
        looks = {name: look_at(project.paths, self._looks.get(name, {})) for name, project in self._workplace.projects.items()}
        self._cost_s = time.thread_time() - begun
        return looks

    def _collect(self, cursor: Cursor) -> list[str]:
        """Return what a cursor has not seen, and move it on."""
        projects = self._workplace.projects
        messages = []
        for name, looks in self._looks.items():
            if name in projects:
                known = cursor.setdefault(name, {job: look.mark for job, look in looks.items()})
                messages += [write_message(*each, cursor) for each in collect_news(name, projects[name].paths, looks, known)]
        return messages


def collect_news(name: str, project: ProjectPaths, looks: dict[str, Look], known: dict[str, Mark]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and data of everything new in a project, each after ``known`` has been moved behind it."""
    for job in [job for job in known if job not in looks]:
        del known[job]
        yield "gone", {"p": name, "job": job}
    for job, look in looks.items():
        mark, paths = look.mark, project.job(job)
        before = known.get(job, Mark(0, ""))
        if before.card != mark.card:
            known[job] = before = Mark(before.end, mark.card)
            yield "card", {"p": name, "card": describe_card(paths)}
        if before.end > mark.end:  # another job under the same number
            known[job] = mark
        elif before.end < mark.end:
            with suppress(FileNotFoundError):  # deleted a moment ago
                for event, end in read_new_events(paths, before.end, mark.end):
                    known[job] = Mark(end, mark.card)
                    if event is not None:
                        yield "job", {"p": name, "job": job, "event": event}


def write_message(kind: str, data: dict[str, Any], cursor: Cursor) -> str:
    """Return an event as it is sent."""
    return f"id: {write_cursor(cursor)}\nevent: {kind}\ndata: {json.dumps(to_plain(data), separators=(',', ':'))}\n\n"
