import pytest

from triskelion.errors import JobError
from triskelion.project.status import JobStatus, write_status


def test_a_used_job_is_not_deleted_unless_forced(imported):
    with pytest.raises(JobError, match=r"J1 is used by J2: delete those first"):
        imported.upkeep.delete(["J1"])
    with pytest.raises(JobError, match=r"J2 is used by J3"):
        imported.upkeep.delete(["J4", "J5", "J2"])
    assert [job.name for job in imported.jobs] == ["J1", "J2", "J3", "J4", "J5"]
    imported.upkeep.delete(["J4", "J5"])  # the user goes along
    imported.upkeep.delete(["J2"], force=True)
    assert [job.name for job in imported.jobs] == ["J1", "J3"]
    assert [(job.name, job.type) for job in imported.upkeep.bin] == [("J2", "shift"), ("J4", "make"), ("J5", "use")]
    with pytest.raises(JobError, match="no job J9"):
        imported.upkeep.delete(["J1", "J9"])


def test_a_restored_job_is_what_it_was_and_its_number_is_not_given_away(project):
    before = {path.name: path.read_bytes() for path in project.run("make").folder.iterdir() if path.is_file()}
    project.upkeep.delete(["J1"])
    assert project.run("make").name == "J2"
    project.upkeep.restore("J1")
    assert {path.name: path.read_bytes() for path in (project.folder / "J1").iterdir() if path.is_file()} == before
    with pytest.raises(JobError, match="no job J1 in the bin: it holds nothing"):
        project.upkeep.restore("J1")


def test_erased_jobs_free_their_room_but_not_their_numbers(imported, raw):
    imported.upkeep.delete(["J1", "J2", "J3", "J4", "J5"])
    assert imported.upkeep.empty_bin() == ["J1", "J2", "J3", "J4", "J5"]
    assert imported.upkeep.bin == []
    assert sorted(path.name for path in raw.rglob("*.mrcs")) == ["a.mrcs", "a.mrcs"]  # what links point at stays
    assert imported.run("make").name == "J6"


@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_job_at_work_is_neither_deleted_nor_cleared(project, state):
    job = project.prepare("make")
    from triskelion.project.layout import JobPaths

    write_status(JobPaths(job.folder), JobStatus(state=state, heartbeat=4e9, host="elsewhere"))
    for act in (lambda: project.upkeep.delete(["J1"], force=True), lambda: project.upkeep.clear("J1", force=True)):
        with pytest.raises(JobError, match=f"J1 is {state}: stop it first"):
            act()


def test_a_cleared_job_keeps_its_record_and_runs_again(imported):
    record = (imported.folder / "J5" / "job.json").read_bytes()
    result = (imported.folder / "J5" / "map.mrc").read_bytes()
    job = imported.job("J5")
    job.notes.add("keep me")
    with pytest.raises(JobError, match=r"J4 is used by J5: their inputs would be gone"):
        imported.upkeep.clear("J4")
    imported.upkeep.clear("J5")
    assert job.status.state == "killed" and "resume J5" in job.status.message
    assert job.outputs == [] and job.notes.notes[0].text == "keep me"
    assert (imported.folder / "J5" / "job.json").read_bytes() == record
    job.requeue().run()
    assert (imported.folder / "J5" / "map.mrc").read_bytes()[1024:] == result[1024:]


def test_disk_use_tells_what_takes_the_room(imported):
    job = imported.job("J1")
    (job.folder / "own.mrcs").write_bytes(b"x" * 100_000)
    (job.folder / "iterations").mkdir()
    (job.folder / "iterations" / "map_001.mrc").write_bytes(b"x" * 50_000)
    use = imported.upkeep.disk_use["J1"]
    assert 100_000 <= use.images_bytes < 120_000 and 50_000 <= use.iterations_bytes < 60_000
    assert use.linked_bytes == sum(path.stat().st_size for path in (imported.folder.parent / "raw").rglob("*.mrcs"))
    assert use.total_bytes == use.images_bytes + use.iterations_bytes + use.rest_bytes
