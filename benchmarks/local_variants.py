"""Local refinement of hinge sets in other ways than the default, beside it: each must come out as the name of its row promises.

    python benchmarks/local_variants.py TOOLS SET [SET ...] [--domain head] [--runs box one_thread classical none empty noise contrast]

TOOLS holds score_poses.py and score_maps.py; every SET was made by hinge_set.py.

ours          the program's defaults; with it how many true poses lie within the 50 and the 95 % ellipsoid of the posterior, poses over 8° left out
box           one more iteration from the poses of ours in the whole box, and one in the window: median difference of the rotations per axis, in
              posterior standard deviations
one_thread    the defaults with one thread: the same, and the largest difference of an angle
classical     particle_subtraction first, then local refinement of its stack
none          the background left in the images
empty, noise  the controls: resolution, and how many shells ours is better than they are
contrast      (sets made with --scale-sd) correlation of the contrast found with the true one

Prints JSON lines and a table.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from local_refinement import Bench, open_bench

from triskelion.api import Job, Project
from triskelion.conventions import corner_px_to_centered_A
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.io.mrc import read_mask
from triskelion.io.particle_star import read_particles
from triskelion.simulate.scoring import LOST_BEYOND_DEG, score_poses

REACHED_A = 9.0  # resolution of the references that go on from where a run ended
CHI2_50, CHI2_95 = 4.35, 11.07  # of 5 degrees of freedom
COLUMNS = ("median_deg", "rms_deg", "over_8deg", "truth_fsc", "resolution_A", "within_50", "within_95", "against_ours", "evidence_shells", "cpu_s")


def judge(bench: Bench, domain: str, job: Job) -> dict[str, Any]:
    """Pose errors, map and posterior of a job."""
    poses = bench.judge_poses(domain, job.path("particles"))["refined"]
    maps = bench.judge_maps(domain, job.path("half_a"), job.path("half_b"))
    within_50, within_95 = posterior_shares(bench, domain, job)
    return {
        "median_deg": poses["angle_median_deg"],
        "rms_deg": poses["angle_rms_deg"],
        "over_8deg": poses["over_8deg_percent"],
        "truth_fsc": maps["mean_truth_15A_nyquist"],
        "resolution_A": job.summary["resolution_A"],
        "within_50": within_50,
        "within_95": within_95,
        "cpu_s": job.summary["cpu_s"],
    }


def posterior_shares(bench: Bench, domain: str, job: Job) -> tuple[float, float]:
    """Percentages of true poses within the 50 and 95 % ellipsoids of the posterior, of those that are not lost."""
    mask = read_mask(bench.truth.folder / f"mask_{domain}.mrc")
    center_A = corner_px_to_centered_A(np.rint(mask.center_xyz_px), mask.box_px, mask.pixel_size_A)
    star = read_particles(job.path("particles"))
    score = score_poses(star, read_particles(bench.truth.folder / f"truth_{domain}.star"), center_A)
    with np.load(job.folder / "poses.npz") as known:
        squares = score.squared_distance(known["covariance_rad_A"][np.argsort(known["uid"])])
    kept = squares[score.angle_deg < LOST_BEYOND_DEG]
    return float(100 * np.mean(kept <= CHI2_50)), float(100 * np.mean(kept <= CHI2_95))


def compare_poses(job: Job, ours: Job) -> dict[str, float]:
    """Differences of the rotations of two jobs on the same particles: per axis over the posterior's standard deviation, and the largest."""
    first, second = (rotvec_to_matrix(read_particles(each.path("particles"))["rotvec_rad"]) for each in (job, ours))
    angle_deg = np.rad2deg(np.linalg.norm(matrix_to_rotvec(np.swapaxes(first, 1, 2) @ second), axis=1))
    with np.load(ours.folder / "poses.npz") as known:
        per_axis = angle_deg / np.sqrt(3) / known["rotation_sd_deg"]
        return {"against_ours": float(np.median(per_axis)), "largest_deg": float(angle_deg.max())}


def correlate_contrast(bench: Bench, job: Job) -> float:
    """Correlation of the contrast found with that of the simulation."""
    true = np.array(json.loads((bench.truth.folder / "truth.json").read_text())["contrast"])
    particles = read_particles(job.path("particles"))
    return float(np.corrcoef(particles["contrast"], true[particles["image_index"]])[0, 1])


def refine_again(ours: Job, project: Project, **changes: Any) -> Job:
    """Run the refinement once more with other parameters."""
    return project.run("local_refinement", **{**ours.record.parameters, **changes})


def run_box(bench: Bench, domain: str, ours: Job) -> dict[str, Any]:
    """Search in the whole box: one more iteration from where ours ended, as two whole runs come to other maps and so to other poses."""
    changes = {"particles": ours, "background_poses": "consensus", "initial_lowpass_A": REACHED_A, "max_iterations": 1, "restart_audit": False}
    box, window = (refine_again(ours, bench.project, use_window=use_window, **changes) for use_window in (False, True))
    return judge(bench, domain, box) | compare_poses(box, window)


def run_one_thread(bench: Bench, domain: str, ours: Job) -> dict[str, Any]:
    """Search with one thread."""
    job = refine_again(ours, Project(bench.project.folder, threads=1))
    return judge(bench, domain, job) | compare_poses(job, ours)


def run_classical(bench: Bench, domain: str, ours: Job) -> dict[str, Any]:
    """Subtract the background from the images first."""
    inputs = {name: ours.record.parameters[name] for name in ("particles", "volume", "mask")}
    subtracted = bench.project.run("particle_subtraction", **inputs)
    return judge(bench, domain, refine_again(ours, bench.project, particles=subtracted, volume=subtracted))


def run_none(bench: Bench, domain: str, ours: Job) -> dict[str, Any]:
    """Leave the background in."""
    return judge(bench, domain, refine_again(ours, bench.project, background="none"))


def run_control(kind: str) -> Callable[[Bench, str, Job], dict[str, Any]]:
    """Make the run of a control."""

    def run(bench: Bench, domain: str, ours: Job) -> dict[str, Any]:
        job = refine_again(ours, bench.project, control=kind, refined=ours.name)
        names = ("resolution_A", "evidence_shells", "cpu_s", "warnings")
        return {name: job.summary.get(name) for name in names}

    return run


def run_contrast(bench: Bench, domain: str, ours: Job) -> dict[str, Any]:
    """Compare the contrast of ours with the truth, and with a refinement that leaves it alone."""
    job = refine_again(ours, bench.project, particle_scale=False)
    return judge(bench, domain, job) | {"contrast_correlation_of_ours": correlate_contrast(bench, ours)}


RUNS: dict[str, Callable[[Bench, str, Job], dict[str, Any]]] = {
    "box": run_box,
    "one_thread": run_one_thread,
    "classical": run_classical,
    "none": run_none,
    "empty": run_control("empty_domain"),
    "noise": run_control("noise"),
    "contrast": run_contrast,
}


def measure(bench: Bench, domain: str, runs: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the row of the defaults, then those of the runs."""
    ours = bench.refine(domain, bench.truth.fulcrum_xyz_px(domain))
    yield {"run": "ours"} | judge(bench, domain, ours)
    for run in runs:
        yield {"run": run} | RUNS[run](bench, domain, ours)


def format_row(row: dict[str, Any]) -> str:
    """Make one line of the table."""
    cells = (row.get(name) for name in COLUMNS)
    return f"| {row['set']} | {row['domain']} | {row['run']} | " + " | ".join("" if cell is None else f"{cell:.3g}" for cell in cells) + " |"


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge other ways of local refinement on hinge sets.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--domain", default="head")
    parser.add_argument("--runs", nargs="*", choices=list(RUNS), default=[run for run in RUNS if run != "contrast"])
    arguments = parser.parse_args()
    base, rows = Path(tempfile.mkdtemp(prefix="local_variants_")), []
    for folder in arguments.sets:
        bench = open_bench(arguments.tools, folder.absolute(), base)
        for row in measure(bench, arguments.domain, arguments.runs):
            rows.append({"set": folder.name, "domain": arguments.domain} | row)
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    print("\n".join(["| set | domain | run | " + " | ".join(COLUMNS) + " |", "|---|---|---|" + "---:|" * len(COLUMNS), *map(format_row, rows)]))


if __name__ == "__main__":
    main()
