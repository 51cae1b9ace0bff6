"""Symmetric phantoms refined with and without their symmetry, from a map alone.

    python benchmarks/symmetric_refinement.py [--groups C4 D2] [--particles 400] [--box 64] [--pixel 6] [--snr 0.05]

Rigid phantoms of the job simulate; nonuniform_refinement with the program's defaults from the true map, which it low-passes to 30 Å, and no
poses. Beside them reconstructions at the true poses. FSC with the truth: of the average of the half maps in the particle's mask, mean from 30 Å
to Nyquist, in the frame of the map. Poses are compared up to the group: with the truth, after one rotation and one offset for all
particles, and those refined without symmetry with those refined with it. Prints JSON lines and a table; ends with 1 if symmetry does not help or the
poses differ.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from triskelion.api import Job, Project
from triskelion.conventions import resolution_to_shell
from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.volume import Volume
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import PointGroup, nearest_symmetry_mate, parse_symmetry
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.particle_star import read_particles
from triskelion.refine.frames import find_drift, move_map
from triskelion.resolution.crossing import find_crossing
from triskelion.resolution.fsc import average_map, compute_fsc_curves, fsc
from triskelion.simulate.scoring import score_poses

NONE = "C1"
JUDGED_FROM_A = 30.0
SAME_DEG = 5.0
# of a row -> heading, digits
FIGURES = {
    "resolution_A": ("half maps Å", 2),
    "truth_fsc": ("FSC truth", 3),
    "truth05_A": ("0.5 of the truth Å", 2),
    "within_5deg_percent": ("within 5° %", 1),
    "median_deg": ("median °", 2),
    "from_symmetric_within_5deg_percent": ("within 5° of those with symmetry %", 1),
    "from_symmetric_median_deg": ("median °", 2),
    "iterations": ("iterations", 0),
    "cpu_s": ("CPU s", 0),
}
Row = dict[str, Any]


def measure_group(project: Project, name: str, experiment: dict[str, Any], **changes: Any) -> Iterator[Row]:
    """Yield the rows of one phantom: reconstructed at the truth and refined, by default but for ``changes``, with its symmetry and without."""
    simulated = project.run("simulate", symmetry=name, **experiment)
    group, with_symmetry = parse_symmetry(name), None
    for symmetry in (name, NONE):
        oracle = project.run("reconstruct", particles=f"{simulated.name}.truth_body", symmetry=symmetry)
        yield {"phantom": name, "run": "true poses", "symmetry": symmetry} | judge_map(simulated, oracle)
    for symmetry in (name, NONE):
        job = project.run("nonuniform_refinement", particles=simulated, volume=simulated, symmetry=symmetry, **changes)
        row = {"phantom": name, "run": "search", "symmetry": symmetry} | judge_map(simulated, job) | judge_poses(simulated, job, group)
        with_symmetry = with_symmetry or job
        yield row | compare_poses(with_symmetry, job, group) | {name: job.summary[name] for name in ("iterations", "cpu_s", "warnings")}


def judge_map(simulated: Job, job: Job) -> dict[str, float]:
    """Half maps against each other and their average against the truth, both in the particle's mask."""
    truth, mask = read_volume(simulated.path("map_all")), read_mask(simulated.path("mask_body"))
    half_a, half_b = (read_volume(job.path(name)) for name in ("half_a", "half_b"))
    average = average_map(half_a, half_b)
    turn, shift = find_drift(average.array, truth.array, mask.array, truth.pixel_size_A, JUDGED_FROM_A)
    curve = fsc(average, Volume(move_map(truth.array, turn, shift), truth.pixel_size_A), mask)
    first = int(np.ceil(resolution_to_shell(JUDGED_FROM_A, truth.box_px, truth.pixel_size_A)))
    return {
        "resolution_A": compute_fsc_curves(half_a, half_b, mask).resolution_A(),
        "truth_fsc": float(curve[first:-1].mean()),
        "truth05_A": find_crossing(curve, 0.5).resolution_A(truth.box_px, truth.pixel_size_A),
    }


def judge_poses(simulated: Job, job: Job, group: PointGroup) -> dict[str, float]:
    """Poses against the truth, up to the group."""
    truth = read_particles(simulated.path("truth_body"))
    angle_deg = score_poses(bring_to_mates(read_particles(job.path("particles")), truth, group), truth, np.zeros(3)).angle_deg
    return {"within_5deg_percent": float(100 * (angle_deg < SAME_DEG).mean()), "median_deg": float(np.median(angle_deg))}


def compare_poses(first: Job, second: Job, group: PointGroup) -> dict[str, float]:
    """How far the poses of two jobs are from each other, up to the group: no common rotation is taken out."""
    tables = [read_particles(job.path("particles")) for job in (first, second)]
    rotations = [rotvec_to_matrix(table["rotvec_rad"]) for table in (tables[0], bring_to_mates(tables[1], tables[0], group))]
    angle_deg = rotation_difference_deg(*rotations)
    return {
        "from_symmetric_median_deg": float(np.median(angle_deg)),
        "from_symmetric_within_5deg_percent": float(100 * (angle_deg < SAME_DEG).mean()),
    }


def bring_to_mates(particles: Particles, references: Particles, group: PointGroup) -> Particles:
    """The particles of the references, each pose at the symmetric mate nearest to that of its reference; axes pass through the box centre."""
    rows, of_references = join_by_uid(particles, references)
    chosen = particles.select(rows[np.argsort(of_references)])
    rotations, targets = (rotvec_to_matrix(table["rotvec_rad"]) for table in (chosen, references))
    return chosen.with_columns(rotvec_rad=matrix_to_rotvec(nearest_symmetry_mate(rotations, targets, group)))


def list_misses(rows: list[Row]) -> list[str]:
    """Say where a map is no better with symmetry, or poses differ from those without it."""
    missed = []
    for phantom in dict.fromkeys(row["phantom"] for row in rows):
        with_symmetry, without = (row for row in rows if row["phantom"] == phantom and row["run"] == "search")
        if not with_symmetry["truth_fsc"] > without["truth_fsc"]:
            missed.append(f"{phantom}: FSC with the truth {with_symmetry['truth_fsc']:.3f} with symmetry, {without['truth_fsc']:.3f} without")
        if without["from_symmetric_within_5deg_percent"] < 97:
            missed.append(f"{phantom}: {without['from_symmetric_within_5deg_percent']:.1f} % of the poses are the same with and without symmetry")
    return missed


def format_table(rows: list[Row]) -> str:
    """A line per run."""
    headings = [heading for heading, _ in FIGURES.values()]
    lines = ["| phantom | run | symmetry | " + " | ".join(headings) + " |", "|---" * 3 + "|---:" * len(headings) + "|"]
    for row in rows:
        cells = (f"{row[name]:.{digits}f}" if name in row else "" for name, (_, digits) in FIGURES.items())
        lines.append("| " + " | ".join((row["phantom"], row["run"], row["symmetry"], *cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every phantom."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="+", default=["C4", "D2"])
    parser.add_argument("--particles", type=int, default=400)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--pixel", type=float, default=6.0)
    parser.add_argument("--snr", type=float, default=0.05)
    given = parser.parse_args()
    experiment = {"n_particles": given.particles, "box_px": given.box, "pixel_size_A": given.pixel, "snr": given.snr, "seed": 1}
    project, rows = Project.new(Path(tempfile.mkdtemp()) / "project"), []
    for name in given.groups:
        for row in measure_group(project, name, experiment):
            rows.append(row)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    print(format_table(rows))
    missed = list_misses(rows)
    sys.exit("missed\n  " + "\n  ".join(missed) if missed else 0)


if __name__ == "__main__":
    main()
