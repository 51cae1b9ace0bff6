"""What a particle subtraction takes out of the images and of the half maps: the same, so that the two still belong together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.noise import NoiseSums
from triskelion.imaging.scale import Contrast
from triskelion.imaging.stream import ImageStream, spread_rows
from triskelion.imaging.subtraction import PixelSubtraction, subtract_projections
from triskelion.maps.edit import lowpass_map
from triskelion.refine.consensus import measure_consensus, rows_of_halves
from triskelion.refine.contrast import estimate_particle_contrast
from triskelion.refine.state import Inputs, Means

STAGE = "subtraction"
LEAST_SHARE = 1e-3  # of the particle's power: less is nothing
SAMPLE = 500  # images that the power before and after is measured on


@dataclass(frozen=True)
class Removal:
    """What is taken out.

    Attributes
    ----------
    mask : ndarray (n, n, n)
        Of what is taken out.
    images : ImageStream
        With the contrast that was found.
    removed, kept : tuple of ndarray (n, n, n)
        What is taken out of the images of half a and half b, and what stays of their half maps, on the grey scale of the images.
    contrast : Contrast or None
        None where it was not estimated.
    sigma2 : ndarray (groups, shells)
        Noise about the consensus.
    """

    mask: np.ndarray
    images: ImageStream
    removed: tuple[np.ndarray, np.ndarray]
    kept: tuple[np.ndarray, np.ndarray]
    contrast: Contrast | None
    sigma2: np.ndarray


def plan_removal(
    inputs: Inputs,
    means: Means,
    mask: np.ndarray,
    lowpass_A: float | None = None,
    with_contrast: bool = True,
    advance: Callable[[int], None] = lambda steps: None,
) -> Removal:
    """Settle what is taken out: the particle inside ``mask`` (n, n, n), own half map, Wiener filtered, on the grey scale of the images.

    ``advance`` is told of how many images the contrast is known.
    """
    start, pixel_size_A = inputs.start, inputs.images.grid.pixel_size_A
    consensus = measure_consensus(inputs, means, STAGE)
    contrast = estimate_particle_contrast(inputs, consensus, means, STAGE, advance) if with_contrast else None
    removed_a, removed_b = (filtered * start.particle_mask * mask for filtered in consensus.filtered)
    if lowpass_A is not None:
        removed_a, removed_b = (lowpass_map(Volume(array, pixel_size_A), lowpass_A).array for array in (removed_a, removed_b))
    kept_a, kept_b = (half - removed for half, removed in zip(consensus.half_maps, (removed_a, removed_b), strict=True))
    images = inputs.images if contrast is None else inputs.images.with_contrast(contrast.values)
    return Removal(mask, images, (removed_a, removed_b), (kept_a, kept_b), contrast, consensus.sigma2)


def share_of_power(particle: np.ndarray, mask: np.ndarray) -> float:
    """Share of the power of a map (n, n, n) that is left when it is multiplied by a mask."""
    return float(np.square(particle * mask, dtype=np.float64).sum() / np.square(particle, dtype=np.float64).sum())


def require_both_parts(particle: np.ndarray, removed_mask: np.ndarray) -> None:
    """Raise InputError unless the mask of what is removed holds some of the particle (n, n, n), and leaves some."""
    if share_of_power(particle, removed_mask) < LEAST_SHARE:
        raise InputError("there is nothing of the particle to subtract: the kept mask covers all of it; make it smaller, or check mask_of")
    if share_of_power(particle, 1 - removed_mask) < LEAST_SHARE:
        raise InputError("nothing of the particle would be left in the images: the mask removes all of it; make it smaller, or check mask_of")


def make_subtraction(inputs: Inputs, removal: Removal, means: Means) -> PixelSubtraction:
    """Make ready to project what is taken out, at the consensus poses, into the pixels of the files."""
    start, last_shell = inputs.start, int(inputs.images.disc.shell[-1])
    volume_a, volume_b = (prepare_slices(removed, last_shell) for removed in removal.removed)
    return PixelSubtraction(removal.images, (volume_a, volume_b), start.consensus_rotations, start.consensus_shifts_px, means.kernels.slice)


def power_before_after(inputs: Inputs, subtraction: PixelSubtraction) -> tuple[np.ndarray, np.ndarray]:
    """Power per real component of a sample of images before and after, both (groups, shells)."""
    images, start = subtraction.images, inputs.start
    before, after = (NoiseSums(len(images.particles.optics), images.disc) for _ in range(2))
    for half, volume in zip(rows_of_halves(start.half_set), subtraction.volumes, strict=True):
        for rows, block in images.blocks(spread_rows(half, start.uid, SAMPLE // 2)):
            poses = subtraction.rotations[rows], subtraction.shifts_px[rows]
            before.add(block, block.coefficients)
            after.add(block, subtract_projections(block, volume, *poses, subtraction.slice_volume))
    return before.variance(), after.variance()
