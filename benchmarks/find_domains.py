"""Domains found in one consensus map, judged against the truth: overlap of masks, distance of fulcra.

    python benchmarks/find_domains.py SET [SET ...] [--demo] [--rigid] [--folder DIR]

Every SET is a folder made by hinge_set.py; ``--demo`` adds the built-in phantom at the defaults of simulate, ``--rigid`` the same without hinges,
in which nothing moves. For each, the particles are imported and reconstructed at the poses they come with, and find_domains runs with its
defaults: one set of parameters for all. A domain of the truth is matched with the mask that overlaps it best; the overlap of two soft masks is the
sum of the smaller values over that of the larger ones (Jaccard). A project that is in DIR already is used again, as far as its jobs are completed.
Prints JSON lines; ends with 1 if head or foot overlap by 0.6 or less, or if any part of a rigid particle is proposed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from motion_and_composite import open_project, run_once

from triskelion.api import Job, Project
from triskelion.io.mrc import read_mask

LEAST_JACCARD = 0.6
JUDGED = ("head", "foot")
DOMAINS = ("head", "foot", "arm")


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Overlap of two soft masks."""
    return float(np.minimum(first, second).sum(dtype=np.float64) / np.maximum(first, second).sum(dtype=np.float64))


def find_domains(project: Project, star: Path) -> Job:
    """Import, reconstruct, find."""
    particles = run_once(project, "import_particles", meta=star)
    consensus = run_once(project, "reconstruct", particles=particles)
    return run_once(project, "find_domains", particles=particles, volume=consensus)


def judge(name: str, folder: Path, found: Job) -> Iterator[dict[str, Any]]:
    """Yield a row for each domain of the truth."""
    fulcra = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["fulcrum_xyz_px"]
    proposals = json.loads(found.path("domains").read_text(encoding="utf-8"))["domains"]
    masks = [read_mask(found.path(proposal["mask"])) for proposal in proposals]
    for domain in DOMAINS:
        true_mask = read_mask(folder / f"mask_{domain}.mrc").array
        overlaps = [jaccard(true_mask, mask.array) for mask in masks]
        best = int(np.argmax(overlaps)) if overlaps else None
        row: dict[str, Any] = {"set": name, "domain": domain, "jaccard": 0.0, "n_domains": len(proposals), "cpu_s": found.summary["cpu_s"]}
        if best is not None:
            proposal, off = proposals[best], np.subtract(proposals[best]["fulcrum_xyz_px"], fulcra[domain])
            row |= {"mask": proposal["mask"], "jaccard": overlaps[best], "fulcrum_off_A": float(np.linalg.norm(off)) * masks[best].pixel_size_A}
            row |= {"resolution_A": proposal["resolution_A"], "verdict": proposal["verdict"]}
        yield {**row, "missed": domain in JUDGED and row["jaccard"] <= LEAST_JACCARD}


def simulate(project: Project, **changes: Any) -> Path:
    """Simulate the built-in phantom; return the folder of its truth."""
    return run_once(project, "simulate", **changes).path("particles").parent


def measure(arguments: argparse.Namespace, base: Path) -> Iterator[dict[str, Any]]:
    """Yield all rows."""
    for folder in arguments.sets:
        project = open_project(base / folder.name)
        yield from judge(folder.name, folder, find_domains(project, folder.absolute() / "particles.star"))
    if arguments.demo:
        project = open_project(base / "demo")
        folder = simulate(project)
        yield from judge("demo", folder, find_domains(project, folder / "particles.star"))
    if arguments.rigid:
        project = open_project(base / "rigid")
        found = find_domains(project, simulate(project, hinge_scale=0.0) / "particles.star")
        excess = [domain["excess"] for domain in found.summary["domains"]]
        yield {"set": "rigid", "n_domains": len(excess), "excess": excess, "missed": bool(excess)}


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge find_domains on simulated sets.")
    parser.add_argument("sets", type=Path, nargs="*")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--rigid", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the projects here, and use those that are here")
    arguments = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as scratch:
        for row in measure(arguments, (arguments.folder or Path(scratch)).absolute()):
            print(json.dumps(row), flush=True)
            missed |= row["missed"]
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
