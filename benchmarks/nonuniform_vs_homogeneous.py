"""Non-uniform against homogeneous refinement on the hinge sets: how far their maps are from the truth, region by region, and where the FSC ends.

    python benchmarks/nonuniform_vs_homogeneous.py SET [SET ...]

Both refinements run with the program's defaults from the poses given. The truth is what a reconstruction of the same images without noise gives at
the true poses of the body, in the frame of the map it is compared with: domains that hinge are blurred there as they are in any map of whole
particles. Regions are the domains' masks without the other domains, and the solvent: the sphere that the box holds without all of them.

map         as both jobs leave it: the average of the half maps as they are
Wiener      the same, each shell multiplied by 2 FSC / (1 + FSC), the best one gain a shell
map_local   as nonuniform_refinement leaves it: each voxel low-passed at the cut that its half maps say; of homogeneous_refinement, made the same way

Errors are root mean squares over that of the truth in the region (of the solvent: over that of the truth in the particle), one grey scale a map; FSC
with the truth is that of the map in a region, mean over a range of shells. Prints JSON lines and two tables.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hinge_truth import BLOCKS, HingeSet

from triskelion.api import Job, Project
from triskelion.conventions import resolution_to_shell
from triskelion.data.volume import Mask, Volume
from triskelion.fourier.transforms import fourier_to_image
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.io.mrc import read_volume, write_stack
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.jobs.report_maps import lowpass_locally
from triskelion.masks.automatic import spherical_mask
from triskelion.refine.frames import find_drift, move_poses
from triskelion.refine.reference import filter_map
from triskelion.resolution.fsc import compute_fsc_curves, fsc

KINDS = ("homogeneous_refinement", "nonuniform_refinement")
FILTERS = ("map", "Wiener", "map_local")
SOLVENT = "solvent"
BANDS_A = ((30.0, 15.0), (15.0, 10.0), (10.0, 0.0))
DRIFT_A = 15.0  # resolution at which the frames of two maps are compared
Row = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """The images of a set without noise, in a project, and the true poses of the body."""

    hinge_set: HingeSet
    project: Project
    stack: Path

    @classmethod
    def project_images(cls, hinge_set: HingeSet, project: Project) -> "Truth":
        """Write the images of a set without noise."""
        grid, disc = hinge_set.images.grid, hinge_set.images.disc
        coefficients, n = hinge_set.project_domains(hinge_set.domains), len(hinge_set.particles)
        blocks = np.array_split(np.arange(n), BLOCKS)
        stack = project.folder / "noise_free.mrcs"
        write_stack(stack, (fourier_to_image(disc.scatter(coefficients[rows]), grid.box_px).numpy() for rows in blocks), n, grid.pixel_size_A)
        return cls(hinge_set, project, stack)

    def reconstruct(self, turn: np.ndarray, shift_px: np.ndarray) -> Volume:
        """Reconstruct the truth, moved by x -> D x + d about the box centre."""
        rotations, shifts_px = move_poses(*self.hinge_set.true_poses("body"), turn, shift_px)
        table = read_particles(self.hinge_set.folder / "truth_body.star")
        poses = {"rotvec_rad": matrix_to_rotvec(rotations), "shift_A": shifts_px * self.hinge_set.images.grid.pixel_size_A}
        star = self.project.folder / "noise_free.star"
        write_particles(star, table.with_columns(**poses, image_path=np.full(len(table), self.stack.name)))
        imported = self.project.run("import_particles", meta=star)
        return read_volume(self.project.run("reconstruct", particles=imported).path("map"))

    def at_rest(self) -> Volume:
        """The truth where it is."""
        return self.reconstruct(np.eye(3), np.zeros(3))

    def in_frame_of(self, volume: Volume, at_rest: Volume) -> Volume:
        """The truth where the body of a map is: nothing is interpolated, the images are reconstructed again."""
        return self.reconstruct(*find_drift(volume.array, at_rest.array, self.hinge_set.mask("body"), volume.pixel_size_A, DRIFT_A))


def measure_set(folder: Path) -> Iterator[Row]:
    """Yield a row per region and refinement of one set."""
    project = Project.new(Path(tempfile.mkdtemp()) / "project")
    hinge_set = HingeSet.read(folder)
    truth, regions = Truth.project_images(hinge_set, project), cut_regions(hinge_set)
    at_rest = truth.at_rest()
    particles = project.run("import_particles", meta=folder / "particles.star")
    for kind in KINDS:
        job = project.run(kind, particles=particles, poses="input")
        right = truth.in_frame_of(read_volume(job.path("map")), at_rest)
        ends = json.loads(job.path("fsc.json").read_text())["resolution_A"]
        for row in judge_regions(job, right, regions):
            yield {"set": folder.name, "run": kind, "resolution_A": ends, "cpu_s": job.summary["cpu_s"]} | row


def cut_regions(hinge_set: HingeSet) -> dict[str, np.ndarray]:
    """Soft mask of each domain without the others, and of the solvent in the sphere that the box holds."""
    grid = hinge_set.images.grid
    masks = {name: hinge_set.mask(name) for name in hinge_set.domains}
    regions = {name: mask * (1 - np.max([masks[other] for other in masks if other != name], axis=0)) for name, mask in masks.items()}
    sphere = spherical_mask(grid.box_px, grid.pixel_size_A).array
    return regions | {SOLVENT: sphere * (1 - np.max(list(masks.values()), axis=0))}


def judge_regions(job: Job, right: Volume, regions: dict[str, np.ndarray]) -> Iterator[Row]:
    """Yield errors and FSC with the truth in every region."""
    plain = read_volume(job.path("map"))
    inside = np.sum([mask for name, mask in regions.items() if name != SOLVENT], axis=0)
    maps = {
        name: array * fit_grey_scale(array, right.array, inside)
        for name, array in zip(FILTERS, (plain.array, *filter_map_of(job, plain)), strict=True)
    }
    for region, mask in regions.items():
        power = weigh_power(right.array, inside if region == SOLVENT else mask)
        if region == SOLVENT:
            power *= float(mask.sum() / inside.sum())  # of as many voxels
        errors = {name: float(np.sqrt(weigh_power(array - right.array, mask) / power)) for name, array in maps.items()}
        bands = [] if region == SOLVENT else mean_over_bands(fsc(plain, right, Mask(mask, right.pixel_size_A)), right)
        yield {"region": region, "errors": errors, "fsc_with_truth": bands}


def filter_map_of(job: Job, plain: Volume) -> tuple[np.ndarray, np.ndarray]:
    """The map of a job, filtered shell by shell and voxel by voxel."""
    half_a, half_b = (read_volume(job.path(name)) for name in ("half_a", "half_b"))
    curves = compute_fsc_curves(half_a, half_b)
    correlation = np.clip(curves.curves[curves.headline], 0, 1)
    leaves_it = job.type == "nonuniform_refinement"
    local = read_volume(job.path("map_local")) if leaves_it else lowpass_locally(half_a, half_b, curves.resolution_A())
    return filter_map(plain.array, 2 * correlation / (1 + correlation)), local.array


def fit_grey_scale(array: np.ndarray, right: np.ndarray, mask: np.ndarray) -> np.float32:
    """Factor that brings a map nearest to the truth."""
    return np.float32((mask * array * right).sum(dtype=np.float64) / weigh_power(array, mask))


def weigh_power(array: np.ndarray, mask: np.ndarray) -> float:
    """Sum of squares under a mask."""
    return float((mask * array**2).sum(dtype=np.float64))


def mean_over_bands(curve: np.ndarray, grid: Volume) -> list[float]:
    """Mean of a curve over the shells of each band."""
    shells = np.arange(len(curve))

    def shell_of(resolution_A: float) -> float:
        return resolution_to_shell(resolution_A, grid.box_px, grid.pixel_size_A) if resolution_A else len(curve) - 1  # below Nyquist

    return [float(curve[(shells >= shell_of(coarse)) & (shells < shell_of(fine))].mean()) for coarse, fine in BANDS_A]


def format_tables(rows: list[Row]) -> str:
    """Errors and FSC by region, then where the half-map FSC curves end."""
    bands = [f"FSC {coarse:g} to {f'{fine:g} Å' if fine else 'Nyquist'}" for coarse, fine in BANDS_A]
    headings = ("set", "region", "refinement", *(f"error, {name}" for name in FILTERS), *bands)
    lines = ["| " + " | ".join(headings) + " |", "|---" * 3 + "|" + "---:|" * (len(headings) - 3)]
    regions = list(dict.fromkeys(row["region"] for row in rows))
    for row in sorted(rows, key=lambda row: (row["set"], regions.index(row["region"]))):
        errors = (f"{100 * row['errors'][name]:.1f} %" for name in FILTERS)
        agreements = (f"{value:.3f}" for value in row["fsc_with_truth"]) if row["fsc_with_truth"] else ("",) * len(bands)
        lines.append("| " + " | ".join((row["set"], row["region"], row["run"].partition("_")[0], *errors, *agreements)) + " |")
    names = list(rows[0]["resolution_A"])
    lines += ["", "| set | refinement | " + " | ".join(f"{name}, Å" for name in names) + " | CPU s |", "|---|---" + "|---:" * (len(names) + 1) + "|"]
    for row in (row for row in rows if row["region"] == SOLVENT):
        ends = [f"{row['resolution_A'][name]:.2f}" for name in names]
        lines.append("| " + " | ".join((row["set"], row["run"].partition("_")[0], *ends, f"{row['cpu_s']:.0f}")) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    rows = []
    for folder in parser.parse_args().sets:
        for row in measure_set(folder.absolute()):
            rows.append(row)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    print(format_tables(rows))


if __name__ == "__main__":
    main()
