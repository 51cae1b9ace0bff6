"""A local lane: what waits, what starts, and what comes of it when something dies."""

import os
import signal
import time

import pytest
from tests.runners.conftest import keep_by_hand, keeper_pid, stop_keeper, wait_until

from triskelion.api import Project
from triskelion.errors import InputError, JobError
from triskelion.project.submission import list_queue, read_submission
from triskelion.runners.base import JobFailed
from triskelion.runners.lane_runner import LaneRunner
from triskelion.runners.survey import survey_lanes, survey_queue

ONE_AT_A_TIME = '[lanes.one]\nkind = "local"\ncpus = 1\ngpus = 0\nmemory_GB = 8\n'
EIGHT_CORES = '[lanes.eight]\nkind = "local"\ncpus = 8\ngpus = ["a", "b"]\nmemory_GB = 16\njob = { cpus = 1, gpus = 0, memory_GB = 2 }\n'
SHELL = ("/bin/sh", "-c", 'env > "$2/environment"; exec sleep 60', "worker")  # in place of a worker, where none of its work is wanted


@pytest.fixture
def keeper(lanes_file):
    """Keep the queue in this process, one look at a time."""
    with keep_by_hand() as keeper:
        yield keeper


@pytest.fixture
def give(project, lanes_file):
    """Give a job to a lane without waiting for what comes of it."""

    def put(job_type: str, lane: str | None = None, threads: int = 1, worker=SHELL, into: Project | None = None, asked=None, **parameters):
        runner = LaneRunner(lane, asked or {}, worker)
        job = Project((into or project).folder, runner=runner, threads=threads).prepare(job_type, **parameters)
        runner.enqueue(job.paths)
        return job

    return put


def has_started(job) -> bool:
    return read_submission(job.paths).pid is not None


def message_of(job) -> str:
    return job.status.message


def test_a_chain_given_at_once_is_run_in_order_by_a_keeper_of_its_own(on_lane, lanes_file, tmp_path):
    lanes_file.write_text(ONE_AT_A_TIME)
    project = on_lane("one")
    first = project.prepare("make", level=3.0, gate=tmp_path / "gate").start()
    second = project.prepare("use", volume=first).start()  # accepted although J1 has made nothing yet
    third = project.prepare("use", volume=first, mask="J1.mask").start()  # jobs of this type may make a mask; this one will not
    (tmp_path / "gate").touch()
    with pytest.raises(JobFailed, match=r"J4 failed: its input J3 failed: J1 \(make\) has no mask: it has volume map, half_a, half_b"):
        project.run("use", volume=third)
    assert [job.status.state for job in project.jobs] == ["completed", "completed", "failed", "failed"]
    assert second.status.started > first.status.ended
    assert second.record.inputs == {"volume": {"reference": "J1", "file": "J1/map.mrc"}}
    wait_until(lambda: list_queue(project.paths) == [] and keeper_pid() is None)  # nothing to keep: the keeper is gone


def test_a_job_waits_for_its_inputs_and_fails_with_them(keeper, give, project, lanes_file):
    lanes_file.write_text(EIGHT_CORES)
    first, second = give("make"), give("make")
    third = give("use", volume="J1", mask="J2.mask")
    fourth = give("use", volume="J1")
    keeper.advance()
    assert has_started(first) and has_started(second)
    assert (third.status.state, message_of(third), message_of(fourth)) == ("queued", "waits for J1, J2", "waits for J1")
    with pytest.raises(InputError, match=r"J1 \(make\) gives no particles: it may make volume map, half_a, half_b; mask mask"):
        give("shift", particles="J1")
    with pytest.raises(JobError, match="J1 is queued: stop it first"):
        project.upkeep.delete(["J1"])
    second.kill()
    keeper.advance()
    assert message_of(third) == "its input J2 was killed: killed before it started"
    assert "failed: its input J2 was killed" in third.log_path.read_text()
    assert message_of(fourth) == "waits for J1"
    assert [entry.name for entry in survey_queue(project.paths)] == ["J1", "J4"]


def test_gpus_are_given_one_by_one_and_named_to_the_job(keeper, give, project, lanes_file):
    lanes_file.write_text(EIGHT_CORES)
    jobs = [give("make", asked={"gpus": "1"}) for _ in range(2)]
    both = give("make", asked={"gpus": "2"})
    small = give("make", asked={"gpus": "1"})  # waits behind the one that wants both
    none = give("make")  # needs nothing that they wait for
    keeper.advance()
    wait_until(lambda: all((job.folder / "environment").exists() and (job.folder / "environment").stat().st_size for job in (*jobs, none)))
    environments = [(job.folder / "environment").read_text().splitlines() for job in (*jobs, none)]
    visible = [line for lines in environments for line in lines if line.startswith("CUDA")]
    assert visible == ["CUDA_VISIBLE_DEVICES=a", "CUDA_VISIBLE_DEVICES=b", "CUDA_VISIBLE_DEVICES="]
    assert {"TRISKELION_MEMORY_GB=2", "OMP_NUM_THREADS=1", "NUMBA_NUM_THREADS=1"} <= set(environments[0])
    assert message_of(both) == "waits for room on eight: GPUs: 2 wanted, 0 free"
    assert message_of(small) == "waits for room on eight: GPUs: 1 wanted, 0 free"
    (lane,) = survey_lanes(project.paths)
    assert (lane.room, lane.is_default) == ("5 of 8 cores, 0 of 2 GPUs, 10 of 16 GB free", True)
    jobs[0].kill()
    keeper.advance()
    keeper.advance()
    assert not has_started(both) and not has_started(small)  # one GPU is free, and kept for the one that came first


def test_slots_are_shared_by_all_projects_of_a_person(keeper, give, project, lanes_file, tmp_path):
    lanes_file.write_text(ONE_AT_A_TIME)
    first = give("make")
    keeper.advance()
    second = give("make", into=Project.new(tmp_path / "other"))
    keeper.advance()
    assert message_of(second) == "waits for room on one: cores: 1 wanted, 0 free; GB: 8 wanted, 0 free"
    first.kill()
    keeper.advance()
    keeper.advance()
    assert has_started(second)


def test_what_a_lane_can_never_hold_is_refused_and_no_job_is_made(give, project, lanes_file):
    lanes_file.write_text(EIGHT_CORES)
    for options, message in (
        ({"threads": 9}, "the lane eight will never have room for this job: cores: 9 wanted, 8 free, when nothing else runs"),
        ({"asked": {"gpus": "3"}}, "GPUs: 3 wanted, 2 free"),
        ({"asked": {"gpus": "many"}}, "got gpus=many: wanted how many"),
        ({"asked": {"memory_GB": "17"}}, "GB: 17 wanted, 16 free"),
        ({"asked": {"time": "4:00:00"}}, "got time asked of the lane eight: a local lane may be asked for gpus and memory_GB"),
        ({"lane": "five"}, "there is no lane 'five': there is eight"),
    ):
        with pytest.raises(InputError, match=message):
            give("make", **options)
    assert project.jobs == []


def test_a_start_that_came_to_nothing_is_a_failure(keeper, give, lanes_file):
    lanes_file.write_text(EIGHT_CORES)
    missing, silent = give("make", worker=("/no/such/program",)), give("make", worker=("/bin/sh", "-c", "exit 3"))
    keeper.advance()
    assert message_of(missing).startswith("the worker could not be started: ")
    wait_until(lambda: keeper.advance() or silent.status.is_over)
    assert message_of(silent) == f"the worker ended suddenly with exit code 3; see {silent.log_path}"


def test_a_lane_that_is_gone_or_damaged_is_said_at_the_jobs_that_wait_for_it(keeper, give, lanes_file):
    lanes_file.write_text(EIGHT_CORES)
    job = give("make")
    lanes_file.write_text(ONE_AT_A_TIME)
    keeper.advance()
    assert message_of(job) == "waits for a lane eight: there is none of this name in lanes.toml any more"
    lanes_file.write_text("[lanes.eight")
    keeper.advance()
    assert message_of(job).startswith(f"{lanes_file} is not TOML: ")
    lanes_file.write_text(EIGHT_CORES)
    keeper.advance()
    assert has_started(job)


def test_keepers_and_workers_may_die(on_lane, lanes_file, tmp_path):
    lanes_file.write_text(ONE_AT_A_TIME)
    project = on_lane()
    first = project.prepare("fail", how="wait").start()
    second = project.prepare("make", gate=tmp_path / "gate").start()
    wait_until(lambda: first.status.state == "running")
    stop_keeper()
    os.kill(first.status.pid, signal.SIGKILL)  # nobody is there to see it
    time.sleep(0.2)
    assert (keeper_pid(), second.status.state) == (None, "queued")
    Project(project.folder)  # any command in the project starts another
    wait_until(lambda: second.status.state == "running")
    stop_keeper()  # the job that ends starts another
    third = project.prepare("use", volume=second)
    LaneRunner("one", {}, third._runner.worker).enqueue(third.paths)
    (tmp_path / "gate").touch()
    wait_until(lambda: third.status.state == "completed")
    assert first.status.state == "failed" and "the worker vanished" in message_of(first)


def test_a_failed_job_goes_on_on_its_lane(on_lane, lanes_file):
    lanes_file.write_text(EIGHT_CORES)
    project = on_lane("eight", gpus="1", threads=3)
    job = project.prepare("resume").start()
    wait_until(lambda: job.status.state == "failed")
    again = Project(project.folder).job("J1").requeue()
    assert again.waits_in_queue
    assert again.run().status.state == "completed"
    submission = read_submission(job.paths)
    assert (submission.lane, submission.gpus, submission.cpus) == ("eight", 1, 3)
    assert (job.folder / "result.txt").read_text() == "3"
