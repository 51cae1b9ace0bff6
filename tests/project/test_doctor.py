import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from triskelion.errors import JobError
from triskelion.project.doctor import Diagnosis
from triskelion.project.layout import JobPaths
from triskelion.project.plain_json import read_json
from triskelion.project.status import JobStatus, read_written_status, write_status


@pytest.fixture
def dead_pid() -> int:
    """Return the number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def make_old(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - 3600,) * 2, follow_symlinks=False)


def said(diagnosis: Diagnosis) -> list[str]:
    return [f"{finding.job}: {finding.what} | {finding.advice}" for finding in diagnosis.findings]


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_healthy_project_has_nothing_and_is_not_touched(imported):
    before = snapshot(imported.folder)
    diagnosis = imported.upkeep.examine(mend=True)
    assert (said(diagnosis), diagnosis.n_jobs, diagnosis.is_healthy) == ([], 5, True)
    assert snapshot(imported.folder) == before


def test_missing_images_are_named_with_their_rows(imported, raw):
    (raw / "day1" / "a.mrcs").unlink()
    stack = raw / "day2" / "a.mrcs"
    stack.write_bytes(stack.read_bytes()[:-10])
    found = said(imported.upkeep.examine(mend=True))
    assert f"J1: 1 links lead nowhere: images/day1/a.mrcs -> {raw}/day1/a.mrcs | if the images were moved: triskelion relink NEW_FOLDER" == found[0]
    assert found[1].startswith(
        "J1: particles.star: the images of 5 rows in 2 of 2 stacks cannot be used: J1/images/day1/a.mrcs (3 rows, the first 1): "
    )
    assert "J1/images/day2/a.mrcs (2 rows, the first 4): it holds 1 images, image 2 is wanted" in found[1]
    assert [line[:2] for line in found] == ["J1", "J1", "J2", "J3"]
    assert not imported.upkeep.examine().is_healthy


def test_a_dead_worker_is_written_down(project, dead_pid):
    job = project.prepare("make")
    paths = JobPaths(job.folder)
    write_status(paths, JobStatus(state="running", pid=dead_pid, host=socket.gethostname(), started=time.time(), heartbeat=time.time()))
    assert "it is written down as running, but the worker vanished" in said(project.upkeep.examine())[0]
    assert read_written_status(paths).state == "running"
    assert project.upkeep.examine(mend=True).is_healthy
    assert read_written_status(paths).state == "failed"
    assert job.requeue().run().status.state == "completed"


def test_a_live_worker_is_left_alone(project):
    job = project.prepare("make")
    write_status(JobPaths(job.folder), JobStatus(state="running", pid=os.getpid(), host=socket.gethostname(), heartbeat=time.time()))
    beside = job.folder / f".map.{os.getpid()}.mrc"
    beside.write_bytes(b"being written")
    make_old(beside)
    assert said(project.upkeep.examine(mend=True)) == []
    assert beside.exists()


def test_leftovers_of_dead_writers_are_removed_and_nothing_else(imported, dead_pid):
    folder = imported.folder / "J4"
    (folder / "iterations").mkdir()
    leftovers = [folder / f".map.{dead_pid}.mrc", folder / "iterations" / f".map_001.{dead_pid}.mrc", folder / f".windows.{dead_pid}.ab12_cde"]
    others = [folder / ".hidden", folder / f".map.{os.getpid()}.mrc", folder / "map.mrc.1234"]
    for path in leftovers + others:
        path.write_bytes(b"x" * 1000)
    fresh = said(imported.upkeep.examine())
    assert fresh == []  # a writer on another machine may be at work
    make_old(*leftovers, *others)
    before = snapshot(imported.folder)
    assert "3 temporary files of a writer that is gone (0.0 MB)" in said(imported.upkeep.examine())[0]
    assert imported.upkeep.examine(mend=True).is_healthy
    assert set(before) - set(snapshot(imported.folder)) == set(leftovers)


def test_leftovers_beside_jobs_and_damaged_workspaces_are_found(project, dead_pid):
    leftovers = [project.folder / f".unpacked.{dead_pid}", project.folder / f".project.{dead_pid}.json"]
    (leftovers[0] / "J1").mkdir(parents=True)
    leftovers[1].write_text("{")
    make_old(*leftovers)
    (project.folder / "workspaces" / "W1.json").write_text("{")
    found = project.upkeep.examine(mend=True).findings
    assert [(finding.job, finding.mended) for finding in found] == [("project", True), ("project", False)]
    assert not any(path.exists() for path in leftovers)


def test_jobs_cut_off_while_they_were_made(project):
    for name in ("J1", "J2", "J3"):
        (project.folder / name).mkdir()
    write_status(project.job("J1")._paths, JobStatus(state="building"))
    (project.folder / "J2" / "results.mrc").write_bytes(b"somebody's")
    assert said(project.upkeep.examine()) == []  # they may be being made right now
    make_old(*(project.folder / name for name in ("J1", "J2", "J3")))
    diagnosis = project.upkeep.examine(mend=True)
    assert [(finding.job, finding.mended) for finding in diagnosis.findings] == [("J1", True), ("J2", False), ("J3", True)]
    assert [job.name for job in project.jobs] == ["J2"]
    assert (project.folder / "J2" / "results.mrc").exists()
    assert project.run("make").name == "J4"


def test_a_job_never_queued_can_be_resumed(project):
    job = project.prepare("make")
    write_status(JobPaths(job.folder), JobStatus(state="building"))
    make_old(job.folder / "job.json")
    assert project.upkeep.examine(mend=True).is_healthy
    assert job.requeue().run().status.state == "completed"


def test_a_damaged_status_is_made_anew_from_the_events(project, fake_jobs):
    project.run("make")
    with pytest.raises(JobError):
        project.run("fail")
    for name in ("J1", "J2"):
        (project.folder / name / "status.json").write_text('{"state": "comp')
    diagnosis = project.upkeep.examine(mend=True)
    assert [finding.mended for finding in diagnosis.findings] == [True, True]
    assert [job.status.state for job in project.jobs] == ["completed", "failed"]
    assert project.job("J2").status.message == "got a fulcrum outside the box, wanted one inside"
    assert (project.folder / "J1" / "status.json.damaged").read_text() == '{"state": "comp'
    assert said(project.upkeep.examine()) == []


def test_damaged_records_outputs_and_missing_inputs_are_said(imported):
    (imported.folder / "J1" / "job.json").write_text("{")
    (imported.folder / "J4" / "half_a.mrc").unlink()
    path = imported.folder / "J4" / "map.mrc"
    path.write_bytes(path.read_bytes()[:-100])
    (imported.folder / "J5" / "map.mrc").unlink()
    shutil.rmtree(imported.folder / "J2")
    before = snapshot(imported.folder)
    found = said(imported.upkeep.examine(mend=True))
    assert snapshot(imported.folder) == before
    assert "J1/job.json is not valid JSON" in found[0] and "put it back from a copy" in found[0]
    assert (
        found[1] == "J3: its input particles (J2.particles) is missing: J2/particles.star | J2 is gone: J3 keeps its results but cannot be run again"
    )
    assert "J4/map.mrc is cut short: 7 of 8 sections" in found[2]
    assert found[3].startswith("J5: it is completed but has none of its outputs")


def test_files_outside_of_the_project_that_are_gone_are_said(imported, tmp_path):
    outside = tmp_path / "map.mrc"
    shutil.copy(imported.folder / "J4" / "map.mrc", outside)
    with pytest.raises(JobError):
        imported.run("use", volume=str(outside))  # it has no half maps
    job = imported.prepare("make", folder_path=str(tmp_path / "gone"))
    assert said(imported.upkeep.examine()) == [f"J7: its folder_path is missing: {tmp_path}/gone | put it back, then: triskelion resume J7"]
    outside.unlink()
    found = said(imported.upkeep.examine())
    assert found[0].startswith(f"J6: its input volume ({outside}) is missing: {outside} | put the file back")
    job.run()
    assert len(said(imported.upkeep.examine())) == 1  # what a job that is done has read is its own affair


def test_an_input_in_the_bin_is_said_with_the_way_back(imported, raw):
    imported.upkeep.delete(["J4"], force=True)
    assert said(imported.upkeep.examine()) == ["J5: its input volume (J4) is missing: J4/map.mrc | J4 is in the bin: triskelion restore J4"]
    imported.upkeep.restore("J4")
    assert imported.upkeep.examine().is_healthy
    shutil.rmtree(raw)
    described = [finding.describe() for finding in imported.upkeep.examine().findings]
    assert json.loads(json.dumps(described))[0]["can_be_mended"] is False


def test_a_damaged_project_file_does_not_hide_the_notes(imported):
    (imported.folder / "J1" / "notes.jsonl").write_text("nonsense\n")
    assert "notes.jsonl, row 1: this is not a note" in said(imported.upkeep.examine())[0]
    assert read_json(imported.folder / "project.json")["format"] == 1
