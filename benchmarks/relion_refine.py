"""RELION's refinement of a domain or of whole particles, every second of processor time counted.

A run has a folder with particles.star, its images and reference.mrc; it is done once, and what it leaves there is read again. As a script
this file runs one process of RELION and writes down the processor seconds it took, because the first of the three only waits, in a loop
that costs as much as work.

    python benchmarks/relion_refine.py FOLDER PROGRAM [ARGUMENT ...]
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

PROCESSES = 3
RUN = Path("out", "run")
FILES = ("--i", "particles.star", "--o", str(RUN), "--ref", "reference.mrc")
ALWAYS = (
    "--auto_refine --split_random_halves --ctf --flatten_solvent --zero_mask --oversampling 1 --auto_local_healpix_order 4 "
    "--offset_range 5 --offset_step 2 --low_resol_join_halves 40 --norm --scale --j 1 --random_seed 1"
)
NEAR = "--healpix_order 4 --sigma_ang 8 --ini_high 20"
ANYWHERE = "--healpix_order 2 --firstiter_cc --ini_high 30"


class RelionResult(NamedTuple):
    """Files of a run that has ended, its iterations, and processor seconds: of all processes, and of those that do not only wait."""

    particles: Path
    half_a: Path
    half_b: Path
    iterations: int
    cpu_s: float
    workers_cpu_s: float


def options_near_poses(solvent_mask: Path) -> list[str]:
    """Options of a refinement of what a mask holds, about the poses that are given."""
    return [*ALWAYS.split(), *NEAR.split(), "--solvent_mask", str(solvent_mask.absolute())]


def options_anywhere(diameter_A: float) -> list[str]:
    """Options of a refinement of whole particles without poses, from a map on any grey scale: those of the program's own form."""
    return [*ALWAYS.split(), *ANYWHERE.split(), "--particle_diameter", f"{diameter_A:.0f}"]


def run_relion(folder: Path, options: list[str]) -> RelionResult:
    """Refine the particles of a folder with relion_refine_mpi, or read what an earlier run has left there."""
    counts = [folder / f"cpu_{rank}.json" for rank in range(PROCESSES)]
    if not all(count.is_file() for count in counts):
        (folder / RUN.parent).mkdir(exist_ok=True)
        wrapped = [sys.executable, str(Path(__file__).absolute()), str(folder.absolute()), "relion_refine_mpi", *FILES, *options]
        with (folder / "run.log").open("w") as log:
            mpi = ["mpirun", "-n", str(PROCESSES), "--oversubscribe", "--allow-run-as-root"]
            subprocess.run([*mpi, *wrapped], cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=log, stderr=log, check=True)
    seconds = [count["user_s"] + count["system_s"] for count in (json.loads(path.read_text()) for path in counts)]
    files = [folder / f"{RUN}_{name}" for name in ("data.star", "half1_class001_unfil.mrc", "half2_class001_unfil.mrc")]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise SystemExit(f"RELION has left no {', '.join(missing)}: see {folder / 'run.log'}, and remove {folder} to run it again")
    iterations = len(list(folder.glob(f"{RUN}_it*_half1_model.star"))) - 1  # the first is what they begin with
    return RelionResult(*files, iterations=iterations, cpu_s=float(np.sum(seconds)), workers_cpu_s=float(np.sum(seconds[1:])))


def count_seconds(folder: Path, command: list[str], rank: str) -> int:
    """Run one process and write its user and system seconds when it has ended well; return its exit code."""
    code = subprocess.call(command)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code == 0:
        (folder / f"cpu_{rank}.json").write_text(json.dumps({"user_s": used.ru_utime, "system_s": used.ru_stime}))
    return code


if __name__ == "__main__":
    sys.exit(count_seconds(Path(sys.argv[1]), sys.argv[2:], os.environ.get("OMPI_COMM_WORLD_RANK", "0")))
