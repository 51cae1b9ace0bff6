"""A symmetric map, or symmetric sums of a back-projection, under a point group G, in two steps of which one is exact.

The elements that take voxels to voxels are a subgroup H, and each element of G is g = c h with h of H and c one of a few coset rotations
(``PointGroup``). For c something has to be interpolated: an image is inserted at the poses R c, a map is turned by c. For h voxels only change
places, which costs nothing and is exact. C4, D2 and O are all H; of I, 5 poses stand for 60; C3 and T have no H.
"""

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import affine_transform
from torch import Tensor

from triskelion.conventions import box_center_px
from triskelion.data.volume import Volume
from triskelion.fourier.filters import apply_gain
from triskelion.fourier.resample import rescale_volumes
from triskelion.geometry.symmetry import PointGroup
from triskelion.maps.corners import level_corners

SPLINE_ORDER = 3
OVERSAMPLING = 2  # of the map that splines run through: its transform then ends at half of what they can follow


def rotate_on_grid(array: Tensor, rotation: np.ndarray) -> Tensor:
    """Return the array (n, n, n) whose value at x is that of the given one at h x, for a rotation h (3, 3) of entries 0 and ±1.

    x counts from voxel n // 2. In an even box plane 0 has no partner beyond the centre and stays.
    """
    signed = rotation[::-1, ::-1]  # axes z, y, x
    axes = np.abs(signed).argmax(axis=0)  # of the given array, for each axis of the new one
    flipped = [axis for axis in range(3) if signed[axis].sum() < 0]
    turned = array.flip(flipped)
    if array.shape[0] % 2 == 0 and flipped:
        turned = turned.roll([1] * len(flipped), flipped)
    return turned.permute(*axes.tolist())


def symmetrize_cube(cube: Tensor, group: PointGroup) -> Tensor:
    """Add up what the rotations of H make of a Fourier cube of both halves (``hermitian_sum``): its half, shape (2 e + 1, 2 e + 1, e + 1)."""
    if len(group.grid_rotations) == 1:
        return cube
    e = cube.shape[2] - 1
    mirrored = cube[:, :, 1:].flip(0, 1, 2)
    whole = torch.cat([mirrored.conj() if cube.is_complex() else mirrored, cube], dim=2)
    total = torch.zeros_like(cube)
    for rotation in group.grid_rotations:
        total += rotate_on_grid(whole, rotation)[:, :, e:]
    return total


def symmetrize_map(volume: Volume, group: PointGroup) -> Volume:
    """Return the mean over the group of the map turned by each of its elements.

    Exact to rounding for H. Where there are coset rotations, cubic splines through the map on half the pixel interpolate, and the corners of
    the box, which leave it when they are turned, are levelled. What asymmetry is then left (C3, I; rms): 1e-4 of a map low-passed to 0.4 of
    Nyquist, 1e-2 of one that reaches Nyquist, 5e-2 of white noise.
    """
    array = torch.from_numpy(volume.array)
    if len(group.coset_rotations) > 1:
        array = torch.from_numpy(level_corners(_mean_over_cosets(array, group)))
    mean = torch.zeros_like(array)
    for rotation in group.grid_rotations:
        mean += rotate_on_grid(array, rotation) / len(group.grid_rotations)
    return replace(volume, array=mean.numpy())


def _mean_over_cosets(array: Tensor, group: PointGroup) -> np.ndarray:
    inside = apply_gain(array, 1.0, lambda frequency: frequency < 0.5)  # beyond Nyquist only corners are left of shells, which no turn can fill
    fine = rescale_volumes(inside, OVERSAMPLING * len(array)).numpy()
    total = inside.numpy().astype(np.float64)  # the first element is the identity
    for rotation in group.coset_rotations[1:]:
        matrix = OVERSAMPLING * rotation[::-1, ::-1]
        offset = box_center_px(len(fine)) - matrix @ np.full(3, box_center_px(len(array)))
        total += affine_transform(fine, matrix, offset, array.shape, order=SPLINE_ORDER, mode="grid-wrap")
    return (total / len(group.coset_rotations)).astype(np.float32)
