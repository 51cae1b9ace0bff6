"""Reconstruction: back-projection of weighted images, density compensation, and back to a map."""

import numpy as np

from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.slices import cube_to_map, hermitian_sum
from triskelion.imaging.forward import batches, phase_of_shift
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
