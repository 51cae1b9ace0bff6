"""What may happen to a refinement that runs: a full disk, images that vanish, a lost rank. It says so, and goes on to the same result."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.end_to_end.small_refinement import files_of, prepare_again, refine_small, start_worker
from tests.jobs.same_files import check_same_files

from triskelion.api import Job
from triskelion.io.mrc import open_stack
from triskelion.project.leftovers import is_temporary
from triskelion.runners.local import WORKER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
DISK_BYTES = 256_000_000
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "triskelion.runners.worker")


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory) -> Iterator[Path]:
    """Mount a small disk in memory."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here ({mounted.stderr.strip()}): run this test as root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(small_disk) -> Job:
    return refine_small(small_disk / "project")


def wait_for(condition, worker: subprocess.Popen) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert worker.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def has_begun_to_iterate(job: Job) -> bool:
    return (job.folder / "iterations" / "map_001.mrc").exists()


def go_on(job: Job) -> None:
    """Resume a job that has failed or was killed, and see it completed."""
    with start_worker(job.requeue()) as worker:
        assert worker.wait(900) == 0
    assert job.status.state == "completed", job.status.message


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_a_disk_that_fills(undisturbed, share):
    project, job = undisturbed.folder.parent, prepare_again(undisturbed)
    wanted = sum(path.stat().st_size for path in undisturbed.folder.rglob("*") if path.is_file())
    ballast, earlier = project.parent / "ballast", {name: contents(project / name) for name in ("J1", "J2", "J3", undisturbed.name)}
    with ballast.open("wb") as stream:
        disk = os.statvfs(project)
        os.posix_fallocate(stream.fileno(), 0, disk.f_bavail * disk.f_frsize - int(share * wanted))
    with start_worker(job) as worker:
        assert worker.wait(600) == 2
    assert job.status.state == "failed"
    for words in ("the disk is full", "No space left on device", f"make room on that of {job.folder}, then 'triskelion resume {job.name}'"):
        assert words in job.status.message
    assert not [path for path in job.folder.rglob("*") if is_temporary(path)]
    asked = subprocess.run([sys.executable, "-m", "triskelion.cli.main", "--project", str(project), "status"], capture_output=True, text=True)
    assert asked.returncode == 0 and "the disk is full" in asked.stdout
    assert {name: contents(project / name) for name in earlier} == earlier
    ballast.unlink()
    go_on(job)
    check_same_files(job.folder, undisturbed.folder)
    assert files_of(job) == files_of(undisturbed)


def test_images_that_vanish_while_it_runs(undisturbed):
    job = prepare_again(undisturbed)
    (stack,) = (undisturbed.folder.parent / "J1").glob("*.mrcs")
    with start_worker(job) as worker:
        wait_for(lambda: has_begun_to_iterate(job), worker)
        stack.rename(stack.with_suffix(".away"))
        assert worker.wait(600) == 2
    assert job.status.state == "failed"
    assert ".mrcs (row " in job.status.message and "there is no such file" in job.status.message
    assert "defect" not in job.status.message
    stack.with_suffix(".away").rename(stack)
    go_on(job)
    check_same_files(job.folder, undisturbed.folder)


@pytest.mark.parametrize("command", [WORKER, TORCHRUN], ids=["our own", "torchrun"])
def test_a_rank_that_is_lost(undisturbed, command):
    job = prepare_again(undisturbed, ranks=2)
    with start_worker(job, command) as worker:
        wait_for(lambda: has_begun_to_iterate(job), worker)
        os.kill(find_follower(job), signal.SIGKILL)
        assert worker.wait(120) != 0
    status = job.status
    assert (status.state, status.message) in (
        ("failed", f"rank 1 of the job ended by signal 9: see {job.log_path}, then resume the job"),
        ("killed", "stopped by SIGTERM"),
    ) or (status.state == "failed" and "another rank of the job is gone" in status.message)
    go_on(job)
    for half in ("half_a", "half_b"):
        np.testing.assert_array_equal(open_stack(job.path(half)), open_stack(undisturbed.path(half)))


def find_follower(job: Job) -> int:
    """Process of the second rank of a job."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes().split(b"\0"), (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(job.folder).encode() in command and b"RANK=1" in environment:
            return int(process.name)
    raise AssertionError("the job has no second rank")
