"""What predict says of the poses of a domain, against what refinement then finds.

    python benchmarks/predicted_errors.py TOOLS SET [SET ...] [--domains head foot arm] [--spheres] [--folder DIR]

TOOLS holds score_poses.py; every SET was made by hinge_set.py. For each set and domain, `predict` at the consensus poses as they come and with the
rest of the particle refined first, and `local_refinement`, all with the true mask and fulcrum and the defaults. ``--spheres`` adds spheres inside
the head of half and of a third of its radius, which turn with the head. An outlier is off by more than 8°. Prints JSON lines. A bar is missed
where fewer than 5 % are outliers and the prediction (rest refined, domain as sharp as the rest) is more than 25 % off the measured root mean square,
or where the verdict is "not" although refinement succeeds, or another although it fails (more than 20 % outliers). Ends with 1 if any is.
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

from triskelion.api import Job, Project
from triskelion.conventions import reverse_axes
from triskelion.data.volume import Mask
from triskelion.io.mrc import read_mask, write_volume
from triskelion.masks.soft_edge import cosine_edge

FEW_OUTLIERS, MANY_OUTLIERS = 5.0, 20.0  # percent
WITHIN = 0.25
SPHERES = {"half": 1 / 2, "third": 1 / 3}  # of the radius of gyration times sqrt(5/3), the radius of a ball as large as the head
PREDICTIONS = {"consensus": "as they come", "refine": "rest refined"}


def write_spheres(folder: Path, base: Path) -> dict[str, Path]:
    """Write soft spheres about the middle of the head; return label -> path."""
    head = read_mask(folder / "mask_head.mrc")
    places = np.indices(head.array.shape).reshape(3, -1).T - reverse_axes(head.center_xyz_px)
    distance = np.sqrt((places**2).sum(axis=1)).reshape(head.array.shape)
    ball_px = np.sqrt(5 / 3 * np.average(distance**2, weights=head.array))
    paths = {}
    for label, share in SPHERES.items():
        paths[f"head, {label}"] = base / f"sphere_{label}.mrc"
        edge_px = 20.0 / head.pixel_size_A
        near = max(share * ball_px - edge_px / 2, 0.0)
        write_volume(paths[f"head, {label}"], Mask(cosine_edge(distance, near, near + edge_px), head.pixel_size_A))
    return paths


def judge_poses(tools: Path, folder: Path, domain: str, star: Path) -> dict[str, float]:
    """Pose errors of a table against the truth."""
    command = [sys.executable, str(tools / "score_poses.py"), str(folder), domain, str(star)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["refined"]


def describe(job: Job) -> dict[str, Any]:
    """The figures of a prediction that are judged."""
    names = ("as_it_is_rotation_rms_deg", "as_the_rest_rotation_rms_deg", "as_the_rest_right_poses_percent", "as_the_rest_position_A", "verdict")
    return {name: job.summary[name] for name in names} | {"cpu_s": job.summary["cpu_s"]}


def judge(predicted: dict[str, Any], found: dict[str, float]) -> list[str]:
    """Return which bars are missed."""
    outliers, missed = found["over_8deg_percent"], []
    ratio = predicted["as_the_rest_rotation_rms_deg"] / found["angle_rms_deg"]
    if outliers < FEW_OUTLIERS and abs(ratio - 1) > WITHIN:
        missed.append(f"predicted / measured = {ratio:.2f}")
    if predicted["verdict"] == "not" and outliers < FEW_OUTLIERS:
        missed.append("called impossible, and succeeded")
    if predicted["verdict"] != "not" and outliers > MANY_OUTLIERS:
        missed.append(f"called {predicted['verdict']}, and failed")
    return missed


def measure(arguments: argparse.Namespace, folder: Path, base: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each domain of one set."""
    project = Project.new(base / folder.name)
    fulcra = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["fulcrum_xyz_px"]
    particles = project.run("import_particles", meta=folder / "particles.star")
    consensus = project.run("reconstruct", particles=particles)
    masks = {domain: folder / f"mask_{domain}.mrc" for domain in arguments.domains}
    if arguments.spheres:
        masks |= write_spheres(folder, base)
    for label, mask in masks.items():
        domain = label.partition(",")[0]
        fulcrum = ",".join(f"{value:g}" for value in fulcra[domain])
        common: dict[str, Any] = {"particles": particles, "volume": consensus, "mask": mask, "fulcrum": fulcrum}
        predicted = {name: describe(project.run("predict", **common, background_poses=name)) for name in PREDICTIONS}
        refined = project.run("local_refinement", **common)
        found = judge_poses(arguments.tools, folder, domain, refined.path("particles"))
        yield {
            "set": folder.name,
            "domain": label,
            **{PREDICTIONS[name]: figures for name, figures in predicted.items()},
            "measured": found,
            "refinement_cpu_s": refined.summary["cpu_s"],
            "missed": judge(predicted["refine"], found),
        }


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge predicted pose errors by refinements.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--domains", nargs="*", default=["head", "foot"])
    parser.add_argument("--spheres", action="store_true")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    base, missed = arguments.folder or Path(tempfile.mkdtemp(prefix="predicted_errors_")), False
    for folder in arguments.sets:
        for row in measure(arguments, folder.absolute(), base.absolute()):
            print(json.dumps(row, ensure_ascii=False), flush=True)
            missed |= bool(row["missed"])
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
