"""Refinement of whole particles on the independent hinge sets, with and without poses, beside the true poses of the body.

    python benchmarks/whole_refinement.py TOOLS SET [SET ...] [--runs search input homogeneous hand sphere noise]

TOOLS holds score_maps.py, a judge; every SET was made by hinge_set.py. The program's defaults, half-sets as they are:

search        nonuniform_refinement from the true map of all domains, which it low-passes to 30 Å, and no poses
input         the same from the poses given (1.5° and a pixel off)
homogeneous   homogeneous_refinement from the poses given
hand          search from the mirror image of the true map
sphere        search from a ball of the particle's radius of gyration
noise         search with images of white noise
oracle        reconstruct at the true poses of the body

FSC with the truth: of half maps in the body's mask without the other domains, 15 Å to Nyquist. Body poses are compared with the truth after one
rotation and one offset for all particles; the mirror image and the ball have no right poses, but what resolution is claimed, and which warnings
come with it, is printed. Prints JSON lines and a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from triskelion.api import Job, Project
from triskelion.conventions import box_center_px
from triskelion.data.volume import Volume
from triskelion.io.mrc import read_mask, read_volume, write_stack, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.simulate.scoring import score_poses

RUNS = ("search", "input", "homogeneous", "hand", "sphere", "noise")
EDGE_PX = 2.0
BLOCK = 500
COLUMNS = (
    "set",
    "run",
    "resolution Å",
    "within 5° %",
    "within 10° %",
    "median °",
    "FSC with the truth",
    "0.5 Å",
    "iterations",
    "CPU s",
    "wall s",
)


def measure_run(project: Project, tools: Path, folder: Path, run: str, particles: Job) -> dict[str, Any]:
    """Run one kind of refinement; return its line."""
    if run == "oracle":
        job = project.run("reconstruct", particles=project.run("import_particles", meta=folder / "truth_body.star"))
    elif run in ("input", "homogeneous"):
        kind = "homogeneous_refinement" if run == "homogeneous" else "nonuniform_refinement"
        job = project.run(kind, particles=particles, poses="input")
    else:
        images = write_noise(project, folder) if run == "noise" else particles
        start = project.run("import_volume", path=write_start(project, folder, run))
        job = project.run("nonuniform_refinement", particles=images, volume=start)
    figures = {name: job.summary.get(name) for name in ("resolution_A", "iterations", "cpu_s", "wall_s", "peak_rss_MB", "warnings")}
    if run != "noise":
        figures |= judge_body(tools, folder, job)
    return {"set": folder.name, "run": run} | figures


def judge_body(tools: Path, folder: Path, job: Job) -> dict[str, float]:
    """Body poses against the truth, and half maps in the body's mask without the other domains."""
    mask = read_mask(folder / "mask_body.mrc")
    center_A = (mask.center_xyz_px - box_center_px(mask.box_px)) * mask.pixel_size_A
    found = score_poses(read_particles(job.path("particles")), read_particles(folder / "truth_body.star"), center_A)
    command = [sys.executable, tools / "score_maps.py", folder, "body", job.path("half_a"), job.path("half_b")]
    maps = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)["refined"]
    within = {f"within_{limit}deg_percent": float(100 * (found.angle_deg < limit).mean()) for limit in (5, 10)}
    return within | {"median_deg": float(np.median(found.angle_deg)), "truth_fsc": maps["mean_truth_15A_nyquist"], "fsc05_A": maps["fsc05_A"]}


def write_start(project: Project, folder: Path, run: str) -> Path:
    """Write the map to start from."""
    truth = read_volume(folder / "map_all.mrc")
    path, array = project.folder / f"start_{run}.mrc", truth.array
    if run == "hand":
        array = array.copy()
        array[:, :, 1:] = array[:, :, :0:-1]  # voxel n // 2 stays
    if run == "sphere":
        middle = box_center_px(truth.box_px)
        radius = np.sqrt(((np.indices(array.shape) - middle) ** 2).sum(0))
        inside = np.clip(array, 0, None)
        of_gyration = np.sqrt((inside * radius**2).sum() / inside.sum())
        array = 1 / (1 + np.exp((radius - np.sqrt(5 / 3) * of_gyration) / EDGE_PX))
    write_volume(path, Volume(array.astype(np.float32), truth.pixel_size_A))
    return path


def write_noise(project: Project, folder: Path) -> Job:
    """Import the particles of a set with images of white noise."""
    table = read_particles(folder / "particles.star")
    n, group = len(table), table.optics[0]
    rng = np.random.default_rng(1)
    sizes = (min(BLOCK, n - first) for first in range(0, n, BLOCK))
    stack = project.folder / "noise.mrcs"
    write_stack(stack, (rng.standard_normal((size, group.box_px, group.box_px)).astype(np.float32) for size in sizes), n, group.pixel_size_A)
    star = project.folder / "noise.star"
    write_particles(star, table.with_columns(image_path=np.full(n, stack.name)))
    return project.run("import_particles", meta=star)


def format_row(row: dict[str, Any]) -> str:
    """One line of the table."""
    names = ("resolution_A", "within_5deg_percent", "within_10deg_percent", "median_deg", "truth_fsc", "fsc05_A", "iterations", "cpu_s", "wall_s")
    figures = (f"{row[name]:.4g}" if row.get(name) is not None else "" for name in names)
    return "| " + " | ".join((row["set"], row["run"], *figures)) + " |"


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge refinement of whole particles on hinge sets.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    arguments = parser.parse_args()
    rows = []
    for folder in arguments.sets:
        project = Project.new(Path(tempfile.mkdtemp()) / "project")
        particles = project.run("import_particles", meta=folder / "particles.star")
        for run in (*arguments.runs, "oracle"):
            rows.append(measure_run(project, arguments.tools, folder, run, particles))
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    print("| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS), *map(format_row, rows), sep="\n")


if __name__ == "__main__":
    main()
