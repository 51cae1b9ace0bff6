"""Watershed regions of a map, as Segger finds them: every voxel climbs its steepest way up, and voxels that reach the same maximum are a region."""

import numpy as np
from scipy import ndimage

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import InputError

BLOCK_VOXELS = 1 << 15  # worked on at a time, so that they stay in the cache


def find_watershed_regions(volume: Volume, level: float) -> Segmentation:
    """Return the regions of all voxels at or above ``level``, the largest first, without groups.

    A voxel belongs to the maximum that the steepest ascent over its 26 neighbours leads to (Pintilie et al. 2010,
    doi:10.1016/j.jsb.2010.03.007). Of equal neighbours the last in memory counts as the higher one, so that plateaus have an end.

    Raises
    ------
    InputError
        No voxel, or every voxel, reaches the level.
    """
    density = volume.array
    inside = density >= level
    if inside.all() or not inside.any():
        taken, low, high = "all" if inside.all() else "nothing", float(density.min()), float(density.max())
        raise InputError(f"the level {level:.4g} takes in {taken} of the map, whose densities run from {low:.4g} to {high:.4g}")
    box = ndimage.find_objects(inside.view(np.int8))[0]
    padded = _pad(density[box])
    voxels = np.flatnonzero(np.pad(inside[box], 1))
    rank = np.empty(padded.size, dtype=np.int32)
    rank[voxels] = np.arange(len(voxels), dtype=np.int32)
    above = rank[_step_up(padded, voxels)]
    while not np.array_equal(above, further := above[above]):  # each round doubles how far uphill a voxel sees
        above = further
    labels = np.zeros(density.shape, dtype=np.int32)
    labels[inside] = _number_by_size(above)  # cropping and padding keep the order in memory
    n_entries = int(labels.max()) + 1
    return Segmentation(labels, np.zeros(n_entries), np.zeros(n_entries), volume.pixel_size_A, level)


def climb_to_maxima(density: np.ndarray, points_zyx: np.ndarray) -> np.ndarray:
    """Return the maxima (m, 3) that the steepest ascent over 26 neighbours leads to from each of the voxels ``points_zyx`` (m, 3)."""
    padded = _pad(density)
    places = np.asarray(np.ravel_multi_index(tuple(points_zyx.T + 1), padded.shape))
    while not np.array_equal(places, higher := _step_up(padded, places)):
        places = higher
    return np.stack(np.unravel_index(places, padded.shape), axis=1) - 1


def neighbor_offsets(shape: tuple[int, ...]) -> np.ndarray:
    """Return how far in memory the 26 neighbours of a voxel, and itself, lie from it in an array of this shape, ascending, int64 (27,)."""
    steps = np.mgrid[-1:2, -1:2, -1:2].reshape(3, -1)
    return np.array([shape[1] * shape[2], shape[2], 1]) @ steps


def _pad(density: np.ndarray) -> np.ndarray:
    """Surround a map with voxels that nothing climbs to."""
    return np.pad(density, 1, constant_values=-np.inf)


def _step_up(padded: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Return the highest of each voxel (flat index) and its 26 neighbours, the last in memory where several are."""
    densities = padded.ravel()
    offsets = neighbor_offsets(padded.shape)
    highest = np.empty_like(voxels)
    for start in range(0, len(voxels), BLOCK_VOXELS):
        block = voxels[start : start + BLOCK_VOXELS]
        best, place = np.full(len(block), -np.inf, dtype=densities.dtype), block.copy()
        for offset in offsets:  # ascending, and a later one wins a tie
            neighbors = block + offset
            found = densities[neighbors]
            better = found >= best
            np.copyto(best, found, where=better)
            np.copyto(place, neighbors, where=better)
        highest[start : start + BLOCK_VOXELS] = place
    return highest


def _number_by_size(region: np.ndarray) -> np.ndarray:
    """Turn labels of voxels, 0 or more, into 1, 2, 3 ..., the largest region first."""
    sizes = np.bincount(region)
    found = np.flatnonzero(sizes)
    number = np.zeros(len(sizes), dtype=np.int32)
    number[found[np.argsort(-sizes[found], kind="stable")]] = np.arange(1, len(found) + 1)
    return number[region]
