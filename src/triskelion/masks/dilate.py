"""Euclidean distances from a set of voxels, and its dilation by a radius."""

import numba
import numpy as np
from scipy import ndimage

from triskelion.errors import InputError

NEAR_PX = 64  # up to here the work of looking so far along each axis is less than that of a transform without a limit


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
    box = tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in ndimage.find_objects(base.view(np.int8))[0])
    inside = np.ascontiguousarray(base[box])
    if limit_px <= NEAR_PX:
        near = np.sqrt(_square_distances(inside, int(limit_px), int(limit_px**2) + 1), dtype=np.float32)
    else:
        near = np.asarray(ndimage.distance_transform_edt(~inside))
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


def _square_distances(base: np.ndarray, reach: int, far: int) -> np.ndarray:
    """Squared distance of each voxel to the nearest of ``base``, int32; ``far`` or more where that is further than ``reach`` along an axis.

    The square is a sum over the axes, so its minimum is taken along x, then y, then z.
    """
    along_x = _square_along_x(base, reach, far)
    in_plane = _spread_along_y(along_x, np.asarray(base.any(axis=2)), reach, far)
    return _spread_along_z(in_plane, np.asarray((in_plane < far).any(axis=2)), reach, far)


@numba.njit(parallel=True, cache=True)
def _square_along_x(base: np.ndarray, reach: int, far: int) -> np.ndarray:
    n_z, n_y, n_x = base.shape
    squared = np.empty(base.shape, np.int32)
    for z in numba.prange(n_z):
        for y in range(n_y):
            row, steps = squared[z, y], reach + 1
            for x in range(n_x):
                steps = 0 if base[z, y, x] else min(steps + 1, reach + 1)
                row[x] = steps
            for x in range(n_x - 1, -1, -1):
                steps = min(steps + 1, row[x])
                row[x] = steps
            for x in range(n_x):
                row[x] = row[x] * row[x] if row[x] <= reach else far
    return squared


@numba.njit(parallel=True, cache=True)
def _spread_along_y(along_x: np.ndarray, occupied: np.ndarray, reach: int, far: int) -> np.ndarray:
    n_z, n_y, _ = along_x.shape
    squared = np.full(along_x.shape, far, np.int32)
    for z in numba.prange(n_z):
        for y in range(n_y):
            for other in range(max(y - reach, 0), min(y + reach + 1, n_y)):
                if occupied[z, other]:
                    _take_smaller(squared[z, y], along_x[z, other], (other - y) ** 2)
    return squared


@numba.njit(parallel=True, cache=True)
def _spread_along_z(in_plane: np.ndarray, reached: np.ndarray, reach: int, far: int) -> np.ndarray:
    n_z, n_y, _ = in_plane.shape
    squared = np.full(in_plane.shape, far, np.int32)
    for z in numba.prange(n_z):
        for y in range(n_y):
            for other in range(max(z - reach, 0), min(z + reach + 1, n_z)):
                if reached[other, y]:
                    _take_smaller(squared[z, y], in_plane[other, y], (other - z) ** 2)
    return squared


@numba.njit(inline="always")
def _take_smaller(row: np.ndarray, other: np.ndarray, added: int) -> None:
    for x in range(len(row)):
        row[x] = min(row[x], other[x] + np.int32(added))
