"""A local refinement of seconds, to be interrupted, and its worker as a process that can be killed."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triskelion.api import Job, Project
from triskelion.runners.local import WORKER

SIMULATION = {"n_particles": 160, "box_px": 40, "pixel_size_A": 9.0, "snr": 0.15, "seed": 3}
REFINEMENT = {"max_iterations": 3, "restart_audit": False, "initial_lowpass_A": 30.0}


def refine_small(folder: Path) -> Job:
    """Make a project, simulate particles, refine their head."""
    project = Project.new(folder, threads=1)
    simulated = project.run("simulate", **SIMULATION)
    imported = project.run("import_particles", meta=simulated.path("particles"))
    consensus = project.run("reconstruct", particles=imported)
    fulcrum = ",".join(map(str, json.loads(simulated.path("truth").read_text())["fulcrum_xyz_px"]["head"]))
    inputs = {"particles": imported, "volume": consensus, "mask": simulated.path("mask_head"), "fulcrum": fulcrum}
    return project.run("local_refinement", **inputs, **REFINEMENT)


def prepare_again(job: Job, **changes: Any) -> Job:
    """Queue the same refinement once more."""
    return Project(job.folder.parent, threads=1).prepare_clone(job, **changes)


def start_worker(job: Job, command: Sequence[str] = WORKER) -> subprocess.Popen:
    """Run the job in a worker that can be killed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--quiet", str(job.folder)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files_of(job: Job) -> set[Path]:
    """All files in the folder of a job."""
    return {path.relative_to(job.folder) for path in job.folder.rglob("*")}
