"""Marginalised back-projection: every particle enters at an antithetic pair of poses drawn from its posterior.

Random numbers are keyed by (seed, iteration, uid): the same whatever the threads, order or resumption.
"""

from dataclasses import dataclass

import numpy as np

from triskelion.geometry.fulcrum import shift_of_origin
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.forward import ImageSet
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages
from triskelion.maps.reconstruct import solve_map

KEPT_BYTES = 2**31  # sums of the folds of one half-set, and of all of it


@dataclass(frozen=True)
class PoseCloud:
    """The two poses at which each particle enters a reconstruction; one and the same where nothing is drawn.

    Attributes
    ----------
    rotations : ndarray (2 or 1, n, 3, 3)
    shifts_px : ndarray (2 or 1, n, 2)
        About the box centre.
    """

    rotations: np.ndarray
    shifts_px: np.ndarray


def draw_cloud(rotations: np.ndarray, centers_px: np.ndarray, center_xyz_px: np.ndarray, steps: np.ndarray) -> PoseCloud:
    """Put every particle at plus and minus its step (n, 5), in (rad, px) about the domain's centre."""
    signs = (1.0, -1.0) if steps.any() else (0.0,)
    turned = np.stack([rotations @ rotvec_to_matrix(sign * steps[:, :3]) for sign in signs])
    moved = np.stack([centers_px + sign * steps[:, 3:] for sign in signs])
    return PoseCloud(turned, shift_of_origin(turned, moved, center_xyz_px))


def draw_steps(covariance: np.ndarray, seed: int, iteration: int, uid: np.ndarray) -> np.ndarray:
    """Draw one step (n, 5) from N(0, covariance) for each particle."""
    normal = np.stack([np.random.Generator(np.random.Philox(key=[int(u), (seed << 32) + iteration])).standard_normal(5) for u in uid])
    return np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), normal)


def reconstruct_half(
    weighted: WeightedImages, images: ImageSet, folds: list[np.ndarray], cloud: PoseCloud, kernels: Kernels
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Reconstruct one half-set, and it without each of its folds.

    Returns
    -------
    half map, maps without fold 0, 1, ... : ndarray, float32 (n, n, n)
        In the frame of the input, unfiltered.

    Notes
    -----
    The sums of all folds are kept where they and the total take no more than ``KEPT_BYTES``. Elsewhere folds are inserted twice, so that
    two accumulators are in memory whatever the number of folds.
    """
    last_shell, box_px = int(images.disc.shell[-1]), images.grid.box_px

    def sum_images(rows: np.ndarray) -> BackProjection:
        sums = BackProjection.empty(last_shell)
        poses = cloud.rotations[:, rows].reshape(-1, 3, 3), cloud.shifts_px[:, rows].reshape(-1, 2)
        kernels.insert(sums, *poses, weighted, np.tile(rows, len(cloud.rotations)), images.disc)
        return sums

    total = BackProjection.empty(last_shell)
    is_kept = (len(folds) + 1) * total.n_bytes <= KEPT_BYTES
    kept = []
    for fold in folds:
        sums = sum_images(fold)
        total.add(sums)
        if is_kept:
            kept.append(sums)
    without = []
    for place, fold in enumerate(folds):
        sums = kept[place] if is_kept else sum_images(fold)
        sums.subtract_from(total)
        without.append(solve_map(sums, box_px))
    return solve_map(total, box_px), without
