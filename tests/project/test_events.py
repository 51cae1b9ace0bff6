import json

from triskelion.project.events import append_event, read_events


def test_a_reader_continues_where_it_stopped(tmp_path):
    path = tmp_path / "events.jsonl"
    assert list(read_events(path)) == []
    append_event(path, "log", message="Å °")
    append_event(path, "progress", done=1, total=3, value=float("nan"))
    first, second = read_events(path)
    assert first[0]["message"] == "Å °"
    assert second[0]["value"] is None
    assert [event for event, _ in read_events(path, first[1])] == [second[0]]
    assert second[1] == path.stat().st_size


def test_an_unfinished_line_is_left_for_later(tmp_path):
    path = tmp_path / "events.jsonl"
    append_event(path, "log", message="whole")
    whole = path.stat().st_size
    with path.open("a") as stream:
        stream.write('{"kind": "lo')
    assert [offset for _, offset in read_events(path)] == [whole]
    with path.open("a") as stream:
        stream.write('g", "time": 0}\n')
    assert [event["kind"] for event, _ in read_events(path, whole)] == ["log"]
    assert all(json.loads(line) for line in path.read_text().splitlines())
