"""Local refinement on the independent hinge sets: ours, the oracle, the bounds and RELION, in one table with ratios.

    python benchmarks/local_refinement.py TOOLS SET [SET ...] [--domains head foot arm] [--controls] [--relion whole subtracted] [--folder DIR]

TOOLS holds hinge_set.py, score_poses.py and score_maps.py, the judges; every SET was made by hinge_set.py. For each set and domain:

ours          import, reconstruct, local_refinement with mask, fulcrum and the program's defaults
oracle        the same code with the true poses and the same background
at truth      Levenberg-Marquardt started at the true poses against the oracle's half map of the OTHER half (that of its own half holds each
              image where it truly is), with the background that ours ended with and the prior ours ended with
Cramér-Rao    root mean square angle from the Fisher matrix at the truth with the true map and noise, without a prior and with that of ours
relion        relion_refine_mpi with the same mask on the whole images, or on images from which the background of ours is subtracted,
              against the consensus map without it (``--relion`` with nothing behind it leaves them out: each takes from half an hour to hours)

``--controls`` adds the head about a fulcrum 40 Å off, and with the body refined instead. In a DIR that exists, runs of RELION that have
ended are read again; ours are always run anew. Prints JSON lines and a table; ends with 1 if a bar is missed.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hinge_ratios import compute_ratios, format_table, missed_bars
from hinge_truth import BLOCKS, HingeSet, Poses, align_from_truth, cramer_rao_deg, pose_prior
from relion_refine import options_near_poses, run_relion
from torch import Tensor

from triskelion.api import Job, Project
from triskelion.data.volume import Volume
from triskelion.fourier.filters import apply_shell_gain
from triskelion.fourier.slices import prepare_slices
from triskelion.fourier.transforms import fourier_to_image
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.io.mrc import read_mask, read_volume, write_stack, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.io.stacks import ParticleImages
from triskelion.resolution.fsc import compute_fsc_curves

FIXED = {"rotation_extent_deg": 0, "shift_extent_A": 0}
OFF_A = 40.0
RELION = ("whole", "subtracted")
Row = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """One set: its truth, a project with its particles imported and reconstructed, the judges, and a folder for files and for RELION."""

    truth: HingeSet
    project: Project
    particles: Job
    consensus: Job
    tools: Path
    folder: Path

    def judge_poses(self, domain: str, star: Path) -> dict:
        """Pose errors of a table against the truth, and those of the start."""
        return self._judge("score_poses.py", domain, star)

    def judge_maps(self, domain: str, half_a: Path, half_b: Path) -> dict:
        """Half maps of a domain against the truth."""
        return self._judge("score_maps.py", domain, half_a, half_b)["refined"]

    def refine(self, domain: str, fulcrum_xyz_px: np.ndarray) -> Job:
        """Refine one domain with the defaults."""
        mask = self.project.run("import_volume", path=self.truth.folder / f"mask_{domain}.mrc", kind="mask")
        fulcrum = ",".join(f"{value:g}" for value in fulcrum_xyz_px)
        return self.project.run("local_refinement", particles=self.particles, volume=self.consensus, mask=mask, fulcrum=fulcrum)

    def row(self, domain: str, run: str, **figures: Any) -> Row:
        """One line of the table."""
        return {"set": self.truth.folder.name, "box_px": self.truth.images.grid.box_px, "domain": domain, "run": run, **figures}

    def _judge(self, script: str, *arguments: object) -> dict:
        command = [sys.executable, str(self.tools / script), str(self.truth.folder), *map(str, arguments)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def open_bench(tools: Path, folder: Path, base: Path) -> Bench:
    """Import the particles of a set into a new project and reconstruct them."""
    work = base / folder.name
    work.mkdir(parents=True, exist_ok=True)
    project = Project.new(Path(tempfile.mkdtemp(prefix="project_", dir=work)) / "project")
    particles = project.run("import_particles", meta=folder / "particles.star")
    consensus = project.run("reconstruct", particles=particles)
    return Bench(HingeSet.read(folder), project, particles, consensus, tools, work)


def measure_domain(bench: Bench, domain: str, relion: list[str]) -> Iterator[Row]:
    """Yield the rows of one domain: ours, the oracle, the bounds, RELION."""
    truth = bench.truth
    ours = bench.refine(domain, truth.fulcrum_xyz_px(domain))
    poses = bench.judge_poses(domain, ours.path("particles"))
    yield bench.row(domain, "start", poses=poses["start"])
    yield bench.row(domain, "ours", poses=poses["refined"], **_figures_of_job(bench, domain, ours))
    true_poses = bench.project.run("import_particles", meta=truth.folder / f"truth_{domain}.star")
    changes = {"particles": true_poses, "consensus": bench.particles, **FIXED}
    oracle = bench.project.run("local_refinement", **{**ours.record.parameters, **changes})
    yield bench.row(domain, "oracle", **_figures_of_job(bench, domain, oracle))

    background = project_background(bench, domain, ours.path("particles"))
    yield from measure_bounds(bench, domain, ours, oracle, background)
    for images in relion:
        folder = bench.folder / f"{domain}_{images}"
        if not folder.exists():
            write_relion_input(bench, domain, folder, background if images == "subtracted" else None)
        run = run_relion(folder, options_near_poses(truth.folder / f"mask_{domain}.mrc"))
        poses = bench.judge_poses(domain, run.particles)["refined"]
        maps = bench.judge_maps(domain, run.half_a, run.half_b)
        yield bench.row(domain, f"relion {images}", poses=poses, maps=maps, cpu_s=run.cpu_s, workers_cpu_s=run.workers_cpu_s)


def _figures_of_job(bench: Bench, domain: str, job: Job) -> Row:
    maps = bench.judge_maps(domain, job.path("half_a"), job.path("half_b"))
    return {"maps": maps} | {name: job.summary[name] for name in ("cpu_s", "wall_s", "iterations")}


def measure_bounds(bench: Bench, domain: str, ours: Job, oracle: Job, background: Tensor) -> Iterator[Row]:
    """Yield the row of the alignment that starts at the truth, and those of the Cramér-Rao bound."""
    truth = bench.truth
    consensus = truth.poses(ours.path("particles"), consensus=True)
    widths = ours.summary["prior_rotation_sd_deg"], ours.summary["prior_shift_sd_A"]
    prior, none = (pose_prior(truth, domain, consensus, *each) for each in (widths, (np.inf, np.inf)))
    half_a, half_b = (truth.centered_slices(half * truth.mask(domain), domain) for half in filter_halves(oracle))
    found = align_from_truth(truth, domain, truth.images.coefficients - background, (half_b, half_a), prior)
    star = bench.folder / f"{domain}_at_truth.star"
    write_poses(truth, found, star)
    yield bench.row(domain, "at truth", poses=bench.judge_poses(domain, star)["refined"])
    yield bench.row(domain, "Cramér-Rao", poses={"angle_rms_deg": cramer_rao_deg(truth, domain, none)})
    yield bench.row(domain, "Cramér-Rao, prior", poses={"angle_rms_deg": cramer_rao_deg(truth, domain, prior)})


def filter_halves(job: Job) -> list[np.ndarray]:
    """Half maps of a job, each shell multiplied by the FSC inside the mask of the job: the best estimates of the signal."""
    halves = [read_volume(job.path(name)) for name in ("half_a", "half_b")]
    curves = compute_fsc_curves(*halves, user_mask=read_mask(job.path("mask")))
    gain = torch.from_numpy(np.clip(curves.curves[curves.headline], 0, 1))
    return [apply_shell_gain(torch.from_numpy(half.array), gain).numpy() for half in halves]


def project_background(bench: Bench, domain: str, refined: Path) -> Tensor:
    """Images, complex64 (n, m), of the rest of the particle: each half-set's own map at the consensus poses that a refinement ended with."""
    truth = bench.truth
    rotations, shifts_px = truth.poses(refined, consensus=True)
    star = bench.project.folder / f"{domain}_consensus.star"
    table = read_particles(refined)
    write_particles(star, table.with_columns(rotvec_rad=table["consensus_rotvec_rad"], shift_A=table["consensus_shift_A"]))
    whole = bench.project.run("reconstruct", particles=star)
    rest = np.maximum(read_mask(whole.path("mask")).array, truth.mask(domain)) * (1 - truth.mask(domain))
    background = torch.zeros_like(truth.images.coefficients)
    for half, array in enumerate(filter_halves(whole)):
        rows = truth.particles.rows_of_half(half)
        volume = prepare_slices(array * rest, int(truth.images.disc.shell[-1]))
        background[rows] = truth.project(volume, rotations, shifts_px)[rows]
    return background


def write_poses(truth: HingeSet, poses: Poses, star: Path) -> None:
    """Write the particles of a set with other poses."""
    rotations, shifts_px = poses
    table = truth.particles.with_columns(rotvec_rad=matrix_to_rotvec(rotations), shift_A=shifts_px * truth.images.grid.pixel_size_A)
    write_particles(star, table)


def write_relion_input(bench: Bench, domain: str, folder: Path, background: Tensor | None) -> None:
    """Make particles.star, its images and reference.mrc: the whole particle, or images and consensus map without the background.

    What lies beyond Nyquist in the corners of a transform stays in the images.
    """
    truth, consensus = bench.truth, read_volume(bench.consensus.path("map"))
    folder.mkdir()
    stack = folder / "particles.mrcs"
    shutil.copy(truth.folder / "particles.star", folder)
    if background is None:
        stack.symlink_to(truth.folder / "particles.mrcs")
        write_volume(folder / "reference.mrc", consensus)
        return
    grid, disc, source = truth.images.grid, truth.images.disc, ParticleImages(truth.particles, truth.folder)
    blocks = np.array_split(np.arange(len(source)), BLOCKS)
    images = (source.read(rows) - fourier_to_image(disc.scatter(background[rows]), grid.box_px).numpy() for rows in blocks)
    write_stack(stack, images, len(source), grid.pixel_size_A)
    write_volume(folder / "reference.mrc", Volume(consensus.array * truth.mask(domain), consensus.pixel_size_A))


def measure_controls(bench: Bench) -> Iterator[Row]:
    """Refine the head about a fulcrum 40 Å off, and the body only: both must come out worse than the head about its fulcrum."""
    truth = bench.truth
    away = truth.fulcrum_xyz_px("head") + np.array([0, 0, OFF_A / truth.images.grid.pixel_size_A])
    for run, domain, fulcrum_xyz_px in (("fulcrum 40 Å off", "head", away), ("body refined", "body", truth.fulcrum_xyz_px("body"))):
        job = bench.refine(domain, fulcrum_xyz_px)
        poses = bench.judge_poses("head", job.path("particles"))["refined"]
        yield bench.row("head", run, poses=poses, **_figures_of_job(bench, "head", job))


def print_rows(rows: Iterable[Row]) -> list[Row]:
    """Print each row as soon as it is there; return all."""
    done = []
    for row in rows:
        print(json.dumps(row, ensure_ascii=False), flush=True)
        done.append(row)
    return done


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description="Judge local refinement on hinge sets.")
    parser.add_argument("tools", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--domains", nargs="+", default=["head"])
    parser.add_argument("--controls", action="store_true")
    parser.add_argument("--relion", nargs="*", choices=RELION, default=list(RELION))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    base = arguments.folder or Path(tempfile.mkdtemp(prefix="local_refinement_"))
    if arguments.relion and shutil.which("relion_refine_mpi") is None:
        print("RELION is not installed (apt-get install relion): its rows are left out", file=sys.stderr)
        arguments.relion = []
    groups = []
    for folder in arguments.sets:
        bench = open_bench(arguments.tools, folder.absolute(), base.absolute())
        for domain in arguments.domains:
            groups.append(print_rows(measure_domain(bench, domain, arguments.relion)))
            if domain == "head" and arguments.controls:
                groups[-1] += print_rows(measure_controls(bench))
    ratios = [compute_ratios(rows) for rows in groups]
    print(format_table(groups, ratios))
    missed = [f"{rows[0]['set']} {rows[0]['domain']}: {bar}" for rows, found in zip(groups, ratios) for bar in missed_bars(rows, found)]
    sys.exit("missed\n  " + "\n  ".join(missed) if missed else 0)


if __name__ == "__main__":
    main()
