"""Refinement of whole particles on the independent hinge sets, with and without poses, beside the true poses of the body and RELION.

    python benchmarks/whole_refinement.py TOOLS SET [SET ...] [--runs search input homogeneous hand sphere noise relion] [--folder DIR]

TOOLS holds score_maps.py, a judge; every SET was made by hinge_set.py, or is the folder of a job simulate. The program's defaults, half-sets as
they are:

search        nonuniform_refinement from the true map of all domains, which it low-passes to 30 Å, and no poses
input         the same from the poses given (1.5° and a pixel off)
homogeneous   homogeneous_refinement from the poses given
hand          search from the mirror image of the true map
sphere        search from a ball of the particle's radius of gyration
noise         search with images of white noise
relion        relion_refine_mpi --auto_refine from the map and images of search, and no poses (``--runs relion`` takes an hour)
oracle        reconstruct at the true poses of the body

FSC with the truth: of half maps in the body's mask without the other domains, 15 Å to Nyquist. Body poses are compared with the truth after one
rotation and one offset for all particles; the mirror image and the ball have no right poses, but what resolution is claimed, and which warnings
come with it, is printed. In a DIR that exists, runs of RELION that have ended are read again; ours are always run anew. Prints JSON lines, a
table and ratios; ends with 1 if a bar is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from relion_refine import options_anywhere, run_relion
from whole_ratios import compute_ratios, format_table, missed_bars

from triskelion.api import Job, Project
from triskelion.conventions import box_center_px
from triskelion.data.volume import Volume
from triskelion.io.mrc import read_mask, read_volume, write_stack, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.resolution.fsc import compute_fsc_curves
from triskelion.simulate.scoring import score_poses

RUNS = ("search", "input", "homogeneous", "hand", "sphere", "noise", "relion")
OURS = RUNS[:-1]
EDGE_PX = 2.0
BLOCK = 500


def measure_set(tools: Path, folder: Path, runs: list[str], work: Path) -> Iterator[dict[str, Any]]:
    """Yield the line of every run on one set, that of the oracle last."""
    project = Project.new(Path(tempfile.mkdtemp()) / "project")
    particles = project.run("import_particles", meta=folder / "particles.star")
    for run in (*runs, "oracle"):
        yield measure_relion(tools, folder, work) if run == "relion" else measure_run(project, tools, folder, run, particles)


def measure_run(project: Project, tools: Path, folder: Path, run: str, particles: Job) -> dict[str, Any]:
    """Run one kind of refinement of ours; return its line."""
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
        figures |= judge_body(tools, folder, *(job.path(name) for name in ("particles", "half_a", "half_b")))
    return {"set": folder.name, "run": run} | figures


def measure_relion(tools: Path, folder: Path, work: Path) -> dict[str, Any]:
    """Run RELION, or read what it has left in ``work``; return its line, the resolution by our FSC of its half maps."""
    if not (work / "particles.star").is_file():
        write_relion_input(folder, work)
    ended = run_relion(work, options_anywhere(measure_diameter_A(folder)))
    half_a, half_b = (read_volume(path) for path in (ended.half_a, ended.half_b))
    figures = {"resolution_A": compute_fsc_curves(half_a, half_b).resolution_A(), "iterations": ended.iterations}
    seconds = {"cpu_s": ended.workers_cpu_s, "cpu_s_with_the_waiting": ended.cpu_s}
    return {"set": folder.name, "run": "relion"} | figures | seconds | judge_body(tools, folder, ended.particles, ended.half_a, ended.half_b)


def write_relion_input(folder: Path, work: Path) -> None:
    """Make particles.star without poses, its images and reference.mrc, the true map."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "particles.mrcs").symlink_to(folder / "particles.mrcs")
    write_volume(work / "reference.mrc", read_volume(folder / "map_all.mrc"))
    table = read_particles(folder / "particles.star")
    n = len(table)
    nothing = {"rotvec_rad": np.zeros((n, 3)), "shift_A": np.zeros((n, 2))}
    nothing |= {f"consensus_{name}": zeros for name, zeros in nothing.items()}
    write_particles(work / "particles.star", table.with_columns(**nothing, image_path=np.full(n, "particles.mrcs")))


def measure_diameter_A(folder: Path) -> float:
    """Diameter about the box centre that holds all domains at rest."""
    masks = [read_mask(path) for path in sorted(folder.glob("mask_*.mrc"))]
    inside = np.argwhere(np.max([mask.array for mask in masks], axis=0) > 0.99)
    return 2 * masks[0].pixel_size_A * float(np.linalg.norm(inside - box_center_px(masks[0].box_px), axis=1).max())


def judge_body(tools: Path, folder: Path, particles: Path, half_a: Path, half_b: Path) -> dict[str, float]:
    """Body poses against the truth, and half maps in the body's mask without the other domains."""
    mask = read_mask(folder / "mask_body.mrc")
    center_A = (mask.center_xyz_px - box_center_px(mask.box_px)) * mask.pixel_size_A
    found = score_poses(read_particles(particles), read_particles(folder / "truth_body.star"), center_A)
    command = [sys.executable, tools / "score_maps.py", folder, "body", half_a, half_b]
    maps = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)["refined"]
    within = {f"within_{limit}deg_percent": float(100 * (found.angle_deg < limit).mean()) for limit in (5, 10)}
    resolution = {name: maps[name] for name in ("fsc0143_A", "fsc05_A", "truth05_A")}
    return within | {"median_deg": float(np.median(found.angle_deg)), "truth_fsc": maps["mean_truth_15A_nyquist"]} | resolution


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


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge refinement of whole particles on hinge sets.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(OURS))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    base = arguments.folder or Path(tempfile.mkdtemp(prefix="whole_refinement_"))
    groups = []
    for folder in (given.absolute() for given in arguments.sets):
        groups.append([])
        for row in measure_set(arguments.tools, folder, arguments.runs, base / folder.name):
            groups[-1].append(row)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    ratios = [compute_ratios(rows) for rows in groups]
    print(format_table(groups, ratios))
    missed = [f"{rows[0]['set']}: {bar}" for rows, found in zip(groups, ratios) for bar in missed_bars(found)]
    sys.exit("missed\n  " + "\n  ".join(missed) if missed else 0)


if __name__ == "__main__":
    main()
