"""How wide posteriors are two standard deviations from their top, in place of what the curvature at the top says.

The log posterior of a pose falls less and less steeply away from its top: where images say little, an error of three standard deviations of the
Gauss-Newton matrix costs as little as one of two. Covariances are therefore measured: along each principal axis, at plus and minus
``REACH_SD`` standard deviations of that matrix, the fall of the log posterior tells the variance of the normal distribution that falls as far,
REACH_SD² / (2 fall) of the old one; the two sides are averaged.
"""

from dataclasses import replace

import numpy as np

from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.ranks import gather_rows, halves_of
from triskelion.refine.alignment import Posterior
from triskelion.refine.refinement import Refinement
from triskelion.refine.state import IterationResult

REACH_SD = 2.0
LEAST_FALL = 0.15  # nat, for a fall of 2: another optimum may be near, which a covariance cannot describe


def measure_spread(refinement: Refinement, result: IterationResult) -> IterationResult:
    """Replace the covariances of the particles' posteriors by measured ones; the poses of the refinement stay what they are."""
    covariance, disc = result.covariance.copy(), fourier_disc(refinement.grid.box_px, refinement.limit_shell)
    middle_px = _middle_radius_px(refinement.mask)
    ranks = refinement.means.ranks
    for half in halves_of(ranks):
        for rows, posterior in refinement.sweep(half, refinement.batch, refinement.cloud):
            poses = refinement.rotations[rows], refinement.centers_px[rows]
            covariance[rows] = spread_about(posterior.on_device(), *poses, covariance[rows], middle_px, disc)
    gather_rows(ranks, refinement.own, covariance)
    variance = np.einsum("nii->ni", covariance)
    return replace(
        result,
        covariance=covariance,
        rotation_sd_deg=np.rad2deg(np.sqrt(variance[:, :3].mean(1))),
        position_sd_A=np.sqrt(variance[:, 3:].mean(1)) * refinement.grid.pixel_size_A,
    )


def spread_about(
    posterior: Posterior, rotations: np.ndarray, centers_px: np.ndarray, covariance: np.ndarray, middle_px: float, disc: FourierDisc
) -> np.ndarray:
    """Covariances (n, 5, 5) in (rad, px) as the log posterior falls about the poses of all n images of a posterior.

    Parameters
    ----------
    rotations, centers_px : ndarray (n, 3, 3), (n, 2)
    covariance : ndarray (n, 5, 5)
        Inverse of the Gauss-Newton matrix there.
    middle_px : float
        Radius at which a turn counts as a shift: principal axes are those of what moves in the image.
    disc : FourierDisc
    """
    axes = principal_axes(covariance, middle_px)
    steps = REACH_SD * np.concatenate([axes, -axes], axis=2)  # (n, 5, 10): a step in each column
    n_steps, here = steps.shape[2], np.arange(len(rotations))
    turned = rotations[:, None] @ rotvec_to_matrix(np.swapaxes(steps[:, :3], 1, 2))
    moved = centers_px[:, None] + np.swapaxes(steps[:, 3:], 1, 2)
    top = posterior.evaluate(here, rotations, centers_px, disc).value
    found = posterior.evaluate(np.repeat(here, n_steps), turned.reshape(-1, 3, 3), moved.reshape(-1, 2), disc).value
    fall = np.maximum(top[:, None] - found.reshape(-1, n_steps), LEAST_FALL)
    wider = (REACH_SD**2 / (2 * fall)).reshape(-1, 2, axes.shape[2]).mean(1)
    return np.einsum("nai,ni,nbi->nab", axes, wider, axes)


def principal_axes(covariance: np.ndarray, middle_px: float) -> np.ndarray:
    """Steps (n, 5, 5) of one standard deviation along the principal axes, one in each column: covariance = axes axes^T."""
    units = np.array([middle_px] * 3 + [1, 1])
    variance, directions = np.linalg.eigh(covariance * np.outer(units, units))
    return directions * np.sqrt(variance)[:, None] / units[:, None]


def _middle_radius_px(mask: np.ndarray) -> float:
    """Radius of gyration of a mask, px."""
    line = np.arange(len(mask), dtype=np.float64)
    spread = 0.0
    for axes in ((0, 1), (0, 2), (1, 2)):
        weight = mask.sum(axis=axes, dtype=np.float64)
        spread += np.average((line - np.average(line, weights=weight)) ** 2, weights=weight)
    return float(np.sqrt(spread))
