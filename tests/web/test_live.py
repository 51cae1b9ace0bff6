"""The stream of events: nothing lost, nothing doubled, wherever it is cut."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from triskelion.project.events import append_event
from triskelion.project.watching import Cursor, read_cursor
from triskelion.web import live
from triskelion.web.live import Live
from triskelion.web.roots import Workplace


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(live, "LOOK_S", 0.01)
    monkeypatch.setattr(live, "SHARE_OF_A_CORE", 1.0)
    monkeypatch.setattr(live, "PING_S", 0.2)


def parse(message: str) -> tuple[str, dict, Cursor]:
    """Return kind and data of a server-sent event, and the cursor behind it."""
    fields = dict(line.split(": ", 1) for line in message.strip().split("\n"))
    return fields["event"], json.loads(fields["data"]), read_cursor(fields["id"])


async def take(stream: AsyncIterator[str], wanted: int, kinds: tuple[str, ...] = ("job",)) -> list[tuple[str, dict, Cursor]]:
    """Read until so many events of some kinds have come."""
    found = []
    while len(found) < wanted:
        message = await asyncio.wait_for(anext(stream), 20)
        if not message.startswith(":") and parse(message)[0] in kinds:
            found.append(parse(message))
    return found


def test_a_stream_begins_now_and_tells_what_comes(project):
    project.run("make")

    async def follow():
        stream = Live(Workplace([project.folder.parent])).stream(None)
        kind, data, _ = parse(await anext(stream))
        assert (kind, data) == ("hello", {"resumed": False})
        await asyncio.to_thread(project.run, "make")
        card = (await take(stream, 1, ("card",)))[0][1]
        assert (card["p"], card["card"]["name"]) == ("tri-snrnp", "J2")
        events = await take(stream, 2)
        assert [event["event"]["kind"] for _, event, _ in events] == ["state", "log"]
        project.upkeep.delete(["J1"])
        assert (await take(stream, 1, ("gone",)))[0][1] == {"p": "tri-snrnp", "job": "J1"}
        assert (await asyncio.wait_for(anext(stream), 20)) is not None
        await stream.aclose()

    asyncio.run(follow())


def test_cut_anywhere_and_taken_up_elsewhere_every_event_comes_once(project):
    paths = [project.prepare("make").paths for _ in range(3)]

    def write(start: int, stop: int) -> None:
        for number in range(start, stop):
            append_event(paths[number % 3].events, "log", message=str(number))

    async def follow() -> list[str]:
        cursor: Cursor | None = None
        heard: list[str] = []
        for part in range(12):
            stream = Live(Workplace([project.folder.parent])).stream(cursor)  # another server each time
            kind, data, _ = parse(await anext(stream))
            assert (kind, data["resumed"]) == ("hello", part > 0)
            await asyncio.to_thread(write, 20 * part, 20 * part + 20)
            events = await take(stream, 7 if part < 11 else 240 - len(heard))
            heard += [data["event"]["message"] for _, data, _ in events]
            cursor = events[-1][2]
            await stream.aclose()
        return heard

    heard = asyncio.run(follow())
    assert sorted(heard, key=int) == [str(number) for number in range(240)]
    for rest in range(3):  # and of each job in order
        own = [int(each) for each in heard if int(each) % 3 == rest]
        assert own == sorted(own)


def test_twenty_tabs_hear_the_same_and_one_look_serves_all(project, monkeypatch):
    paths = project.prepare("make").paths
    looks = 0
    look_at = live.look_at

    def count(*arguments):
        nonlocal looks
        looks += 1
        return look_at(*arguments)

    monkeypatch.setattr(live, "look_at", count)

    async def follow():
        shared = Live(Workplace([project.folder.parent]))
        streams = [shared.stream(None) for _ in range(20)]
        for stream in streams:
            await anext(stream)
        before = looks
        for number in range(10):
            append_event(paths.events, "log", message=str(number))
        heard = await asyncio.gather(*(take(stream, 10) for stream in streams))
        assert looks - before < 20
        for events in heard:
            assert [data["event"]["message"] for _, data, _ in events] == [str(number) for number in range(10)]
        for stream in streams:
            await stream.aclose()

    asyncio.run(follow())


def test_a_quiet_stream_says_that_it_lives(project):
    async def follow():
        stream = Live(Workplace([project.folder.parent])).stream(None)
        await anext(stream)
        assert await asyncio.wait_for(anext(stream), 20) == live.PING
        await stream.aclose()

    asyncio.run(follow())


def test_a_place_that_is_none_begins_anew(project):
    from triskelion.web.routes.events import _read_place

    assert _read_place(None) is None and _read_place("nonsense") is None
