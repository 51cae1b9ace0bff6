"""Motions and composite maps of the independent hinge sets against the truth.

    python benchmarks/motion_and_composite.py TOOLS SET [SET ...] [--domains head foot arm] [--folder DIR]

TOOLS holds score_maps.py, the judge of maps; every SET was made by hinge_set.py. For each set: import, reconstruct, one local refinement of each
domain and of the body, then domain_motion (against the consensus, and against the body) and composite_map (all of them on the consensus). Prints
JSON lines; ends with 1 if a bar is missed: amplitudes within 15 % of the truth, fulcra within 8 Å, the composite better than the consensus in FSC
against the truth inside every domain. A project that is in DIR already is used again, as far as its jobs are completed.
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
from triskelion.data.particles import join_by_uid
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.io.particle_star import read_particles

MOST_AMPLITUDE_ERROR, MOST_FULCRUM_ERROR_A = 0.15, 8.0
BODY = "body"


def run_once(project: Project, job_type: str, **parameters: Any) -> Job:
    """Run a job, or return the completed one with these parameters."""
    plain = {name: value.name if isinstance(value, Job) else str(value) if isinstance(value, Path) else value for name, value in parameters.items()}
    for job in project.jobs:
        if job.type == job_type and job.status.state == "completed" and plain.items() <= job.record.parameters.items():
            return job
    return project.run(job_type, **parameters)


def open_project(folder: Path) -> Project:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Project(folder) if (folder / "project.json").exists() else Project.new(folder)


def refine_domains(project: Project, folder: Path, domains: list[str]) -> tuple[Job, dict[str, Job]]:
    """Return the consensus and the local refinement of every domain."""
    fulcra = json.loads((folder / "truth.json").read_text())["fulcrum_xyz_px"]
    particles = run_once(project, "import_particles", meta=folder / "particles.star")
    consensus = run_once(project, "reconstruct", particles=particles)
    refined = {}
    for domain in domains:
        mask = run_once(project, "import_volume", path=folder / f"mask_{domain}.mrc", kind="mask")
        fulcrum = ",".join(f"{value:g}" for value in fulcra[domain])
        refined[domain] = run_once(project, "local_refinement", particles=particles, volume=consensus, mask=mask, fulcrum=fulcrum)
    return consensus, refined


def true_amplitude_deg(folder: Path, domain: str) -> float:
    """Root mean square turn per axis of a domain against the body, as it was drawn."""
    tables = [read_particles(folder / f"truth_{name}.star") for name in (BODY, domain)]
    rows = join_by_uid(*tables)
    body, moved = (rotvec_to_matrix(table["rotvec_rad"][row]) for table, row in zip(tables, rows, strict=True))
    return float(np.rad2deg(matrix_to_rotvec(np.swapaxes(body, 1, 2) @ moved).std()))


def judge_motion(folder: Path, motion: Job, against: str) -> Iterator[dict[str, Any]]:
    """Yield a row a domain: amplitude and fulcrum against the truth."""
    truth = json.loads((folder / "truth.json").read_text())
    found = json.loads(motion.path("motion").read_text())
    for domain in found["domains"]:
        name = domain["name"]
        amplitude_deg = float(np.sqrt(np.mean(np.square(domain["amplitude_deg"]))))
        true_deg = true_amplitude_deg(folder, name)
        off_A = float(np.linalg.norm(np.subtract(domain["fulcrum_xyz_px"], truth["fulcrum_xyz_px"][name])) * truth["apix_A"])
        error = amplitude_deg / true_deg - 1
        yield {
            "set": folder.name, "against": against, "domain": name, "axes_deg": domain["amplitude_deg"], "amplitude_deg": amplitude_deg,
            "true_deg": true_deg, "error": error, "fulcrum_off_A": off_A, "cpu_s": motion.summary["cpu_s"],
            "missed": abs(error) > MOST_AMPLITUDE_ERROR or off_A > MOST_FULCRUM_ERROR_A,
        }  # fmt: skip


def judge_composite(tools: Path, folder: Path, consensus: Job, composite: Job, domains: list[str]) -> Iterator[dict[str, Any]]:
    """Yield a row a domain: both maps against the truth."""
    for domain in domains:
        before, after = (_score_maps(tools, folder, domain, job) for job in (consensus, composite))
        figures = {f"{label}_{name}": scores[name] for name in ("truth05_A", "mean_truth_15A_nyquist") for label, scores in
                   (("consensus", before), ("composite", after))}  # fmt: skip
        missed = after["mean_truth_15A_nyquist"] <= before["mean_truth_15A_nyquist"]
        yield {"set": folder.name, "inside": domain, **figures, "missed": missed}


def _score_maps(tools: Path, folder: Path, domain: str, job: Job) -> dict[str, float]:
    command = [sys.executable, tools / "score_maps.py", folder, domain, job.path("half_a"), job.path("half_b")]
    return json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)["refined"]


def measure(tools: Path, folder: Path, base: Path, domains: list[str]) -> Iterator[dict[str, Any]]:
    """Yield all rows of one set."""
    project = open_project(base / folder.name)
    consensus, refined = refine_domains(project, folder, [*domains, BODY])
    moving = [refined[domain] for domain in domains]
    for against, reference in (("consensus", {}), (BODY, {"reference": refined[BODY]})):
        yield from judge_motion(folder, project.run("domain_motion", domains=moving, names=domains, frames=0, **reference), against)
    composite = project.run("composite_map", volume=consensus, focused=list(refined.values()))
    yield from judge_composite(tools, folder, consensus, composite, [*domains, BODY])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--domains", nargs="+", default=["head", "foot"])
    parser.add_argument("--folder", type=Path, help="keep the projects here, and use those that are here")
    options = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as scratch:
        for folder in options.sets:
            for row in measure(options.tools, folder.resolve(), options.folder or Path(scratch), options.domains):
                print(json.dumps(row), flush=True)
                missed |= row["missed"]
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
