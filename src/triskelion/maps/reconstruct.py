"""Reconstruction: back-projection of weighted images, density compensation, and back to a map."""

from collections.abc import Callable

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.slices import HermitianSums, cube_to_map
from triskelion.geometry.symmetry import PointGroup, expand_poses
from triskelion.imaging.noise import SAMPLE, image_noise
from triskelion.imaging.stream import ImageStream, spread_rows
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages
from triskelion.maps.corners import level_corners
from triskelion.maps.gridding import compensate_density
from triskelion.maps.symmetrize import symmetrize_cube


def reconstruct_halves(
    stream: ImageStream,
    half_set: np.ndarray,
    rotations: np.ndarray,
    shifts_px: np.ndarray,
    kernels: Kernels,
    advance: Callable[[int], None],
    group: PointGroup | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Reconstruct both half-sets at given poses, each image weighted by C/sigma2, sigma2 that of the images; symmetric under ``group``.

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
            insert_mates(sums, rotations[rows], shifts_px[rows], weighted, np.arange(len(rows)), stream.disc, kernels, group)
        folded = HermitianSums.of(sums)
        del sums  # more than twice as large
        maps.append(solve_map(folded, stream.grid.box_px, group))
    return (maps[0], maps[1]), sigma2, precision


def insert_mates(
    sums: BackProjection,
    rotations: np.ndarray,
    shifts_px: np.ndarray,
    images: WeightedImages,
    rows: np.ndarray,
    disc: FourierDisc,
    kernels: Kernels,
    group: PointGroup | None = None,
) -> None:
    """Add the images ``rows`` at poses (n, 3, 3), (n, 2) and, under a group, at those mates of these that ``solve_map`` does not make itself."""
    mates = np.eye(3)[None] if group is None else group.coset_rotations
    kernels.insert(sums, expand_poses(rotations, mates), np.tile(shifts_px, (len(mates), 1)), images, np.tile(rows, len(mates)), disc)


def solve_map(sums: HermitianSums, box_px: int, group: PointGroup | None = None) -> np.ndarray:
    """Compensate the density of inserted values and transform back: map, float32 (n, n, n), unfiltered, its corners levelled.

    The sums are used up. Under a group the images must have been inserted at the poses R c, c its coset rotations (``insert_mates``).
    """
    values, weights = sums.values, sums.weights
    if group is not None:
        values, weights = symmetrize_cube(values, group), symmetrize_cube(weights, group)
    return level_corners(cube_to_map(values.mul_(compensate_density(weights)), box_px, sums.padding).numpy())
