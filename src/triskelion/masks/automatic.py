"""Masks made from the map itself, for FSC curves and wherever no mask is given."""

import numpy as np
import torch

from triskelion.conventions import box_center_px
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import lowpass
from triskelion.masks.dilate import distance_outside
from triskelion.masks.soft_edge import cosine_edge

SMOOTHING_A = 20.0
SMOOTHING_PX = 4.0  # where pixels are so large that 20 Å smooths nothing


def smooth_base(volume: Volume, fraction: float) -> np.ndarray:
    """Return the voxels above ``fraction`` of the maximum of the map low-passed to 20 Å (or 4 px), bool (n, n, n).

    Raises
    ------
    InputError
        If the map holds no positive density.
    """
    resolution_A = max(SMOOTHING_A, SMOOTHING_PX * volume.pixel_size_A)
    smooth = lowpass(torch.from_numpy(volume.array), volume.pixel_size_A, resolution_A).numpy()
    if not smooth.max() > 0:
        raise InputError(f"the map low-passed to {resolution_A:g} Å has no positive density: is its contrast inverted, or is it empty?")
    return smooth >= fraction * smooth.max()


def near_far_masks(base: np.ndarray, pixel_size_A: float, *near_far_A: tuple[float, float]) -> list[Mask]:
    """Return masks that are 1 up to near Å from ``base`` and fall as a cosine to 0 at far Å, one for each pair (near, far)."""
    distance_A = distance_outside(base, max(far for _, far in near_far_A) / pixel_size_A) * np.float32(pixel_size_A)
    return [Mask(cosine_edge(distance_A, near, far), pixel_size_A) for near, far in near_far_A]


def spherical_mask(box_px: int, pixel_size_A: float, near: float = 0.85, far: float = 0.99) -> Mask:
    """Return a soft sphere about the box centre: 1 up to ``near`` and 0 from ``far`` of half the box on."""
    squared = (np.arange(box_px, dtype=np.float32) - box_center_px(box_px)) ** 2
    radius = np.sqrt(squared[:, None, None] + squared[:, None] + squared)
    half_px = box_center_px(box_px)
    return Mask(cosine_edge(radius, near * half_px, far * half_px), pixel_size_A)


PARTICLE_FRACTION = 0.15
PARTICLE_NEAR_FAR_A = (10.0, 30.0)
PARTICLE_FAR_PX = 4.0  # the edge is never sharper than this


def particle_mask(average: Volume) -> Mask:
    """Return a loose soft mask of the whole particle: above 15 % of the maximum, 1 up to 10 Å, 0 from 30 Å (or 4 px further) on."""
    near, far = PARTICLE_NEAR_FAR_A
    far = max(far, near + PARTICLE_FAR_PX * average.pixel_size_A)
    return near_far_masks(smooth_base(average, PARTICLE_FRACTION), average.pixel_size_A, (near, far))[0]
