"""Reconstruction: back-projection of weighted images, density compensation, and back to a map."""

from collections.abc import Callable

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.slices import cube_to_map, hermitian_sum
from triskelion.imaging.noise import SAMPLE, image_noise
from triskelion.imaging.stream import ImageStream, spread_rows
from triskelion.kernels.interface import BackProjection, Kernels
from triskelion.maps.gridding import compensate_density
from triskelion.masks.automatic import spherical_mask

CORNER_EDGE_PX = 3.0


def reconstruct_halves(
    stream: ImageStream, half_set: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, kernels: Kernels, advance: Callable[[int], None]
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Reconstruct both half-sets at given poses, each image weighted by C/sigma2, sigma2 that of the images.

    Returns
    -------
    half maps : tuple of ndarray, float32 (n, n, n)
    sigma2 : ndarray (groups, shells)
    precision : ndarray (p,)
        Mean of C²/sigma2 of each particle.
    """
    uid = stream.particles["uid"]
    sigma2 = image_noise(stream, spread_rows(np.arange(len(stream)), uid, SAMPLE))
    maps, precision = [], np.zeros(len(stream))
    for half in (HALF_A, HALF_B):
        sums = BackProjection.empty(int(stream.disc.shell[-1]))
        for rows, images in stream.blocks(np.flatnonzero(half_set == half), advance):
            weighted = images.weighted(images.coefficients, sigma2)
            precision[rows] = weighted.weight.mean(1).numpy()
            kernels.insert(sums, rotations[rows], shifts_px[rows], weighted, np.arange(len(rows)), stream.disc)
        maps.append(solve_map(sums, stream.grid.box_px))
    return (maps[0], maps[1]), sigma2, precision


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
