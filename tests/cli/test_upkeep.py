import json
import shutil

import pytest


def test_the_tree_shows_what_was_made_from_what(run, imported):
    imported.clone("J5", factor=3.0)
    assert run("tag", "J6", "best")[1] == "best\n"
    lines = run("tree")[1].splitlines()
    assert lines[0] == str(imported.folder)
    assert [line.strip() for line in lines[1:]] == [
        "├── J1 bring completed",
        "│   └── J2 shift completed",
        "│       └── J3 shift completed",
        "└── J4 make completed",
        "├── J5 use completed",
        "└── J6 use completed  clone of J5  #best",
    ]
    assert "J4" not in run("tree", "J2")[1]
    described = json.loads(run("tree", "J3", "--json")[1])["jobs"]
    assert [(job["name"], job["used_by"]) for job in described] == [("J1", ["J2"]), ("J2", ["J3"]), ("J3", [])]
    assert described[2]["inputs"] == [{"slot": "particles", "reference": "J2.particles", "file": "J2/particles.star", "job": "J2"}]
    assert run("tree", "J9")[0] == 2


def test_notes_tags_and_workspaces(run, project):
    project.run("make")
    assert run("note", "J1")[1].strip() == "no notes"
    run("note", "J1", "the one for the paper")
    run("tag", "J1", "best", "head")
    assert run("tag", "J1", "--remove", "head")[1] == "best\n"
    assert "the one for the paper" in run("note", "J1")[1]
    assert {"note: the one for the paper", "tags: best"} <= set(run("show", "J1")[1].splitlines())
    assert json.loads(run("note", "J1", "--json")[1])["tags"] == ["best"]
    assert run("workspaces", "new", "Head")[1] == "W2\n"
    assert run("workspaces", "new")[0] == 2
    assert run("move", "J1", "--to", "W2")[0] == 0
    assert run("workspaces")[1].splitlines() == ["W1  Workspace 1", "W2  Head  J1"]
    assert json.loads(run("workspaces", "--json")[1])["workspaces"][1]["jobs"] == ["J1"]


def test_deleted_jobs_come_back_until_the_bin_is_emptied(run, imported):
    code, _, err = run("delete", "J4")
    assert code == 2 and "J4 is used by J5" in err
    assert run("delete", "J4", "J5")[1] == "in the bin: J4 J5\n"
    assert [job["name"] for job in json.loads(run("bin", "--json")[1])["jobs"]] == ["J4", "J5"]
    assert run("restore", "J4")[1] == "J4 is back\n"
    assert run("bin")[1].startswith("J5  use  ")
    assert run("bin", "--empty", "--yes")[1] == "erased: J5\n"
    assert run("restore", "J5")[0] == 2
    assert "resume J4" in run("clear", "J4")[1]
    assert json.loads(run("status", "--json")[1])["jobs"][3]["state"] == "killed"
    assert run("resume", "J4")[0] == 0


def test_disk_use_is_shown(run, imported):
    described = json.loads(run("disk", "--json")[1])
    assert described["total_bytes"] == sum(job["total_bytes"] for job in described["jobs"]) > 0
    out = run("disk")[1]
    assert "linked" in out and out.splitlines()[-1].startswith("all")


def test_the_doctor_tells_and_mends(run, imported, raw):
    assert run("doctor")[:2] == (0, "5 jobs: nothing is wrong\n")
    (imported.folder / "J4" / "status.json").write_text("{")
    code, out, _ = run("doctor")
    assert code == 1 and "status.json is not valid JSON" in out and "1 found, 1 left to be mended" in out
    assert run("doctor", "--mend")[0] == 0
    shutil.move(raw, raw.parent / "moved")
    code, out, _ = run("doctor", "--json")
    assert code == 1 and json.loads(out)["healthy"] is False
    assert run("relink", str(raw.parent / "moved"))[1] == "relinked 2 links and 0 tables\n"
    assert run("doctor", "--json")[0] == 0
    assert json.loads(run("relink", str(raw.parent / "moved"), "--from", str(raw.parent / "moved"), "--json")[1])["n_links"] == 2


def test_a_rerun_says_whether_it_is_the_same(run, imported):
    code, out, _ = run("rerun", "J5")
    assert code == 0 and out.splitlines()[-1] == "J6 gave what J5 gave, bit for bit: map"
    imported.run("shift", particles="J1", drift=True)
    code, out, _ = run("rerun", "J7", "--json")
    assert code == 1 and json.loads(out)["identical"] is False


def test_archives_go_from_project_to_project(run, imported, tmp_path, monkeypatch):
    archive = str(tmp_path / "head.tar.gz")
    out = run("export", "J3", archive)[1]
    assert out.splitlines()[1:] == ["made from J2, which are not in the archive (--lineage takes them along)"]
    out = run("export", "J5", "J3", archive, "--lineage")[1]
    assert "J1, J2, J3, J4, J5" in out and "2 images are linked, not in the archive" in out
    assert json.loads(run("export", archive, "--images", "--json")[1])["with_images"] is True
    run("new", str(tmp_path / "other"))
    code, out, _ = run("import-archive", archive, "--project", str(tmp_path / "other"))
    assert (code, out.split()) == (0, ["J1", "J2", "J3", "J4", "J5"])
    assert run("import-archive", archive, "--project", str(tmp_path / "other"))[1].splitlines()[0] == "J1 is J6 here"
    assert run("doctor", "--project", str(tmp_path / "other"))[0] == 0
    assert run("export", "J1", str(tmp_path / "a.zip"))[0] == 2


@pytest.mark.parametrize("command", ["tree", "note", "workspaces", "disk", "bin", "doctor", "rerun", "export", "import-archive", "relink"])
def test_every_command_explains_itself(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0 and "--json" in out
