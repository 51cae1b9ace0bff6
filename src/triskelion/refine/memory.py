"""How much memory a refinement takes, and how images are packed so that it fits."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import resolution_to_shell
from triskelion.fourier.shells import fourier_disc
from triskelion.refine.back_projection import KEPT_BYTES
from triskelion.refine.consensus import choose_window, window_disc
from triskelion.refine.rest import narrow_settings
from triskelion.refine.state import Inputs

PROGRAM_BYTES = 700e6  # libraries and what they compile
BLOCK_BYTES = 400e6  # images under way
# bytes per voxel of a box, with cubes padded twofold
MAPS, SLICES, SUMS = 40, 100, 240


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


def estimate_memory(inputs: Inputs, refines_rest: bool) -> MemoryEstimate:
    """Estimate what a refinement of ``inputs`` needs, from the numbers of coefficients and voxels."""
    stream = inputs.images
    window_px = choose_window(inputs)
    lengths = [len(window_disc(stream.disc, window_px, int(stream.disc.shell[-1])))]
    if refines_rest:
        finest_A = narrow_settings(inputs.settings, stream.grid.pixel_size_A).finest_kept_A or 2 * stream.grid.pixel_size_A
        lengths.append(len(fourier_disc(stream.grid.box_px, int(resolution_to_shell(finest_A, stream.grid.box_px, stream.grid.pixel_size_A)))))
    whole, window = float(stream.grid.box_px) ** 3, float(window_px) ** 3
    iteration = min(KEPT_BYTES, (inputs.settings.n_folds + 1) * 96 * window) + SUMS * window
    working = PROGRAM_BYTES + BLOCK_BYTES + MAPS * whole + max(SLICES * whole, SUMS * whole, iteration)
    return MemoryEstimate(working, 3.0 * len(stream) * max(lengths), window_px)
