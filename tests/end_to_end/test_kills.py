"""kill -9 of a local refinement at random moments: resumed, each ends as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.jobs.same_files import check_same_files

from triskelion.api import Job, Project
from triskelion.project.leftovers import is_temporary
from triskelion.runners.local import WORKER

KILLS = 50
SIMULATION = {"n_particles": 160, "box_px": 40, "pixel_size_A": 9.0, "snr": 0.15, "seed": 3}
REFINEMENT = {"max_iterations": 3, "restart_audit": False, "initial_lowpass_A": 30.0}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Job:
    project = Project.new(tmp_path_factory.mktemp("kills") / "project", threads=1)
    simulated = project.run("simulate", **SIMULATION)
    imported = project.run("import_particles", meta=simulated.path("particles"))
    consensus = project.run("reconstruct", particles=imported)
    fulcrum = ",".join(map(str, json.loads(simulated.path("truth").read_text())["fulcrum_xyz_px"]["head"]))
    inputs = {"particles": imported, "volume": consensus, "mask": simulated.path("mask_head"), "fulcrum": fulcrum}
    return project.run("local_refinement", **inputs, **REFINEMENT)


def start_worker(job: Job) -> subprocess.Popen:
    """Run the job in a worker that can be killed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen([*WORKER, "--quiet", str(job.folder)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files_of(job: Job) -> set[Path]:
    return {path.relative_to(job.folder) for path in job.folder.rglob("*")}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_refinement_killed_at_any_moment_ends_the_same(undisturbed):
    moments, wall_s = random.Random(50), undisturbed.summary["wall_s"]
    ended_before = 0
    for _ in range(KILLS):
        job = Project(undisturbed.folder.parent, threads=1).prepare_clone(undisturbed)
        with start_worker(job) as worker:
            time.sleep(moments.uniform(0.0, wall_s))
            worker.send_signal(signal.SIGKILL)
        if job.status.state == "completed":  # it was quicker than the kill
            ended_before += 1
        else:
            assert job.status.state in ("queued", "failed"), job.status
            if job.status.state == "failed":
                job.requeue()
            with start_worker(job) as worker:
                assert worker.wait(600) == 0
        assert job.status.state == "completed"
        check_same_files(job.folder, undisturbed.folder)
        assert files_of(job) == files_of(undisturbed)
        assert not [path for path in job.folder.rglob("*") if is_temporary(path)]
    assert ended_before < KILLS / 2, "most kills came too late: was the machine busier when the undisturbed job ran?"
