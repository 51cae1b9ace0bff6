"""Euclidean distances from a set of voxels, and its dilation by a radius."""

import numpy as np
from scipy import ndimage

from triskelion.errors import InputError


def distance_outside(base: np.ndarray, limit_px: float) -> np.ndarray:
    """Return the exact Euclidean distance of each voxel to the nearest voxel of ``base``.

    Only the box around the base that ``limit_px`` can reach is looked at.

    Parameters
    ----------
    base : ndarray of bool, shape (n, n, n)
        At least one voxel is set.
    limit_px : float

    Returns
    -------
    ndarray, float32, shape (n, n, n)
        0 inside the base; infinite wherever the distance exceeds ``limit_px``.
    """
    margin = int(np.ceil(limit_px)) + 1
    box = tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in ndimage.find_objects(base.astype(np.int8))[0])
    near = np.asarray(ndimage.distance_transform_edt(~base[box]))
    distance = np.full(base.shape, np.inf, dtype=np.float32)
    distance[box] = np.where(near <= limit_px, near, np.inf)
    return distance


def dilate(base: np.ndarray, radius_px: float) -> np.ndarray:
    """Return all voxels within ``radius_px`` (Euclidean) of a voxel of ``base``.

    Raises
    ------
    InputError
        If the radius is negative.
    """
    if not radius_px >= 0:
        raise InputError(f"the dilation is {radius_px:g} px, wanted 0 or more")
    if radius_px < 1:
        return base.copy()
    return np.isfinite(distance_outside(base, radius_px))
