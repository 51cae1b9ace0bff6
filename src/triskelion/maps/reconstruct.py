"""Reconstruction: back-projection of weighted images, density compensation, and back to a map."""

from collections.abc import Callable

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.slices import cube_to_map, hermitian_sum
from triskelion.imaging.forward import ImageSet, batches, phase_of_shift
from triskelion.imaging.noise import image_noise
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages
from triskelion.maps.gridding import compensate_density
from triskelion.masks.automatic import spherical_mask

CORNER_EDGE_PX = 3.0


def back_project(
    sums: BackProjection, images: WeightedImages, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, disc: FourierDisc, kernels: Kernels
) -> None:
    """Insert the images ``rows`` at their poses (r, 3, 3), (r, 2); shifts are those of the particle in the image (px)."""
    for part in batches(np.arange(len(rows))):
        chosen = rows[part]
        centered = images.b[chosen, : len(disc)] * phase_of_shift(disc, -shifts_px[part], images.scale[chosen])
        shifted = WeightedImages(centered, images.weight[chosen, : len(disc)], images.scale[chosen])
        kernels.insert(sums, rotations[part], shifted, np.arange(len(part)), disc)


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
        for rows in batches(np.flatnonzero(half_set == half)):
            back_project(sums, weighted, rows, rotations[rows], shifts_px[rows], images.disc, kernels)
            advance(len(rows))
        maps.append(solve_map(sums, images.grid.box_px))
    return (maps[0], maps[1]), sigma2, weighted.weight.mean(1).numpy()


def solve_map(sums: BackProjection, box_px: int) -> np.ndarray:
    """Compensate the density of inserted values and transform back: map, float32 (n, n, n), unfiltered, its corners levelled."""
    values, weights = hermitian_sum(sums.values), hermitian_sum(sums.weights)
    return level_corners(cube_to_map(values * compensate_density(weights), box_px, sums.padding).numpy())


def level_corners(array: np.ndarray) -> np.ndarray:
    """Fade a map (n, n, n) outside the sphere that the box holds into its mean there, as RELION does.

    Every image shows the sphere whole but the corners only from some directions: they hold noise, half of that in the box.
    """
    radius_px = len(array) // 2
    inside = spherical_mask(len(array), 1.0, near=1.0, far=1 + CORNER_EDGE_PX / radius_px).array
    outside = 1 - inside
    level = float((array * outside).sum(dtype=np.float64) / outside.sum(dtype=np.float64))
    return array * inside + np.float32(level) * outside
