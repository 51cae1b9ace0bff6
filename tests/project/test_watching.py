"""What a reader is told of a project: everything, once, however often it is cut off."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triskelion.errors import InputError
from triskelion.project.events import append_event
from triskelion.project.watching import Mark, look_at, read_cursor, read_new_events, write_cursor

marks = st.builds(Mark, st.integers(0, 2**40), st.integers(0, 2**32 - 1).map("{:x}".format))
jobs = st.dictionaries(st.integers(1, 9999).map("J{}".format), marks, max_size=5)


@settings(max_examples=25)
@given(st.dictionaries(st.text(max_size=10), jobs, max_size=3))
def test_a_cursor_comes_back_as_it_was(cursor):
    word = write_cursor(cursor)
    assert read_cursor(word) == cursor and word.isascii() and not set(word) & set("\r\n \0")


@settings(max_examples=25)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.hex()))
def test_any_other_word_is_refused(word):
    with pytest.raises(InputError, match="load the page again"):
        read_cursor(word)


def test_a_cursor_of_a_large_project_fits_into_a_header():
    cursor = {"large": {f"J{number}": Mark(number * 977, f"{number * 2654435761 % 2**32:x}") for number in range(1, 1001)}}
    assert len(write_cursor(cursor)) < 20_000


def test_a_packed_bomb_is_not_unpacked():
    import base64
    import zlib

    with pytest.raises(InputError):
        read_cursor(base64.urlsafe_b64encode(zlib.compress(b'{"p":' + b" " * 2**22 + b"{}}", 1)).decode())


def test_marks_move_with_what_people_see(project):
    project.run("make")
    paths = project.paths
    before = look_at(paths, {})
    assert look_at(paths, before) == before

    def changes(act) -> tuple[bool, bool]:
        nonlocal before
        act()
        after = look_at(paths, before)
        changed = after["J1"].mark.end != before["J1"].mark.end, after["J1"].mark.card != before["J1"].mark.card
        before = after
        return changed

    job = project.job("J1")
    assert changes(lambda: append_event(job.paths.events, "log", message="more")) == (True, False)
    assert changes(lambda: job.notes.add("tight")) == (False, True)
    assert changes(lambda: project.upkeep.clear("J1")) == (False, True)
    project.prepare("make")
    assert set(look_at(paths, before)) == {"J1", "J2"}
    project.upkeep.delete(["J1"])
    assert set(look_at(paths, before)) == {"J2"}


def test_a_half_written_line_waits_and_a_damaged_one_is_left_out(project):
    paths = project.prepare("make").paths
    append_event(paths.events, "log", message="one")
    with paths.events.open("ab") as stream:
        stream.write(b'\0\0 damaged\n{"kind": "log", "mess')
    end = paths.events.stat().st_size
    events = list(read_new_events(paths, 0, end))
    assert [event and event["message"] for event, _ in events] == ["one", None]
    with paths.events.open("ab") as stream:
        stream.write('age": "zwei ö"}\n'.encode())
    later = list(read_new_events(paths, events[-1][1], paths.events.stat().st_size))
    assert [event["message"] for event, _ in later if event] == ["zwei ö"]
    assert later[-1][1] == paths.events.stat().st_size
