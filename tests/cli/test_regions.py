"""triskelion regions: the same calls, typed."""

import json

import pytest

from triskelion.cli import main as cli


@pytest.fixture
def run(project, monkeypatch, capfd):
    """Type behind ``triskelion regions J1``, inside a project where J1 is a segmentation; give exit code, standard output and standard error."""
    project.run("cut")
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("COLUMNS", "150")
    capfd.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["regions", "J1", *arguments])
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call


def test_the_list_shows_size_centre_name_and_state(run):
    run("hide", "3")
    code, out, _ = run()
    assert code == 0
    rows = [line.replace("│", " ").split() for line in out.splitlines()]
    assert ["5", "70", "560", "2", "5.5,2.3,1.9"] in rows
    assert ["3", "20", "160", "1", "5.5,1.5,5.0", "hidden"] in rows
    assert ["4", "10", "80", "1", "5.5,1.0,7.0", "foot"] in rows
    assert out.splitlines()[-1] == "3 regions, 1 hidden, none selected"


def test_edits_undo_redo_and_history(run):
    assert run("select", "all", "but", "5")[1].strip() == "3 regions, 0 hidden, selected 3, 4"
    run("group", "selected", "--name", "leg")
    run("ungroup", "5", "--level", "0")
    run("undo")
    run("show-only", "leg")
    code, out, _ = run("history")
    words = ["select 3, 4", "group 3, 4 as leg", "ungroup 5 down to smoothing step 0", "undo", "show-only 6"]
    assert code == 0 and [line.strip().split("  ", 1)[1] for line in out.rstrip().splitlines()] == words
    listed = json.loads(run("list", "--json")[1])
    assert listed["n_edits"] == 5 and listed["selected"] == [6]
    assert {region["number"]: region["shown"] for region in listed["regions"]} == {5: False, 6: True}
    assert json.loads(run("undo", "--json")[1])["regions"][1]["name"] == "leg"


def test_find_prints_numbers_for_scripts(run):
    assert run("find", "within", "4A", "of", "5,1,4")[1].strip() == "3,5"
    assert json.loads(run("find", "largest 1", "--json")[1]) == {"found": [5]}


def test_a_lost_end_of_the_file_is_a_warning(run, project):
    run("hide", "3")
    path = project.folder / "J1" / "regions.jsonl"
    path.write_bytes(path.read_bytes()[:-3])
    code, _, err = run("list")
    assert code == 0 and "warning: " in err and "the last edit was not written to its end" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("paint",), "there is no 'paint' of regions: choose one of list, find"),
        (("hide",), "hide wants to know which regions"),
        (("undo", "3"), "undo takes no regions, got '3'"),
        (("hide", "3", "--level", "2"), "hide takes no --level"),
        (("rename", "3"), "rename wants --name"),
        (("hide", "head"), "no region is called 'head'"),
    ],
)
def test_what_does_not_fit_is_one_message(run, arguments, message):
    code, _, err = run(*arguments)
    assert code == 2 and message in err
