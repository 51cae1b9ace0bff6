"""The distance from a mask base as a small map: every dilation, and the outer edge of every soft padding, is one of its contours."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from triskelion.errors import InputError
from triskelion.masks.dilate import distance_outside

STEPS = 254
BEYOND = 255


@dataclass(frozen=True)
class DistanceMap:
    """Distances outside a base, cropped to what is within reach.

    Attributes
    ----------
    steps : ndarray, uint8, shape (nz, ny, nx)
        Distance in steps, 0 inside the base, 255 beyond reach.
    step_px : float
    origin_zyx : tuple of int
        First voxel of the crop in the whole box.
    """

    steps: np.ndarray
    step_px: float
    origin_zyx: tuple[int, int, int]


def map_distance(base: np.ndarray, reach_px: float) -> DistanceMap:
    """Return the distance map of a base, bool (n, n, n), as far as ``reach_px``.

    Raises
    ------
    InputError
        The base is empty.
    """
    found = ndimage.find_objects(base.view(np.int8))
    if not found:
        raise InputError("no voxel reaches the threshold: lower it")
    margin = int(np.ceil(reach_px)) + 1
    crop = tuple(slice(max(part.start - margin, 0), min(part.stop + margin, size)) for part, size in zip(found[0], base.shape))
    distance = distance_outside(np.ascontiguousarray(base[crop]), reach_px)
    step_px = reach_px / STEPS
    steps = np.where(np.isfinite(distance), np.rint(np.nan_to_num(distance, posinf=0) / np.float32(step_px)), BEYOND).astype(np.uint8)
    return DistanceMap(steps, step_px, (crop[0].start, crop[1].start, crop[2].start))
