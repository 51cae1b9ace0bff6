import json
import os
from pathlib import Path

import numpy as np
import pytest

import triskelion
from triskelion.api import Project
from triskelion.errors import InputError, JobError
from triskelion.io.mrc import read_volume
from triskelion.project.events import read_events
from triskelion.runners.base import JobFailed


def test_the_package_offers_project():
    assert triskelion.Project is Project


def test_a_job_leaves_the_files_scripts_rely_on(project):
    job = project.run("make", level=3.0, loud=True, iterations=2)
    assert (job.name, job.type, job.status.state) == ("J1", "make", "completed")
    assert {"job.json", "status.json", "events.jsonl", "log.txt", "summary.json", "map.mrc", "plots"} <= set(os.listdir(job.folder))
    data = [f"iterations{iteration}.json" for iteration in ("", "_001", "_002")]
    assert sorted(os.listdir(job.folder / "plots")) == sorted([*data, "iterations.png"])  # earlier pictures are drawn when they are looked at
    summary = json.loads((job.folder / "summary.json").read_text())
    assert (summary["resolution_A"], summary["n_particles"]) == (4.1234, 1500)
    assert summary["warnings"] == ["the padding is thin [not markup]"]
    assert summary["wall_s"] > 0 and summary["cpu_s"] > 0 and summary["peak_rss_MB"] > 20
    kinds = [event["kind"] for event, _ in read_events(job.folder / "events.jsonl")]
    assert kinds[0] == kinds[-1] == "state"
    assert {"log", "warning", "progress", "plot", "summary"} <= set(kinds)
    assert "making a cube" in (job.folder / "log.txt").read_text()
    assert not [name for name in os.listdir(job.folder) if name.startswith(".")]


def test_a_job_may_stand_for_its_outputs(project):
    made = project.run("make", level=3.0)
    used = [project.run("use", volume=value) for value in (made, made.volume, "J1", "J1.map")]
    for job in used:
        assert read_volume(job.path("map")).array.max() == 6.0
    assert used[0].record.inputs == {"volume": {"reference": "J1", "file": "J1/map.mrc"}}
    with pytest.raises(JobError, match=r"J1 \(make, completed\) has no particles"):
        made.particles  # noqa: B018


def test_a_job_of_another_project_is_refused(project, tmp_path):
    other = Project.new(tmp_path / "other")
    other_job = project.run("make")
    with pytest.raises(InputError, match="J1 belongs to the project"):
        other.prepare("use", volume=other_job)


def test_a_clone_replaces_what_is_given_and_keeps_the_rest(project):
    made = project.run("make", level=3.0, box_px=10)
    project.run("use", volume=made, factor=5.0)
    clone = project.clone("J2", factor=0.5)
    assert clone.record.parameters == {**project.job("J2").record.parameters, "factor": 0.5}
    assert clone.record.cloned_from == "J2"
    assert read_volume(clone.path("map")).array.max() == 1.5
    assert clone.record.command == "triskelion run use --volume J1 --factor 0.5"
    with pytest.raises(InputError, match="no such parameter; did you mean factor"):
        project.clone("J2", fctor=1)
    assert [job.name for job in project.jobs] == ["J1", "J2", "J3"]


def test_paths_are_relative_to_where_they_were_typed(project, tmp_path, monkeypatch):
    outside = tmp_path / "elsewhere"
    (outside / "raw").mkdir(parents=True)
    monkeypatch.chdir(outside)
    job = project.run("make", folder_path="raw")
    assert job.record.parameters["folder_path"] == str(outside / "raw")
    monkeypatch.chdir(project.folder)
    assert project.clone(job).record.parameters["folder_path"] == str(outside / "raw")
    assert project.run("make", folder_path=Path("J1")).record.parameters["folder_path"] == "J1"


def test_a_copied_project_opens_elsewhere(project, tmp_path):
    project.run("make", level=3.0)
    project.run("use", volume="J1")
    moved = project.folder.rename(tmp_path / "moved")
    again = Project(moved, runner=project._runner)
    assert read_volume(again.clone("J2").path("map")).array.max() == 6.0


def test_a_failing_job_raises_and_stays_failed(project):
    with pytest.raises(JobFailed, match="J1 failed: got a fulcrum outside the box") as caught:
        project.run("fail", how="input")
    assert caught.value.exit_code == 2
    assert project.job("J1").status.state == "failed"
    with pytest.raises(JobFailed, match="ZeroDivisionError: a slip") as caught:
        project.run("fail", how="defect")
    assert caught.value.exit_code == 1
    assert "Traceback" in (project.folder / "J2" / "log.txt").read_text()
    with pytest.raises(JobFailed, match="ended without any of its outputs"):
        project.run("fail", how="nothing")


def test_bad_input_makes_no_job(project):
    with pytest.raises(InputError, match="level: got 'much'"):
        project.run("make", level="much")
    with pytest.raises(InputError, match="no job type 'maek'"):
        project.run("maek")
    assert project.jobs == []


def test_a_child_is_a_job_of_its_own_and_its_failure_fails_the_parent(project):
    with pytest.raises(JobFailed, match="J1 failed: J2 failed: got a fulcrum"):
        project.run("fail", how="child")
    assert [job.status.state for job in project.jobs] == ["failed", "failed"]


def test_a_failed_job_continues_from_its_checkpoint(project):
    with pytest.raises(JobFailed, match="half way"):
        project.run("resume")
    job = project.job("J1")
    assert (job.folder / "checkpoint.npz").exists()
    job.requeue().run()
    assert job.path("result.txt").read_text() == "3"
    assert not (job.folder / "checkpoint.npz").exists()
    with pytest.raises(JobError, match="only a killed or failed job"):
        job.requeue()


def test_unknown_outputs_are_named(project):
    job = project.run("make")
    assert job.path("half_a") == job.folder / "half_a.mrc"
    assert job.path("summary") == job.folder / "summary.json"
    with pytest.raises(JobError, match="J1 has no output 'quarter': it has map, half_a, half_b"):
        job.path("quarter")


def test_opening_what_is_no_project(tmp_path):
    with pytest.raises(InputError, match="is not a project"):
        Project(tmp_path)


def test_the_same_parameters_give_the_same_map(project):
    first, second = project.run("make", level=0.3), project.run("make", level=0.3)
    assert np.array_equal(read_volume(first.path("map")).array, read_volume(second.path("map")).array)
