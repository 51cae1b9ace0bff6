"""Marginalised back-projection: every particle enters at an antithetic pair of poses drawn from its posterior.

Random numbers are keyed by (seed, iteration, uid): the same whatever the threads, order or resumption.
"""

import numpy as np

from triskelion.geometry.fulcrum import shift_of_origin
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.forward import ImageSet
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages
from triskelion.maps.reconstruct import back_project, solve_map


def posterior_draws(covariance: np.ndarray, seed: int, iteration: int, uid: np.ndarray) -> np.ndarray:
    """Draw one step (n, 5) from N(0, covariance) for each particle."""
    normal = np.stack([np.random.Generator(np.random.Philox(key=[int(u), (seed << 32) + iteration])).standard_normal(5) for u in uid])
    return np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), normal)


def reconstruct_half(
    weighted: WeightedImages, images: ImageSet, rows: np.ndarray, poses: tuple, center_xyz_px: np.ndarray, key: tuple, kernels: Kernels
) -> np.ndarray:
    """Reconstruct one half-set.

    Parameters
    ----------
    rows : ndarray
        Its particles.
    poses : tuple
        Rotations (n, 3, 3), images (px) of the domain's centre (n, 2) and posterior covariances (n, 5, 5) of all particles, None for
        the covariances to insert each particle once, where it stands.
    key : tuple
        Seed, iteration, uid (n,).

    Returns
    -------
    ndarray, float32 (n, n, n)
        In the frame of the input, unfiltered.
    """
    rotations, centers_px, covariance = poses
    seed, iteration, uid = key
    sums = BackProjection.empty(int(images.disc.shell[-1]))
    steps = [np.zeros((len(rows), 5))]
    if covariance is not None:
        draw = posterior_draws(covariance[rows], seed, iteration, uid[rows])
        steps = [draw, -draw]
    for step in steps:
        turned = rotations[rows] @ rotvec_to_matrix(step[:, :3])
        shifts = shift_of_origin(turned, centers_px[rows] + step[:, 3:], center_xyz_px)
        back_project(sums, weighted, rows, turned, shifts, images.disc, kernels)
    return solve_map(sums, images.grid.box_px)
