"""kill -9 at any moment: files are whole, jobs tell the truth, and what is run again ends the same."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from triskelion.io.mrc import open_stack
from triskelion.project.layout import JobPaths
from triskelion.project.leftovers import is_temporary, list_leftovers, remove_leftovers
from triskelion.project.plain_json import read_json
from triskelion.project.status import read_status

WRITE_FOREVER = """
import sys
from pathlib import Path
import numpy as np
from triskelion.data.volume import Volume
from triskelion.io.mrc import write_volume
from triskelion.project.plain_json import write_json
folder = Path(sys.argv[1])
n = 0
while True:
    n += 1
    write_json(folder / "a.json", {"n": n, "filling": [n] * 20_000})
    write_volume(folder / "a.mrc", Volume(np.full((40, 40, 40), n, dtype=np.float32), 2.0))
    if n == 1:
        print("ready", flush=True)
"""


def test_files_are_whole_whenever_their_writer_dies(tmp_path):
    moments = random.Random(6)
    folder = tmp_path / "J1"
    folder.mkdir()
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(folder)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0.0, 0.1))
            writer.send_signal(signal.SIGKILL)
        data = read_json(folder / "a.json")
        assert data["filling"] == [data["n"]] * 20_000
        values = np.asarray(open_stack(folder / "a.mrc"))
        assert values.shape == (40, 40, 40) and values.min() == values.max()
        assert {path.name for path in folder.iterdir() if not is_temporary(path)} == {"a.json", "a.mrc"}
        assert len(list_leftovers(folder, quiet_s=0.0)) <= 1
        remove_leftovers(JobPaths(folder))
        assert {path.name for path in folder.iterdir()} == {"a.json", "a.mrc"}


@pytest.fixture
def start(fake_jobs):
    """Start the worker of a job and return its process."""

    def start_worker(job):
        return subprocess.Popen([*fake_jobs.WORKER, "--quiet", str(job.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return start_worker


def test_a_job_killed_again_and_again_ends_as_if_nothing_had_been(project, start):
    undisturbed = project.run("climb")
    job = project.prepare("climb")
    moments = random.Random(7)
    for _ in range(3):
        with start(job) as worker:
            deadline = time.monotonic() + 30
            while read_status(JobPaths(job.folder)).state == "queued" and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(moments.uniform(0.0, 0.25))
            worker.send_signal(signal.SIGKILL)
        status = job.status
        assert (status.state, "worker vanished" in status.message) == ("failed", True)
        assert not (job.folder / "map.mrc").exists()
        job.requeue()
    with start(job) as worker:
        assert worker.wait(60) == 0
    assert job.status.state == "completed"
    assert np.array_equal(open_stack(job.path("map")), open_stack(undisturbed.path("map")))
    assert {path.relative_to(job.folder) for path in job.folder.rglob("*")} == {
        path.relative_to(undisturbed.folder) for path in undisturbed.folder.rglob("*")
    }


@pytest.mark.parametrize("dies", ["the parent", "both"])
def test_a_job_that_is_resumed_goes_on_with_the_job_it_had_started(project, start, dies):
    undisturbed = project.run("climb")
    parent = project.prepare("fail", how="child first")
    with start(parent) as worker:
        deadline = time.monotonic() + 60
        while not (child := [job for job in project.jobs if job.type == "climb"][1:]) or not (child[0].folder / "iterations").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
    if dies == "both":
        os.kill(child[0].status.pid, signal.SIGKILL)
    parent.requeue()
    with start(parent) as worker:
        worker.wait(60)
    assert (parent.folder / "child.txt").read_text() == child[0].name
    assert [job.name for job in project.jobs if job.type == "climb"] == [undisturbed.name, child[0].name]
    assert child[0].status.state == "completed"
    assert np.array_equal(open_stack(child[0].path("map")), open_stack(undisturbed.path("map")))
