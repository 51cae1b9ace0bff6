from concurrent.futures import ThreadPoolExecutor

import pytest

from triskelion.errors import DataError, InputError, JobError


def test_notes_and_tags_are_kept_and_taken_away(project):
    job = project.run("make")
    job.notes.add("head looks sharp\nat 4 Å")
    job.notes.tag("best", "paper")
    job.notes.untag("paper")
    again = project.job("J1").notes
    assert [note.text for note in again.notes] == ["head looks sharp\nat 4 Å"]
    assert again.tags == ["best"]
    with pytest.raises(InputError, match=r"J1 has no tag 'paper': it has best"):
        again.untag("paper")
    with pytest.raises(InputError, match="one word"):
        again.tag("two words")
    with pytest.raises(InputError, match="empty note"):
        again.add("  ")


def test_notes_written_at_once_are_all_kept(project):
    job = project.run("make")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: project.job("J1").notes.add(f"note {n}"), range(80)))
    assert sorted(note.text for note in job.notes.notes) == sorted(f"note {n}" for n in range(80))


def test_a_half_written_note_goes_and_a_damaged_one_is_named(project):
    notes = project.run("make").notes
    notes.add("first")
    path = project.folder / "J1" / "notes.jsonl"
    with path.open("ab") as stream:
        stream.write(b'{"time": 3, "no')
    assert [note.text for note in notes.notes] == ["first"]
    notes.add("second")
    assert [note.text for note in notes.notes] == ["first", "second"]
    path.write_bytes(path.read_bytes() + b"[]\n")
    with pytest.raises(DataError, match=r"notes\.jsonl, row 3: this is not a note"):
        notes.notes  # noqa: B018


def test_workspaces_group_jobs(project):
    project.run("make")
    project.run("make")
    assert project.upkeep.add_workspace("Head") == "W2"
    project.upkeep.move(["J2"], "W2")
    assert [(each.name, each.title, each.jobs) for each in project.upkeep.workspaces] == [("W1", "Workspace 1", ("J1",)), ("W2", "Head", ("J2",))]
    assert project.clone("J2").record.workspace == "W2"
    with pytest.raises(JobError, match="no workspace W7: it has W1, W2"):
        project.upkeep.move(["J1"], "W7")
    with ThreadPoolExecutor(4) as threads:
        names = list(threads.map(lambda n: project.upkeep.add_workspace(f"w {n}"), range(20)))
    assert len(set(names)) == 20
