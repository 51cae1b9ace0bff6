"""Reconstruction: back-projection of weighted images, density compensation, and back to a map."""

from collections.abc import Callable

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.slices import cube_to_map, hermitian_sum
from triskelion.imaging.forward import ImageSet, batches
from triskelion.imaging.noise import image_noise
from triskelion.kernels.interface import BackProjection, Kernels
from triskelion.maps.gridding import compensate_density
from triskelion.masks.automatic import spherical_mask

CORNER_EDGE_PX = 3.0
INSERTED_AT_ONCE = 1024  # images between two signs of progress; kernels like many


def reconstruct_halves(
    images: ImageSet, half_set: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, kernels: Kernels, advance: Callable[[int], None]
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Reconstruct both half-sets at given poses, each image weighted by C/sigma2, sigma2 that of the images.

    Returns
    -------
    half maps : tuple of ndarray, float32 (n, n, n)
    sigma2 : ndarray (groups, shells)
    precision : ndarray (p,)
        Mean of C²/sigma2 of each particle.
    """
    sigma2 = image_noise(images)
    weighted = images.weighted(images.coefficients, sigma2)
    maps = []
    for half in (HALF_A, HALF_B):
        sums = BackProjection.empty(int(images.disc.shell[-1]))
        for rows in batches(np.flatnonzero(half_set == half), INSERTED_AT_ONCE):
            kernels.insert(sums, rotations[rows], shifts_px[rows], weighted, rows, images.disc)
            advance(len(rows))
        maps.append(solve_map(sums, images.grid.box_px))
    return (maps[0], maps[1]), sigma2, weighted.weight.mean(1).numpy()


def solve_map(sums: BackProjection, box_px: int) -> np.ndarray:
    """Compensate the density of inserted values and transform back: map, float32 (n, n, n), unfiltered, its corners levelled."""
    values, factors = hermitian_sum(sums.values), compensate_density(hermitian_sum(sums.weights))
    return level_corners(cube_to_map(values.mul_(factors), box_px, sums.padding).numpy())


def level_corners(array: np.ndarray) -> np.ndarray:
    """Fade a map (n, n, n) outside the sphere that the box holds into its mean there, as RELION does.

    Every image shows the sphere whole but the corners only from some directions: they hold noise, half of that in the box.
    """
    radius_px = len(array) // 2
    inside = spherical_mask(len(array), 1.0, near=1.0, far=1 + CORNER_EDGE_PX / radius_px).array
    outside = 1 - inside
    level = float((array * outside).sum(dtype=np.float64) / outside.sum(dtype=np.float64))
    return array * inside + np.float32(level) * outside
