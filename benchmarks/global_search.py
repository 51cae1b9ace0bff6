"""Global pose search alone: how many particles one pass finds, and what it costs, by the resolution of the grid.

    python benchmarks/global_search.py HINGE_SET ... [--lowpass 30] [--grid 30 25 20] [--every 6]

Hinge sets are folders of hinge_set.py. The reference is the true map of the whole particle, low-passed, in noise that is the power of the images;
its grey scale is found without poses. Poses are those of the body. Beside each pass stands alignment that starts at the truth: what the map allows.
Operations are those of the matrix products. Prints JSON and a table.
"""

import argparse
import json
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from hinge_truth import HingeSet

from triskelion.conventions import resolution_to_shell
from triskelion.devices import set_threads
from triskelion.fourier.filters import lowpass
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.geometry.symmetry import parse_symmetry
from triskelion.io.mrc import read_volume
from triskelion.kernels import cpu
from triskelion.kernels.interface import FourierVolume
from triskelion.refine.alignment import Posterior, Stage, align
from triskelion.refine.global_search import GlobalGrid, find_poses_globally, flat_prior, measure_diameter_px
from triskelion.refine.grey_scale import search_grey_scale
from triskelion.refine.search import SearchExtent

SHIFT_EXTENT_A = 40.0
LIMIT_SHARE = 2 / 3  # of the low-pass, to which poses are aligned: it leaves something beyond it
FRACTION = 0.1  # of the maximum, of what counts as particle
SAMPLE = 200  # images for the grey scale


@dataclass(frozen=True)
class Trial:
    """A sample of a hinge set, ready to be searched."""

    posterior: Posterior
    rotations: np.ndarray
    shifts_px: np.ndarray
    diameter_px: float
    box_px: int

    @property
    def rows(self) -> np.ndarray:
        """Of the sample."""
        return np.arange(len(self.rotations))

    def disc(self, resolution_A: float) -> FourierDisc:
        """Coefficients up to a resolution."""
        return fourier_disc(self.box_px, int(resolution_to_shell(resolution_A, self.box_px, self.posterior.pixel_size_A)))

    def grid(self, resolution_A: float) -> GlobalGrid:
        """Grid of a resolution."""
        shift_extent_px = SHIFT_EXTENT_A / self.posterior.pixel_size_A
        return GlobalGrid.of_disc(self.disc(resolution_A), self.diameter_px, shift_extent_px, parse_symmetry("C1"))


def prepare_trial(folder: Path, lowpass_A: float, every: int) -> Trial:
    """Read every so-many-th image of a set; its reference still has the grey scale of the map."""
    hinge_set = HingeSet.read(folder)
    images, pixel_size_A = hinge_set.images, hinge_set.images.grid.pixel_size_A
    sample = np.arange(0, len(images), every)
    power = (images.coefficients.abs() ** 2).mean(0, dtype=torch.float64).numpy()
    sigma2 = np.bincount(images.disc.shell, power) / np.maximum(np.bincount(images.disc.shell), 1) / 2
    sigma2[0] = sigma2[1]  # no coefficient lies there
    part = images.take(sample)
    weighted = part.weighted(part.coefficients, sigma2[None])
    true_map = read_volume(folder / "map_all.mrc").array
    volume = prepare_slices(lowpass(torch.from_numpy(true_map), pixel_size_A, lowpass_A), int(images.disc.shell[-1]))
    diameter_px = measure_diameter_px((true_map > FRACTION * true_map.max()).astype(np.float32))
    rotations, shifts_px = (values[sample] for values in hinge_set.true_poses("body"))
    extent = SearchExtent(180.0, SHIFT_EXTENT_A / pixel_size_A)
    posterior = Posterior(cpu, volume, weighted, flat_prior(len(sample)), extent, pixel_size_A)
    return Trial(posterior, rotations, shifts_px, diameter_px, images.grid.box_px)


def fit_scale(trial: Trial, resolution_A: float) -> tuple[Trial, float]:
    """Put the reference on the grey scale that some images and no poses give it; return the factor too."""
    images, posterior = trial.posterior.images, trial.posterior
    few = replace(images, b=images.b[:SAMPLE], weight=images.weight[:SAMPLE], scale=images.scale[:SAMPLE])
    factor = search_grey_scale(replace(posterior, images=few), trial.grid(resolution_A))
    volume = FourierVolume(posterior.volume.cube * factor, posterior.volume.padding)
    return replace(trial, posterior=replace(posterior, volume=volume)), factor


def shares_within(rotations: np.ndarray, truth: np.ndarray, name: str) -> dict[str, float]:
    """Share of the poses (%) within 5, 10 and 20 degrees of the truth, and the median."""
    error_deg = rotation_difference_deg(rotations, truth)
    shares = {f"{name}_within_{limit}_deg": round(float((error_deg < limit).mean()) * 100, 1) for limit in (5, 10, 20)}
    return {**shares, f"{name}_median_deg": round(float(np.median(error_deg)), 2)}


def search(trial: Trial, resolution_A: float, stages: list[Stage]) -> dict[str, float]:
    """Figures of one pass on the grid of a resolution."""
    grid = trial.grid(resolution_A)
    n_rotations, n_moves, m = 2 * len(grid.rotations), len(grid.moves_px), len(grid.disc)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    found = find_poses_globally(trial.posterior, trial.rows, grid, stages)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    return {
        "step_deg": round(grid.step_deg, 1), "rotations": n_rotations, "moves": n_moves, "coefficients": m,
        "mega_operations": round(2e-6 * n_rotations * n_moves * m), "cpu_ms": round(cpu_s / len(trial.rows) * 1e3, 1),
        "wall_ms": round(wall_s / len(trial.rows) * 1e3, 1), **shares_within(found.rotations, trial.rotations, "found"),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="HINGE_SET")
    parser.add_argument("--lowpass", type=float, default=30.0, help="Å")
    parser.add_argument("--grid", type=float, nargs="+", default=[30.0, 25.0, 20.0], help="resolutions of the grid, Å")
    parser.add_argument("--every", type=int, default=6, help="image that is taken")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    set_threads(options.threads)
    results = []
    for folder in options.folders:
        trial, factor = fit_scale(prepare_trial(folder, options.lowpass, options.every), options.grid[0])
        stages = [Stage(trial.disc(LIMIT_SHARE * options.lowpass), 8, 0.02, 1)]
        from_truth = align(trial.posterior, trial.rows, trial.rotations, trial.shifts_px, stages)
        bound = shares_within(from_truth.rotations, trial.rotations, "from_truth")
        for resolution_A in options.grid:
            results.append({"set": folder.name, "grid_A": resolution_A, **search(trial, resolution_A, stages), **bound, "grey_scale": factor})
    print(json.dumps({"peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000, "results": results}, indent=1))
    columns = list(results[0])
    print(" | ".join(columns))
    for row in results:
        print(" | ".join(f"{row[column]:.4g}" if isinstance(row[column], float) else str(row[column]) for column in columns))


if __name__ == "__main__":
    main()
