"""How much memory a refinement takes, and how images are packed so that it fits."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import resolution_to_shell
from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.symmetry import PointGroup
from triskelion.refine.back_projection import KEPT_BYTES
from triskelion.refine.coarse_grid import choose_coarse_box_px
from triskelion.refine.consensus import choose_window, window_disc
from triskelion.refine.global_search import GlobalGrid, measure_diameter_px
from triskelion.refine.homogeneous import GRID_A
from triskelion.refine.rest import narrow_settings
from triskelion.refine.state import Inputs

PROGRAM_BYTES = 700e6  # libraries and what they compile
BLOCK_BYTES = 400e6  # images under way
SEARCH_BYTES = 400e6  # scores, and poses under way, of a global search
PROJECTION_BYTES = 12  # per coefficient of a projection that a global search compares with
# bytes per voxel of a box, with cubes padded twofold
MAPS, SLICES, SUMS, FILTERS = 40, 100, 270, 200
SUM = 96  # of one back-projection


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a refinement needs.

    Attributes
    ----------
    working_bytes : float
        Maps, their transforms and sums: whatever the number of particles.
    packed_values : float
        Numbers that are kept of the images, of all particles: the larger of the domain's and of the rest's.
    window_px : int
        Of the domain.
    """

    working_bytes: float
    packed_values: float
    window_px: int

    def total_bytes(self, dtype: type[np.floating]) -> float:
        """Peak with packed images in memory as ``dtype``."""
        return self.working_bytes + self.packed_values * np.dtype(dtype).itemsize


def estimate_memory(inputs: Inputs, refines_rest: bool = False, searched: PointGroup | None = None) -> MemoryEstimate:
    """Estimate what a refinement of ``inputs`` needs, from the numbers of coefficients and voxels.

    Parameters
    ----------
    inputs : Inputs
    refines_rest : bool
        Whether the rest of the particle is refined first.
    searched : PointGroup, optional
        Poses are searched globally, under this symmetry.
    """
    stream = inputs.images
    window_px = choose_window(inputs)
    lengths = [len(window_disc(stream.disc, window_px, int(stream.disc.shell[-1])))]
    whole, window = float(stream.grid.box_px) ** 3, float(window_px) ** 3
    iteration = _sums_bytes(window, inputs.settings.n_folds) + (SUMS + FILTERS) * window
    if refines_rest:
        narrow, pixel_size_A = narrow_settings(inputs.settings, stream.grid.pixel_size_A), stream.grid.pixel_size_A
        finest_A = narrow.finest_kept_A or 2 * pixel_size_A
        last_shell = int(resolution_to_shell(finest_A, stream.grid.box_px, pixel_size_A))
        lengths.append(len(fourier_disc(stream.grid.box_px, last_shell)))
        # its sums end where its images do, its references are filtered in the whole box of its grid
        reached, coarse = float(2 * last_shell) ** 3, float(choose_coarse_box_px(stream.grid, finest_A)) ** 3
        iteration = max(iteration, _sums_bytes(reached, narrow.n_folds) + SUMS * reached + FILTERS * coarse)
    search = 0.0 if searched is None else _search_bytes(inputs, searched)
    working = PROGRAM_BYTES + BLOCK_BYTES + search + MAPS * whole + max(SLICES * whole, SUMS * whole, iteration)
    return MemoryEstimate(working, 3.0 * len(stream) * max(lengths), window_px)


def _sums_bytes(voxels: float, n_folds: int) -> float:
    """Sums of both half-sets over a box of so many voxels: the totals, and of each fold where these are kept (``HalfSums``)."""
    one = SUM * voxels
    kept = 2 * (n_folds + 1) * one
    return kept if kept <= KEPT_BYTES else 4 * one  # else each half has one to make a fold's again


def _search_bytes(inputs: Inputs, group: PointGroup) -> float:
    """What a global search on its finest grid takes beside."""
    box_px, pixel_size_A = inputs.images.grid.box_px, inputs.images.grid.pixel_size_A
    disc = fourier_disc(box_px, min(int(resolution_to_shell(min(GRID_A), box_px, pixel_size_A)), int(inputs.images.disc.shell[-1])))
    diameter_px = measure_diameter_px(inputs.start.particle_mask)
    grid = GlobalGrid.of_disc(disc, diameter_px, inputs.settings.shift_extent_A / pixel_size_A, group)
    return SEARCH_BYTES + PROJECTION_BYTES * float(len(grid.rotations)) * len(disc)
