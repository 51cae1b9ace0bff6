"""Worker processes: how they end is what the job's state, its exit code and its files must say."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from triskelion.api import Project
from triskelion.errors import JobError
from triskelion.runners.base import JobFailed, JobKilled
from triskelion.runners.local import LocalRunner


@pytest.fixture
def workers(project, fake_jobs) -> Project:
    """The same project, whose jobs run in worker processes."""
    return Project(project.folder, runner=LocalRunner(show=False, worker=fake_jobs.WORKER), threads=1)


def wait_until(condition, timeout_s=90):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_worker_completes_a_job_and_measures_it(workers):
    job = workers.run("make")
    assert job.status.state == "completed"
    assert job.status.pid != os.getpid()
    assert job.summary["threads"] == 1
    assert 0 < job.summary["cpu_s"] < 60
    assert 20 < job.summary["peak_rss_MB"] < 4000


@pytest.mark.parametrize(("how", "exit_code", "message"), [("data", 2, "stack.mrcs, row 7"), ("defect", 1, "ZeroDivisionError")])
def test_errors_are_exit_codes_and_messages(workers, fake_jobs, how, exit_code, message):
    job = workers.prepare("fail", how=how)
    ended = subprocess.run([*fake_jobs.WORKER, str(job.folder)], capture_output=True, text=True)
    assert ended.returncode == exit_code
    assert "Traceback" not in ended.stdout + ended.stderr
    assert job.status.state == "failed"
    assert message in job.status.message
    assert message in job.log_path.read_text()


def test_a_worker_that_dies_at_once_leaves_a_failed_job(workers):
    with pytest.raises(JobFailed, match=r"J1 failed: the worker ended suddenly with signal SIGKILL \(often: out of memory\)"):
        workers.run("fail", how="silence")
    assert workers.job("J1").status.state == "failed"


def test_a_detached_worker_goes_on_and_can_be_killed(workers):
    job = workers.prepare("fail", how="sleep").start()
    wait_until(lambda: "asleep" in (job.log_path.read_text() if job.log_path.exists() else ""))
    assert job.status.state == "running"
    job.kill()
    assert (job.status.state, job.status.message) == ("killed", "stopped by SIGTERM")
    assert not (job.folder / "kill_request").exists()
    with pytest.raises(JobError, match="J1 is killed already"):
        job.kill()
    with pytest.raises(JobError, match="J1 is killed: stopped by SIGTERM; only a completed job"):
        workers.prepare("use", volume=job)


def test_a_request_to_stop_reaches_a_worker_that_cannot_be_signalled(workers):
    job = workers.prepare("fail", how="wait").start()
    wait_until(lambda: job.status.progress.startswith("waiting"))
    (job.folder / "kill_request").touch()
    assert job.wait(90).status.state == "killed"
    assert job.status.message == "the job was asked to stop"


def test_a_job_killed_while_queued_does_not_start(workers, fake_jobs):
    job = workers.prepare("make")
    job.kill()
    assert job.status.state == "killed"
    ended = subprocess.run([*fake_jobs.WORKER, str(job.folder)], capture_output=True, text=True)
    assert (ended.returncode, job.status.state) == (2, "killed")
    assert "was killed before it started" in ended.stderr
    assert job.requeue().run().status.state == "completed"


def test_an_interrupt_of_the_waiting_program_stops_the_worker(workers, fake_jobs):
    job = workers.prepare("fail", how="sleep")
    wait = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored where the tests run in the background
    wait += "from triskelion.api import Project; from triskelion.runners.local import LocalRunner; "
    wait += "Project(sys.argv[1], runner=LocalRunner(False, tuple(sys.argv[2:]))).job('J1').run()"
    with subprocess.Popen([sys.executable, "-c", wait, str(workers.folder), *fake_jobs.WORKER], stderr=subprocess.PIPE, text=True) as waiting:
        wait_until(lambda: "asleep" in (job.log_path.read_text() if job.log_path.exists() else ""))
        waiting.send_signal(signal.SIGINT)
        assert "JobKilled: J1 was killed" in waiting.communicate(timeout=90)[1]
    assert job.status.state == "killed"


def test_a_job_is_not_run_twice(workers, fake_jobs):
    job = workers.run("make")
    ended = subprocess.run([*fake_jobs.WORKER, str(job.folder)], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "J1 is completed: clone it" in ended.stderr
    running = workers.prepare("fail", how="sleep").start()
    wait_until(lambda: running.status.state == "running")
    with pytest.raises(JobFailed):
        running.run()
    assert running.status.state == "running"
    running.kill()


def test_a_killed_child_kills_its_parent(project, fake_jobs, monkeypatch):
    def kill(parameters, context):
        raise JobKilled("J2 was killed: by hand")

    monkeypatch.setitem(sys.modules, "triskelion.jobs.fail", SimpleNamespace(JOB=replace(fake_jobs.FAKES["fail"], run=kill)))
    with pytest.raises(JobKilled):
        project.run("fail")
    assert project.job("J1").status.state == "killed"


def test_killing_a_job_kills_the_job_it_waits_for(workers):
    parent = workers.prepare("fail", how="grandchild").start()
    child_log = workers.folder / "J2" / "log.txt"
    wait_until(lambda: child_log.exists() and "asleep" in child_log.read_text())
    parent.kill()
    assert [job.status.state for job in workers.jobs] == ["killed", "killed"]


def test_the_heartbeat_goes_on_while_the_job_computes(workers):
    job = workers.prepare("fail", how="sleep").start()
    wait_until(lambda: job.status.state == "running")
    first = json.loads((job.folder / "status.json").read_text())["heartbeat"]
    wait_until(lambda: json.loads((job.folder / "status.json").read_text())["heartbeat"] > first, 15)
    job.kill()
