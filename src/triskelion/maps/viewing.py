"""A map as a viewer gets it: binned where it is large, two bytes a voxel, with what is needed to choose a contour level.

Binning averages blocks of 2 or 4 voxels an edge, so voxel i of the binned map has its centre at b*i + (b - 1)/2 of the full one. Blocks at the far
edges that are not whole are filled with 0.
"""

from dataclasses import dataclass

import numpy as np

from triskelion.masks.density_level import choose_level, measure_solvent

LEVELS = 65535
HISTOGRAM_BINS = 256
HALF = 0.5  # of a mask is inside


@dataclass(frozen=True)
class ViewedMap:
    """A map of two bytes a voxel.

    Attributes
    ----------
    voxels : ndarray, uint16, shape (nz, ny, nx)
        density = low + (high - low) * voxel / 65535
    low, high : float
        Lowest and highest density of the binned map.
    histogram : ndarray, int64, shape (256,)
        Voxels of the binned map in equal intervals from low to high.
    mean, sd : float
        Of the binned map.
    """

    voxels: np.ndarray
    low: float
    high: float
    histogram: np.ndarray
    mean: float
    sd: float


def bin_density(array: np.ndarray, factor: int) -> np.ndarray:
    """Return the averages over blocks of ``factor`` voxels an edge, float32; 1 leaves the array as it is."""
    if factor == 1:
        return array
    shape = [-(-n // factor) for n in array.shape]
    padded = array
    if any(n % factor for n in array.shape):
        padded = np.zeros([n * factor for n in shape], dtype=np.float32)
        padded[tuple(slice(n) for n in array.shape)] = array
    sums = np.zeros(shape, dtype=np.float32)
    for z in range(factor):
        for y in range(factor):
            for x in range(factor):
                sums += padded[z::factor, y::factor, x::factor]
    return sums / np.float32(factor**3)


def quantize_map(array: np.ndarray) -> ViewedMap:
    """Return a density, float32 (nz, ny, nx), with two bytes a voxel, and its histogram."""
    low, high = float(array.min()), float(array.max())
    scale = np.float32(LEVELS / (high - low)) if high > low else np.float32(0)
    voxels = np.empty(array.shape, dtype=np.uint16)
    for plane, result in zip(array, voxels):  # plane by plane: no second copy of the whole map
        np.rint((plane - np.float32(low)) * scale, out=result, casting="unsafe")
    histogram = np.bincount(voxels.ravel() >> 8, minlength=HISTOGRAM_BINS)
    mean = float(array.mean(dtype=np.float64))
    sd = float(np.sqrt(max(float(np.vdot(array, array)) / array.size - mean**2, 0.0)))
    return ViewedMap(voxels, low, high, histogram, mean, sd)


def suggest_level(array: np.ndarray, *, is_mask: bool, is_base: bool) -> float:
    """Return the level at which a map shows what it is: a mask its middle, a mask base all it holds, another map what stands above the noise."""
    if is_mask:
        return HALF
    positive = array[array > 0] if is_base else array
    if is_base and len(positive):
        return HALF * float(positive.min())
    return choose_level(array, measure_solvent(array))
