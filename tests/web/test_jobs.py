"""Projects and jobs through the door of the browser: the same calls as everywhere, as JSON."""

import csv
import io
import json
import tarfile
from pathlib import Path

from triskelion.api import Project

P = "/api/p/tri-snrnp"


def test_the_session_tells_what_there_is(browser, project, data):
    project.run("make")
    session = browser.get("/api/session").json()
    assert session["projects"] == [{"id": "tri-snrnp", "title": "tri-snrnp", "folder": str(project.folder), "n_jobs": 1}]
    assert session["roots"] == [str(project.folder.parent), str(data)]
    assert session["lanes"][0]["name"] and session["threads"] > 0 and session["read_only"] is False


def test_what_is_damaged_does_not_close_the_page(browser, project):
    (project.folder / "lanes.toml").write_text("[lanes")
    assert "lanes.toml" in browser.get("/api/session").json()["lanes_error"]
    assert browser.get(f"{P}/lanes").status_code == 400
    (project.folder / "project.json").write_text("{")
    assert browser.get("/api/session").json()["projects"][0]["title"] == "tri-snrnp"


def test_forms_are_made_from_the_models(browser):
    forms = {form["name"]: form for form in browser.get("/api/job_types").json()}
    fields = {field["name"]: field for field in forms["make"]["fields"]}
    assert fields["box_px"].items() >= {"kind": "int", "default": 8, "minimum": 4, "maximum": 64, "unit": "px", "required": False}.items()
    assert fields["level"].items() >= {"kind": "float", "exclusive_minimum": 0}.items() and "minimum" not in fields["level"]
    assert (fields["kind"]["kind"], fields["kind"]["choices"]) == ("choice", ["map", "mask"])
    assert (fields["loud"]["kind"], fields["folder_path"]["kind"], fields["folder_path"]["optional"]) == ("bool", "path", True)
    slots = {field["name"]: field for field in forms["use"]["fields"]}
    assert (slots["volume"]["slot"], slots["volume"]["required"], slots["mask"]["optional"]) == ("volume", True, True)
    assert forms["make"]["outputs"] == {"map": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask"}


def test_every_field_of_every_real_job_has_a_kind_that_the_page_knows():
    from triskelion.project.forms import list_forms

    fields = [field for form in list_forms() for field in form["fields"]]
    assert {field["kind"] for field in fields} == {"int", "float", "bool", "text", "choice", "path", "slot", "list"}
    assert all(field["title"] and field["help"] for field in fields)


def test_a_job_is_made_run_and_shown(browser, project):
    made = browser.post(f"{P}/jobs", json={"type": "make", "parameters": {"level": 3, "loud": True, "iterations": 2}})
    assert made.json() == {"name": "J1"}
    used = browser.post(f"{P}/jobs", json={"type": "use", "parameters": {"volume": "J1"}}).json()["name"]
    cards = browser.get(f"{P}/jobs").json()
    assert [(card["name"], card["type"], card["state"]) for card in cards] == [("J1", "make", "completed"), (used, "use", "completed")]
    assert cards[0]["warnings"] == ["the padding is thin [not markup]"] and cards[0]["summary"]["resolution_A"] == 4.1234
    assert [(output["name"], output["role"]) for output in cards[0]["outputs"]] == [("map", "main"), ("half_a", "half"), ("half_b", "half")]
    assert cards[1]["inputs"] == [{"slot": "volume", "reference": "J1", "job": "J1", "output": "map"}]
    job = browser.get(f"{P}/j/J1").json()
    assert job["changed"] == {"level": 3.0, "loud": True, "iterations": 2} and job["children"] == ["J2"]
    assert job["command"] == "triskelion run make --level 3 --loud --iterations 2"
    assert job["plots"][0]["iterations"] == [1, 2, None] and job["plots"][0]["caption"]
    assert browser.get(f"{P}/lineage").json() == {"edges": [{"from": "J1", "to": "J2", "slot": "volume"}]}


def test_a_clone_keeps_what_it_was_made_from_and_goes_to_a_workspace(browser, project):
    project.run("make", level=3.0)
    assert browser.post(f"{P}/workspaces", json={"title": "Head"}).json() == {"name": "W2"}
    body = {"type": "make", "parameters": {"level": 4}, "clone_of": "J1", "workspace": "W2"}
    assert browser.post(f"{P}/jobs", json=body).json() == {"name": "J2"}
    card = browser.get(f"{P}/j/J2").json()
    assert (card["cloned_from"], card["workspace"], card["parameters"]["level"]) == ("J1", "W2", 4.0)
    for wrong, status in (({"clone_of": "J9"}, 404), ({"type": "use", "parameters": {"volume": "J1"}}, 400), ({"workspace": "W9"}, 400)):
        assert browser.post(f"{P}/jobs", json={**body, **wrong}).status_code == status
    assert len(project.jobs) == 2


def test_a_form_is_checked_as_it_stands(browser, project):
    project.run("make", kind="mask")
    answer = browser.post(f"{P}/check", json={"type": "use", "parameters": {"volume": "J1", "factor": 5}}).json()
    assert not answer["ok"] and [error["field"] for error in answer["errors"]] == ["volume"]
    assert "J1 (make) gives no volume" in answer["errors"][0]["message"]
    assert answer["command"] == "triskelion run use --volume J1 --factor 5"
    answer = browser.post(f"{P}/check", json={"type": "make", "parameters": {"level": -1, "box_px": "a", "odd": 1}}).json()
    assert {error["field"] for error in answer["errors"]} == {"level", "box_px", "odd"}
    answer = browser.post(f"{P}/check", json={"type": "make", "parameters": {"level": 2.0}}).json()
    assert (answer["ok"], answer["errors"], answer["changed"], answer["preview"]) == (True, [], {"level": 2.0}, None)
    assert answer["estimate"][0].startswith("J1 took ")
    assert browser.post(f"{P}/check", json={"type": "nothing", "parameters": {}}).status_code == 400
    refused = browser.post(f"{P}/jobs", json={"type": "make", "parameters": {"level": -1}})
    assert refused.status_code == 400 and refused.json()["field"] == "level" and "greater than 0" in refused.json()["error"]


def test_candidates_say_why_they_do_not_fit(browser, project):
    project.run("make", kind="mask")
    project.run("make")
    project.prepare("make")
    found = browser.get(f"{P}/candidates", params={"type": "use", "slot": "volume"}).json()
    assert [(each["reference"], each["fits"]) for each in found] == [("J2.map", True), ("J2.half_a", True), ("J2.half_b", True), ("J1.mask", False)]
    assert "J1.mask is a mask, the slot wants a map" in found[-1]["reason"]
    on_lane = browser.get(f"{P}/candidates", params={"type": "use", "slot": "volume", "lane": "local"}).json()
    assert on_lane[0]["reference"] == "J3.map" and on_lane[0]["fits"]
    assert browser.get(f"{P}/candidates", params={"type": "use", "slot": "factor"}).status_code == 400


def test_log_and_files_are_read_piece_by_piece(browser, project):
    job = project.run("make")
    whole = job.log_path.read_text()
    first = browser.get(f"{P}/j/J1/log").json()
    assert (first["text"], first["next"]) == (whole, len(whole))
    with job.log_path.open("a") as log:
        log.write("one more\nhalf a li")
    assert browser.get(f"{P}/j/J1/log", params={"from": first["next"]}).json() == {"text": "one more\n", "next": len(whole) + 9}
    assert browser.get(f"{P}/j/J1/log", params={"from": 10**9}).json() == {"text": "", "next": 10**9}
    files = {each["name"]: each["bytes"] for each in browser.get(f"{P}/j/J1/files").json()}
    assert files["map.mrc"] == (job.folder / "map.mrc").stat().st_size
    part = browser.get(f"{P}/j/J1/files/map.mrc", headers={"range": "bytes=1024-1039"})
    assert part.status_code == 206 and part.content == (job.folder / "map.mrc").read_bytes()[1024:1040]
    with tarfile.open(fileobj=io.BytesIO(browser.get(f"{P}/j/J1/archive").content)) as archive:
        assert any(name.endswith("J1/map.mrc") for name in archive.getnames())


def test_plots_come_as_data_and_drawn(browser, project):
    job = project.run("make", iterations=2)
    stored = json.loads((job.folder / "plots" / "iterations_001.json").read_text())
    assert browser.get(f"{P}/j/J1/plots/iterations", params={"iteration": 1}).json() == stored
    table = list(csv.reader(io.StringIO(browser.get(f"{P}/j/J1/plots/iterations", params={"as": "csv"}).text)))
    assert table[0][:2] == ["iteration", "resolution_A"] and table[1:] == [["1", *["20.0"] * 4], ["2", *["17.0"] * 4]]
    assert browser.get(f"{P}/j/J1/plots/iterations", params={"as": "png"}).content.startswith(b"\x89PNG")
    svg = browser.get(f"{P}/j/J1/plots/iterations", params={"as": "svg"})
    assert svg.headers["content-type"].startswith("image/svg") and b"<svg" in svg.content and b">iteration<" in svg.content
    for wrong in ({"iteration": 3}, {"iteration": -1}, {"as": "pdf"}):
        assert browser.get(f"{P}/j/J1/plots/iterations", params=wrong).status_code in (400, 404)
    assert browser.get(f"{P}/j/J1/plots/gsfsc").status_code == 404


def test_people_write_on_jobs_and_find_them_again(browser, project):
    project.run("make", level=7.5)
    project.run("make")
    browser.post(f"{P}/j/J2/notes", json={"text": "the neck is Too tight"})
    assert browser.put(f"{P}/j/J2/tags", json={"add": ["best", "old"], "remove": []}).json()["tags"] == ["best", "old"]
    assert browser.put(f"{P}/j/J2/tags", json={"remove": ["old"]}).json()["tags"] == ["best"]
    find = lambda words: [(found["job"], found["where"]) for found in browser.get(f"{P}/search", params={"q": words}).json()]
    assert find("TIGHT neck") == [("J2", "note")] and find("best") == [("J2", "tag")] and find("7.5") == [("J1", "parameter")]
    assert find("cube") == [("J2", "type"), ("J1", "type")] and find("") == find("nowhere") == []
    card = browser.get(f"{P}/j/J2").json()
    assert (card["title"], card["n_notes"], card["tags"]) == ("the neck is Too tight", 1, ["best"])


def test_jobs_are_stopped_continued_cleared_deleted_and_restored(browser, project):
    project.run("make")
    project.run("use", volume="J1")
    project.prepare("make")
    assert browser.post(f"{P}/j/J3/kill").json() == {"state": "killed"}
    assert browser.post(f"{P}/j/J3/kill").status_code == 409
    assert browser.post(f"{P}/j/J3/resume").json() == {"state": "completed"}
    assert browser.post(f"{P}/j/J3/clear").json() == {"state": "killed"}
    assert "J1 is used by J2" in browser.delete(f"{P}/j/J1").json()["error"]
    assert browser.delete(f"{P}/j/J1", params={"with_descendants": True}).json() == {"deleted": ["J1", "J2"]}
    assert [job["name"] for job in browser.get(f"{P}/bin").json()] == ["J1", "J2"]
    assert browser.post(f"{P}/bin/J1/restore").json() == {"name": "J1"}
    assert browser.post(f"{P}/bin/J1/restore").status_code == 404
    assert browser.get(f"{P}/j/J2").status_code == 404


def test_a_damaged_job_does_not_hide_the_others(browser, project):
    project.run("make")
    project.run("make")
    (project.folder / "J1" / "job.json").write_text("{")
    cards = browser.get(f"{P}/jobs").json()
    assert cards[0]["type"] is None and "not valid JSON" in cards[0]["message"] and cards[1]["state"] == "completed"
    assert browser.get(f"{P}/j/J1").status_code == 400


def test_projects_are_made_found_and_opened(browser, project, data):
    made = browser.post("/api/projects", json={"folder": "new/head", "title": "The <b>head</b>"}).json()["id"]
    assert made == "head" and (project.folder.parent / "new" / "head" / "project.json").is_file()
    Project.new(project.folder.parent / "Tri snRNP")
    deep = Project.new(data / "a" / "b" / "deep").folder
    session = browser.get("/api/session").json()
    names = {each["id"]: each["title"] for each in session["projects"]}
    assert names["head"] == "The <b>head</b>" and len(names) == 3
    clash = next(name for name in names if name.startswith("tri-snrnp-"))
    assert browser.get(f"/api/p/{clash}/jobs").json() == []
    assert browser.post("/api/projects/open", json={"folder": str(deep)}).json() == {"id": "deep"}
    for folder in (str(project.folder / "inside"), str(data / "new"), str(project.folder)):
        assert browser.post("/api/projects", json={"folder": folder}).status_code == 400, folder
    inside = browser.get("/api/folders", params={"path": str(data)}).json()
    assert inside == {"path": str(data), "folders": ["a"], "files": [], "parent": None}
    assert browser.get("/api/folders").json()["folders"] == session["roots"]
    assert browser.get("/api/folders", params={"path": str(data / "a" / "b")}).json()["parent"] == str(Path(data / "a"))


MISSING = ["/api/p/none/jobs", f"{P}/j/J9", f"{P}/j/J9/log", f"{P}/j/J1/plots/none", f"{P}/j/J1/files/none", f"{P}/j/J1/volume/none", "/api/none"]


def test_what_is_not_there_is_404(browser, project):
    project.run("make")
    for path in MISSING:
        answer = browser.get(path)
        assert answer.status_code == 404 and answer.json()["error"]
