"""What predict says of the poses of a domain, against what refinement then finds.

    python benchmarks/predicted_errors.py TOOLS SET [SET ...] [--domains head foot arm] [--spheres] [--folder DIR] [--as-they-come]

TOOLS holds score_poses.py; every SET was made by hinge_set.py. For each set and domain, `predict` and `local_refinement`, both with the true mask and
fulcrum and the defaults. ``--spheres`` adds spheres inside the head, of half and of a third of its radius, which turn with the head;
``--as-they-come`` adds the prediction without the rest refined first. A project that is in DIR already is used again, as far as its jobs are
completed, so that sets and domains can be measured one by one.

A pose more than 8° off is wrong, and counted apart; the measured error is the root mean square angle of the others, as in the calibration of
posteriors. Prints a JSON line for each row as soon as it is known, and one table of all. A bar is missed where fewer than 5 % are wrong and the
predicted error is more than 25 % off the measured one, or the verdict is "not"; or where more than 20 % are wrong and the verdict is another. Ends
with 1 if any is.
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
from motion_and_composite import open_project, run_once

from triskelion.api import Job
from triskelion.conventions import reverse_axes
from triskelion.data.particles import join_by_uid
from triskelion.data.volume import Mask
from triskelion.geometry.common_rotation import find_common_rotation
from triskelion.geometry.rotations import rotation_difference_deg, rotvec_to_matrix
from triskelion.io.mrc import read_mask, write_volume
from triskelion.io.particle_star import read_particles
from triskelion.masks.soft_edge import cosine_edge

FEW_WRONG, MANY_WRONG, WRONG_DEG = 5.0, 20.0, 8.0  # percent, percent, degrees
WITHIN = 0.25
SPHERES = {"half": 1 / 2, "third": 1 / 3}  # of the radius of gyration times sqrt(5/3), the radius of a ball as large as the head
FIGURES = ("rotation_rms_deg", "rotation_median_deg", "wrong_percent", "position_A", "hinge_sd_deg", "verdict", "cpu_s")


def write_spheres(folder: Path, base: Path) -> dict[str, Path]:
    """Write soft spheres about the middle of the head; return label -> path."""
    head = read_mask(folder / "mask_head.mrc")
    places = np.indices(head.array.shape).reshape(3, -1).T - reverse_axes(head.center_xyz_px)
    distance = np.sqrt((places**2).sum(axis=1)).reshape(head.array.shape)
    ball_px = np.sqrt(5 / 3 * np.average(distance**2, weights=head.array))
    paths = {}
    for label, share in SPHERES.items():
        paths[f"head, {label}"] = base / f"{folder.name}_sphere_{label}.mrc"
        edge_px = 20.0 / head.pixel_size_A
        near = max(share * ball_px - edge_px / 2, 0.0)
        write_volume(paths[f"head, {label}"], Mask(cosine_edge(distance, near, near + edge_px), head.pixel_size_A))
    return paths


def judge_poses(tools: Path, folder: Path, domain: str, star: Path) -> dict[str, float]:
    """Pose errors of a table against the truth: those of the judge, and the root mean square of those that are not wrong."""
    command = [sys.executable, str(tools / "score_poses.py"), str(folder), domain, str(star)]
    judged = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["refined"]
    tables = [read_particles(star), read_particles(folder / f"truth_{domain}.star")]
    rows = join_by_uid(*tables)
    found, true = (rotvec_to_matrix(table["rotvec_rad"][row]) for table, row in zip(tables, rows, strict=True))
    angle_deg = rotation_difference_deg(found @ find_common_rotation(found, true), true)
    return {**judged, "right_rms_deg": float(np.sqrt((angle_deg[angle_deg < WRONG_DEG] ** 2).mean()))}


def describe(job: Job) -> dict[str, Any]:
    """The figures of a prediction that are judged."""
    return {name: job.summary[name] for name in FIGURES}


def judge(predicted: dict[str, Any], found: dict[str, float]) -> list[str]:
    """Return which bars are missed."""
    wrong, missed = found["over_8deg_percent"], []
    ratio = predicted["rotation_rms_deg"] / found["right_rms_deg"]
    if wrong < FEW_WRONG and abs(ratio - 1) > WITHIN:
        missed.append(f"predicted / measured = {ratio:.2f}")
    if predicted["verdict"] == "not" and wrong < FEW_WRONG:
        missed.append("called impossible, and succeeded")
    if predicted["verdict"] != "not" and wrong > MANY_WRONG:
        missed.append(f"called {predicted['verdict']}, and failed")
    return missed


def measure(arguments: argparse.Namespace, folder: Path, base: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each domain of one set."""
    project = open_project(base / folder.name)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    fulcra = truth["fulcrum_xyz_px"]
    particles = run_once(project, "import_particles", meta=folder / "particles.star")
    consensus = run_once(project, "reconstruct", particles=particles)
    masks = {domain: folder / f"mask_{domain}.mrc" for domain in arguments.domains}
    if arguments.spheres:
        masks |= write_spheres(folder, base)
    for label, mask in masks.items():
        domain = label.partition(",")[0]
        fulcrum = ",".join(f"{value:g}" for value in fulcra[domain])
        common: dict[str, Any] = {"particles": particles, "volume": consensus, "mask": mask, "fulcrum": fulcrum}
        predicted = describe(run_once(project, "predict", **common, background_poses="auto"))
        extra = {"as_they_come": describe(run_once(project, "predict", **common, background_poses="consensus"))} if arguments.as_they_come else {}
        refined = run_once(project, "local_refinement", **common)
        found = judge_poses(arguments.tools, folder, domain, refined.path("particles"))
        row = {"set": folder.name, "snr": truth["snr"], "domain": label, "predicted": predicted, **extra, "measured": found}
        yield {**row, "missed": judge(predicted, found)}


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print one line for each domain."""
    titles = ("set, SNR, domain", "turns", "predicted (wrong)", "measured (wrong)", "ratio", "position", "verdict", "missed")
    print(f"| {' | '.join(titles)} |\n|---|---:|---:|---:|---:|---:|---|---|")
    for row in rows:
        predicted, found = row["predicted"], row["measured"]
        ratio = predicted["rotation_rms_deg"] / found["right_rms_deg"]
        predicted_words, found_words = (
            f"{figures[name]:.2f}° ({figures[wrong]:.1f} %)"
            for figures, name, wrong in ((predicted, "rotation_rms_deg", "wrong_percent"), (found, "right_rms_deg", "over_8deg_percent"))
        )
        label, missed = f"{row['set']} {row['snr']:g} {row['domain']}", "; ".join(row["missed"])
        turns, position = f"{predicted['hinge_sd_deg']:.1f}°", f"{predicted['position_A']:.1f}, {found['position_median_A']:.1f} Å"
        print(f"| {label} | {turns} | {predicted_words} | {found_words} | {ratio:.2f} | {position} | {predicted['verdict']} | {missed} |")


def main() -> int:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge predicted pose errors by refinements.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--domains", nargs="*", default=["head", "foot", "arm"])
    parser.add_argument("--spheres", action="store_true")
    parser.add_argument("--as-they-come", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the projects here, and use those that are here")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        base = (arguments.folder or Path(scratch)).absolute()
        base.mkdir(parents=True, exist_ok=True)
        for folder in arguments.sets:
            for row in measure(arguments, folder.absolute(), base):
                print(json.dumps(row, ensure_ascii=False), flush=True)
                rows.append(row)
    print_table(rows)
    return int(any(row["missed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
