import json

from triskelion.project.lineage import job_of_path, job_of_text, list_ancestors, list_descendants, list_users


def test_names_of_jobs_in_references_and_paths():
    assert job_of_text("J5") == job_of_text("J5.half_a") == job_of_text("J5/map.mrc") == "J5"
    assert [job_of_text(text) for text in ("J0", "J5x", "raw/J5.star", "/J5/map.mrc", "../J5/map.mrc")] == [None] * 5
    assert job_of_path("J5") is None


def test_what_was_made_from_what(imported):
    imported.clone("J5", factor=3.0)
    lineage = imported.upkeep.lineage
    assert [lineage[name].parents for name in lineage] == [(), ("J1",), ("J2",), (), ("J4",), ("J4",)]
    assert (lineage["J6"].cloned_from, lineage["J3"].sources[0].file) == ("J5", "J2/particles.star")
    assert list_users(lineage, ["J4", "J1", "J3"]) == {"J1": ["J2"], "J4": ["J5", "J6"]}
    assert list_users(lineage, ["J4", "J5", "J6"]) == {}
    assert list_ancestors(lineage, ["J3"]) == {"J1", "J2"}
    assert list_descendants(lineage, ["J1"]) == {"J2", "J3"}


def test_paths_into_jobs_and_several_inputs_are_found(project):
    project.run("make", kind="mask")
    project.run("make")
    project.run("use", volume="J2", mask=project.folder / "J1" / "mask.mrc")
    project.run("make", folder_path=project.folder / "J3" / "map.mrc")
    lineage = project.upkeep.lineage
    assert lineage["J3"].parents == ("J1", "J2")
    assert lineage["J4"].parents == ("J3",)


def test_jobs_named_by_parameters_that_are_no_slots_are_found(project):
    """A fulcrum names the job that found it; a series names jobs among the values it fixes and varies."""
    for _ in range(3):
        project.run("make")
    record = json.loads((project.folder / "J3" / "job.json").read_text())
    record["parameters"] |= {"fulcrum": "J1", "fixed": ["volume=J2", "dilation_px=3"], "title": "J1 again"}
    (project.folder / "J3" / "job.json").write_text(json.dumps(record))
    ancestry = project.upkeep.lineage["J3"]
    assert ancestry.parents == ("J1", "J2")
    assert [(source.slot, source.reference) for source in ancestry.sources] == [("fulcrum", "J1"), ("fixed", "J2")]


def test_an_unreadable_job_hides_no_other(imported):
    (imported.folder / "J2" / "job.json").write_text("{")
    lineage = imported.upkeep.lineage
    assert lineage["J2"].type is None
    assert lineage["J3"].parents == ("J2",)
