"""Local refinement by several ranks of one thread each: wall time beside that of one, and whether the results are the same.

    python benchmarks/ranks.py SET [--domain head] [--ranks 1 2]

SET was made by hinge_set.py, or is the folder of a job simulate. Wall times mean something on a machine with nothing else to do and at least as
many cores as ranks. Prints JSON lines: what each number of ranks took, the ratio to the first, and the largest differences from it.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from triskelion.api import Job, Project
from triskelion.geometry.rotations import rotation_difference_deg, rotvec_to_matrix
from triskelion.io.mrc import read_volume
from triskelion.io.particle_star import read_particles, write_particles


def import_set(project: Project, folder: Path) -> Job:
    """Import the particles of a set, whose stack lies beside their table."""
    table = read_particles(folder / "particles.star")
    star = project.folder / "particles.star"
    write_particles(star, table.with_columns(image_path=np.full(len(table), "particles.mrcs")))
    return project.run("import_particles", meta=star, data_dir=folder)


def refine(folder: Path, project: Project, ranks: int, **inputs: Job | str) -> Job:
    """Refine with so many ranks, one thread each."""
    return Project(project.folder, threads=ranks).run("local_refinement", ranks=ranks, **inputs)


def compare(job: Job, first: Job) -> dict[str, float]:
    """Largest differences of half maps, relative to the largest value, and of rotations."""
    halves = [[read_volume(each.path(name)).array for each in (job, first)] for name in ("half_a", "half_b")]
    rotations = [rotvec_to_matrix(read_particles(each.path("particles"))["rotvec_rad"]) for each in (job, first)]
    return {
        "half_maps": max(float(np.abs(one - other).max() / np.abs(other).max()) for one, other in halves),
        "rotation_deg": float(rotation_difference_deg(*rotations).max()),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="Time local refinement by several ranks.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--domain", default="head")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    project = Project.new(Path(tempfile.mkdtemp(prefix="ranks_")) / "project")
    particles = import_set(project, folder)
    fulcrum = json.loads((folder / "truth.json").read_text())["fulcrum_xyz_px"][arguments.domain]
    inputs = {
        "particles": particles,
        "volume": project.run("reconstruct", particles=particles),
        "mask": str(folder / f"mask_{arguments.domain}.mrc"),
        "fulcrum": ",".join(map(str, fulcrum)),
    }
    jobs = []
    for ranks in arguments.ranks:
        jobs.append(refine(folder, project, ranks, **inputs))
        figures = {name: jobs[-1].summary[name] for name in ("wall_s", "cpu_s", "peak_rss_MB", "resolution_A")}
        ratio = figures["wall_s"] / jobs[0].summary["wall_s"]
        print(json.dumps({"set": folder.name, "ranks": ranks} | figures | {"to_the_first": round(ratio, 3)} | compare(jobs[-1], jobs[0])), flush=True)


if __name__ == "__main__":
    main()
