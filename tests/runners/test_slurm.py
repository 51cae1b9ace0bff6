"""A slurm lane against a real SLURM of one node, with two pretend GPUs."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.runners.conftest import wait_until

from triskelion.cli.follow import print_log
from triskelion.project.submission import list_queue, read_submission
from triskelion.runners.base import JobFailed

CLUSTER = """
[lanes.cluster]
kind = "slurm"
poll_s = 0.5
settle_s = 1
job = { cpus = 1, gpus = 1, memory_GB = 0.3 }
"""


@pytest.fixture
def cluster(on_lane, lanes_file, slurm_node, monkeypatch):
    """Open the project of quick jobs with a lane of a real SLURM."""
    lanes_file.write_text(CLUSTER)
    monkeypatch.setenv("SLURM_CONF", str(slurm_node.configuration))
    yield on_lane
    slurm_node.ask("scancel", "--state=PENDING")
    slurm_node.ask("scancel", "--state=RUNNING")


def test_jobs_are_submitted_with_the_order_of_their_inputs_and_their_logs_followed(cluster, capfd, tmp_path):
    project = cluster()
    first = project.prepare("make", level=3.0, gate=tmp_path / "gate").start()
    assert first.status.message.startswith("SLURM ")
    second = project.prepare("use", volume=first).start()
    wait_until(lambda: read_submission(project.paths.job("J2")).slurm_id)
    (tmp_path / "gate").touch()
    print_log(first, follow=True)
    assert first.status.state == "completed"
    assert "making a cube" in capfd.readouterr().out
    second.wait(90)
    assert second.status.state == "completed", second.status.message
    submission = read_submission(project.paths.job("J2"))
    assert submission.waits_for == ["J1"]
    assert submission.started < first.status.ended  # SLURM, not we, kept the order
    assert second.status.started > first.status.ended
    assert second.summary["threads"] == 1
    wait_until(lambda: (second.folder / "exit_code.txt").exists())
    assert [(job.folder / "exit_code.txt").read_text() for job in (first, second)] == ["0\n", "0\n"]
    wait_until(lambda: list_queue(project.paths) == [])


def test_jobs_are_cancelled_while_they_run_and_before_and_what_waits_fails(cluster, slurm_node):
    project = cluster(gpus="2")
    running = project.prepare("fail", how="wait").start()
    wait_until(lambda: running.status.progress.startswith("waiting"))
    environment = Path(f"/proc/{running.status.pid}/environ").read_text().split("\0")
    assert {"CUDA_VISIBLE_DEVICES=0,1", "OMP_NUM_THREADS=1", "TRISKELION_MEMORY_GB=0.3"} <= set(environment)
    pending = project.prepare("make").start()  # wants the same two GPUs
    wait_until(lambda: "pending" in pending.status.message)
    assert pending.status.message.endswith(("pending (Resources)", "pending (Priority)", "pending (None)"))
    dependent = project.prepare("use", volume="J1.map").start()
    wait_until(lambda: "(Dependency)" in dependent.status.message)
    pending.kill()
    assert (pending.status.state, pending.status.message) == ("killed", "killed before it started")
    running.kill()
    assert running.status.state == "killed"
    wait_until(lambda: dependent.status.is_over)
    assert dependent.status.message.startswith("its input J1 was killed: ")
    wait_until(lambda: list_queue(project.paths) == [])
    assert running.status.message == "cancelled in SLURM"
    assert slurm_node.ask("squeue", "--noheader") == ""


@pytest.mark.parametrize(("asked", "message"), [({"gpus": "3"}, "configuration is not available"), ({"memory_GB": "5000"}, "Memory|configuration")])
def test_what_no_node_can_give_is_refused_by_slurm(cluster, asked, message):
    with pytest.raises(JobFailed, match=f"J1 failed: SLURM refused the job: sbatch: .*({message})") as refused:
        cluster(**asked).prepare("make").start()
    assert refused.value.exit_code == 2


def test_a_worker_that_is_killed_says_so_and_goes_on_when_it_is_resumed(cluster, slurm_node):
    project = cluster(gpus="1")
    job = project.prepare("climb", steps=400).start()
    wait_until(lambda: (job.folder / "checkpoint.npz").exists())
    os.kill(job.status.pid, signal.SIGKILL)  # as by the out-of-memory killer
    wait_until(lambda: list_queue(project.paths) == [])
    assert job.status.state == "failed"
    assert "the worker vanished" in job.status.message or "SIGKILL" in job.status.message
    job = job.requeue().start()
    wait_until(lambda: job.status.state == "running")
    number = str(read_submission(project.paths.job("J1")).slurm_id)
    slurm_node.ask("scancel", "--full", "--signal=KILL", number)  # worker and script: nobody is left to say how it ended
    wait_until(lambda: list_queue(project.paths) == [])
    assert (job.status.state, job.status.message) == ("killed", "cancelled in SLURM")


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="the node has one core, which the job that starts the others has")
def test_jobs_that_a_job_starts_are_the_tasks_of_an_array(cluster, slurm_node, tmp_path):
    project = cluster()
    parent = project.prepare("many", fails=True, gate=tmp_path / "gate").start()
    wait_until(lambda: any(job.status.state == "running" for job in project.jobs[1:]))
    number = json.loads((parent.folder / "array.json").read_text())["slurm_id"]
    waiting = [job for job in project.jobs[1:] if job.status.state == "queued"]
    wait_until(lambda: all(job.status.message.startswith(f"SLURM {number}_") for job in waiting))
    parent.kill()
    wait_until(lambda: all(job.status.state == "killed" for job in project.jobs))
    wait_until(lambda: slurm_node.ask("squeue", "--noheader") == "")
    (tmp_path / "gate").touch()
    parent.requeue().start()
    parent.wait(120)
    assert parent.status.state == "completed", parent.status.message
    assert parent.summary["outcomes"] == ["J2", "J3", "J4", "J5 failed: got a fulcrum outside the box, wanted one inside"]
    assert [job.status.state for job in project.jobs] == ["completed"] * 4 + ["failed"]
    assert json.loads((parent.folder / "array.json").read_text())["slurm_id"] != number


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="the node has one core, which the job that starts the others has")
def test_a_task_that_is_killed_without_a_word_is_told_to_the_job_that_started_it(cluster, slurm_node, tmp_path):
    project = cluster()
    parent = project.prepare("many", levels=[1.0], gate=tmp_path / "gate").start()
    wait_until(lambda: len(project.jobs) > 1 and project.jobs[1].status.state == "running")
    slurm_node.ask("scancel", "--full", "--signal=KILL", json.loads((parent.folder / "array.json").read_text())["slurm_id"] + "_0")
    parent.wait(90)
    assert parent.status.state == "completed"
    (outcome,) = parent.summary["outcomes"]
    assert outcome.startswith(("J2 failed", "J2 was killed")), outcome


ADD_UP = """
import os
import numpy as np
from triskelion.runners.followers import read_srun
os.environ.update(read_srun(os.environ))
from triskelion.runners.distributed import join_ranks
with join_ranks() as ranks:
    number = np.array([10.0 ** ranks.rank])
    ranks.add(number)
    told = ranks.by_first(lambda: f"{ranks.rank} of {ranks.size}")
    if ranks.rank == 1:
        print(number, told)
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="the node has one core, two ranks want one each")
def test_tasks_of_srun_are_ranks(slurm_node):
    assert slurm_node.ask("srun", "--ntasks=2", sys.executable, "-c", ADD_UP) == "[11.] 0 of 2\n"
