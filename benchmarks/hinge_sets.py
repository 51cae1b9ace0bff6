"""Local refinement on the independent hinge sets: pose errors and maps against truth, by their own judges.

    python benchmarks/hinge_sets.py TOOLS SET [SET ...] [--domains head foot] [--controls] [--folder DIR]

TOOLS holds hinge_set.py, score_poses.py and score_maps.py; every SET was made by hinge_set.py. For each set and domain: import,
reconstruct, local_refinement with its mask and fulcrum and the program's defaults, and the oracle: the true poses, same code, same
background. ``--controls`` adds a fulcrum 40 Å off and poses that refine the body only. Prints JSON lines and a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from triskelion.api import Job, Project

FIXED = {"rotation_extent_deg": 0, "shift_extent_A": 0}
OFF_A = 40.0


def judge(tools: Path, script: str, *arguments: object) -> dict:
    """Run one of the judges and read its line."""
    command = [sys.executable, str(tools / script), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def import_set(project: Project, folder: Path) -> tuple[Job, Job]:
    """Import the particles of a set and reconstruct them."""
    particles = project.run("import_particles", meta=folder / "particles.star")
    return particles, project.run("reconstruct", particles=particles)


def refine_domain(project: Project, folder: Path, domain: str, particles: Job, consensus: Job, fulcrum_px: np.ndarray) -> Job:
    """Refine one domain with the defaults."""
    mask = project.run("import_volume", path=folder / f"mask_{domain}.mrc", kind="mask")
    fulcrum = ",".join(f"{value:g}" for value in fulcrum_px)
    return project.run("local_refinement", particles=particles, volume=consensus, mask=mask, fulcrum=fulcrum)


def measure_domain(project: Project, tools: Path, folder: Path, domain: str, particles: Job, consensus: Job, truth: dict) -> dict:
    """Refine a domain, make the oracle, judge both."""
    fulcrum_px = np.array(truth["fulcrum_xyz_px"][domain])
    refined = refine_domain(project, folder, domain, particles, consensus, fulcrum_px)
    true_poses = project.run("import_particles", meta=folder / f"truth_{domain}.star")
    oracle = project.run("local_refinement", **{**refined.record.parameters, "particles": true_poses, "consensus": particles, **FIXED})
    halves = [job.path(name) for job in (refined, oracle) for name in ("half_a", "half_b")]
    return {
        "set": folder.name,
        "domain": domain,
        "poses": judge(tools, "score_poses.py", folder, domain, refined.path("particles")),
        "maps": judge(tools, "score_maps.py", folder, domain, *halves),
        "iterations": refined.summary["iterations"],
        "cpu_s": refined.summary["cpu_s"],
        "wall_s": refined.summary["wall_s"],
    }


def measure_controls(project: Project, tools: Path, folder: Path, particles: Job, consensus: Job, truth: dict) -> list[dict]:
    """Refine the head about a fulcrum 40 Å off, and the body only: both must come out worse than the head about its fulcrum."""
    away = np.array(truth["fulcrum_xyz_px"]["head"]) + np.array([0, 0, OFF_A / truth["apix_A"]])
    found = []
    for name, domain, fulcrum in (("fulcrum 40 Å off", "head", away), ("body only", "body", truth["fulcrum_xyz_px"]["body"])):
        job = refine_domain(project, folder, domain, particles, consensus, np.array(fulcrum))
        poses = judge(tools, "score_poses.py", folder, "head", job.path("particles"))
        maps = judge(tools, "score_maps.py", folder, "head", job.path("half_a"), job.path("half_b"))
        found.append({"set": folder.name, "domain": f"head, {name}", "poses": poses, "maps": maps, "iterations": job.summary["iterations"]})
    return found


def print_row(row: dict) -> None:
    """Print one line of the table."""
    start, refined = row["poses"]["start"], row["poses"]["refined"]
    maps, oracle = row["maps"]["refined"], row["maps"].get("oracle")
    ratio = "" if oracle is None else f"{maps['mean_truth_15A_nyquist'] / oracle['mean_truth_15A_nyquist']:.3f}"
    print(
        f"{row['set']:6s} {row['domain']:24s} median {start['angle_median_deg']:6.2f} -> {refined['angle_median_deg']:5.2f}° "
        f"({refined['angle_median_deg'] / start['angle_median_deg']:.2f})  over 8° {start['over_8deg_percent']:5.1f} -> "
        f"{refined['over_8deg_percent']:5.2f} %  truth FSC 15 Å..Nyquist {maps['mean_truth_15A_nyquist']:.3f}, of the oracle's {ratio:6s}"
        f" CPU {row.get('cpu_s', 0):.0f} s",
        flush=True,
    )


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge local refinement on hinge sets.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--domains", nargs="+", default=["head"])
    parser.add_argument("--controls", action="store_true")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    base = arguments.folder or Path(tempfile.mkdtemp(prefix="hinge_sets_"))
    rows = []
    for folder in arguments.sets:
        project = Project.new(base / folder.name)
        truth = json.loads((folder / "truth.json").read_text())
        particles, consensus = import_set(project, folder.absolute())
        for domain in arguments.domains:
            rows.append(measure_domain(project, arguments.tools, folder.absolute(), domain, particles, consensus, truth))
            print_row(rows[-1])
        if arguments.controls:
            controls = measure_controls(project, arguments.tools, folder.absolute(), particles, consensus, truth)
            for row in controls:
                print_row(row)
            rows += controls
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
