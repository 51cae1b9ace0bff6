"""The fulcrum estimated from refined poses: the point that stays where it was in the images when a domain turns.

A pose takes x to P(R x) + t, x from the box centre. A point f at rest has the same image at the refined pose as at the consensus,

    P(R - R_c) f + (t - t_c) = 0,

two equations a particle, linear in f. They are solved by least squares over the particles whose residual is within three robust standard
deviations. The residuals that are left are shifts that no turn about one point explains: their scatter is the width of the shift prior. The
second moments of log(R_c^T R) are the widths of the hinge.

Errors of the poses turn the domain about its own centre, and draw the estimate towards it. A prior draws poses to the consensus, as if the
domain had turned about the fulcrum of that prior. Where prior and posterior covariances are at hand, ``remove_prior`` gives the poses that the
images alone ask for, and the squares that their errors add are subtracted: then neither does.
"""

from dataclasses import dataclass

import numpy as np

from triskelion.errors import InputError
from triskelion.geometry.fulcrum import cross_matrix
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.refine.prior import EXTENT_PER_SD, PosePrior, robust_second_moment

FEWEST_PARTICLES = 10
LEAST_TURN_DEG = 1e-3
CUT_SD = 3.0  # residuals beyond this many robust standard deviations are left out ...
KEPT_VARIANCE = 0.949  # ... which takes this of the variance of a normal variable in the plane: 1 - 4.5 e^-4.5 / (1 - e^-4.5)
MOST_ROUNDS = 30
N_BOOTSTRAP = 200
LEAST_SPREAD = 2.0  # poses that vary by less than this times the variance of their errors say nothing of the fulcrum
LONGEST_SD_DEG = 10.0  # of a rotation found without a prior; poses that are known less well are left out
SINGULAR = 1e-9  # an eigenvalue this small against the largest is none
LEAST_SHARE = 0.1  # a component of a unit vector this small does not count


@dataclass(frozen=True)
class PoseErrors:
    """Covariances of the errors of poses that were found without a prior.

    Attributes
    ----------
    covariance : ndarray (n, 5, 5)
        In (rad, px) of R exp([w]) and of the image of the domain's centre.
    center_xyz_px : ndarray (3,)
        The domain's centre, from the box centre.
    """

    covariance: np.ndarray
    center_xyz_px: np.ndarray


@dataclass(frozen=True)
class FulcrumEstimate:
    """The point that moves least, and what the poses say of the hinge.

    Attributes
    ----------
    fulcrum_xyz_px : ndarray (3,)
        From the box centre.
    sd_xyz_px : ndarray (3,)
        Standard deviations along x, y, z: of normal equations or bootstrap, the larger one; infinite where the poses do not determine it.
    axes : ndarray (3, 3)
        Rows: principal directions, the best determined first.
    axis_sd_px : ndarray (3,)
        Standard deviations along ``axes``; infinite where the poses do not determine it.
    hinge_sd_deg : ndarray (3,)
        Widths of the hinge about its principal axes, the largest first.
    hinge_axes : ndarray (3, 3)
        Rows: these axes, in the frame of the map.
    shift_sd_px : float
        Scatter of the fulcrum's image per axis.
    n_used : int
        Particles that were not left out.
    """

    fulcrum_xyz_px: np.ndarray
    sd_xyz_px: np.ndarray
    axes: np.ndarray
    axis_sd_px: np.ndarray
    hinge_sd_deg: np.ndarray
    hinge_axes: np.ndarray
    shift_sd_px: float
    n_used: int

    @property
    def rotation_extent_deg(self) -> float:
        """Suggested extent of the rotations: 2.5 times the largest width."""
        return EXTENT_PER_SD * float(self.hinge_sd_deg[0])

    @property
    def shift_extent_px(self) -> float:
        """Suggested extent of the shifts: 2.5 times the scatter."""
        return EXTENT_PER_SD * self.shift_sd_px


def suggest_fulcrum(
    rotations: np.ndarray,
    shifts_px: np.ndarray,
    consensus_rotations: np.ndarray,
    consensus_shifts_px: np.ndarray,
    errors: PoseErrors | None = None,
    seed: int = 0,
) -> FulcrumEstimate:
    """Estimate the point about which a domain turns.

    Parameters
    ----------
    rotations, shifts_px : ndarray (n, 3, 3), (n, 2)
        Refined poses about the box centre.
    consensus_rotations, consensus_shifts_px : ndarray
        Consensus poses of the same particles.
    errors : PoseErrors, optional
        Without them the estimate is drawn to the domain's centre, by the share that errors have in the variance of the rotations, and the standard
        deviations do not say so.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        There are fewer than 10 particles, or no rotation differs from the consensus.
    """
    n = len(rotations)
    if n < FEWEST_PARTICLES:
        raise InputError(f"{n} particles are too few to estimate a fulcrum: give at least {FEWEST_PARTICLES}")
    turns = matrix_to_rotvec(np.swapaxes(consensus_rotations, -1, -2) @ rotations)
    if np.rad2deg(np.linalg.norm(turns, axis=1).max()) < LEAST_TURN_DEG:
        raise InputError("the poses are the consensus poses, so nothing has turned: give the particles of a local refinement")
    equations = np.concatenate([(rotations - consensus_rotations)[:, :2], (shifts_px - consensus_shifts_px)[..., None]], axis=2)
    first, kept = _fit_trimmed(equations)
    equations, turns = equations[kept], turns[kept]
    squares = np.swapaxes(equations, 1, 2) @ equations
    noise = np.zeros_like(squares) if errors is None else _squares_of_errors(rotations[kept], errors.covariance[kept], errors.center_xyz_px)
    known, unknown = _split_directions(squares.sum(0), noise.sum(0))
    if errors is not None:
        squares = squares - noise
    fulcrum = _solve_within(squares.sum(0), first, known)
    axes, axis_sd_px = _principal_sd(squares.sum(0), fulcrum, known, unknown, len(squares))
    hinge_sd_deg, hinge_axes = _hinge_widths(turns, None if errors is None else np.median(errors.covariance[kept, :3, :3], axis=0))
    by_axes = np.sqrt(((axes * np.where(np.isfinite(axis_sd_px), axis_sd_px, 0)[:, None]) ** 2).sum(0))
    sd_xyz_px = np.maximum(by_axes, _bootstrap_sd(squares, first, known, seed))
    sd_xyz_px[(np.abs(unknown) > LEAST_SHARE).any(axis=1)] = np.inf
    return FulcrumEstimate(
        fulcrum, sd_xyz_px, axes, axis_sd_px, hinge_sd_deg, hinge_axes, float(np.sqrt(_variance(squares.sum(0), fulcrum, len(squares)))), len(squares)
    )


def remove_prior(
    prior: PosePrior, rotations: np.ndarray, centers_px: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Poses that the images alone ask for, from poses at the maximum of a posterior.

    There the gradients of likelihood and prior cancel, and the inverse covariance is the sum of their matrices A + Pr: the likelihood has its
    maximum a step -A^-1 (gradient of the prior) further on. Poses on which the images say too little are left out.

    Parameters
    ----------
    prior : PosePrior
    rotations, centers_px : ndarray (n, 3, 3), (n, 2)
        Poses about the domain's centre.
    covariance : ndarray (n, 5, 5)
        Posterior covariances.

    Returns
    -------
    rows (m,), rotations (m, 3, 3), centers_px (m, 2), covariance (m, 5, 5)
        The particles that are left, their poses and the covariances of their errors.
    """
    rows = np.arange(len(rotations))
    _, gradient, matrix = prior.terms(rows, rotations, centers_px)
    by_images = np.linalg.inv(covariance) - matrix
    widest = np.zeros_like(covariance)
    # a step is a linear extrapolation: no further than where the rotation would be known to LONGEST_SD_DEG, and the position to anything
    widest[:, :3, :3] = np.eye(3) / np.deg2rad(LONGEST_SD_DEG) ** 2
    rows = np.flatnonzero(np.linalg.eigvalsh(by_images - widest)[:, 0] > 0)
    free = np.linalg.inv(by_images[rows])
    step = -np.einsum("nij,nj->ni", free, gradient[rows])
    return rows, rotations[rows] @ rotvec_to_matrix(step[:, :3]), centers_px[rows] + step[:, 3:], free


def _homogeneous(point_xyz: np.ndarray) -> np.ndarray:
    return np.append(point_xyz, 1.0)


def _fit_trimmed(equations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares over the particles that are no outliers; return the point and which they are. Equations are [G | y] (n, 2, 4)."""
    kept = np.ones(len(equations), dtype=bool)
    for _ in range(MOST_ROUNDS):
        chosen = equations[kept].reshape(-1, 4)
        point = np.linalg.lstsq(chosen[:, :3], -chosen[:, 3], rcond=SINGULAR)[0]
        lengths = np.linalg.norm(equations @ _homogeneous(point), axis=1)
        # the length of a normal variable of variance 1 per axis has its median at sqrt(2 ln 2)
        robust_sd = np.median(lengths) / np.sqrt(2 * np.log(2))
        previous, kept = kept, lengths <= CUT_SD * max(robust_sd, 1e-6)
        if (kept == previous).all():
            break
    return point, kept


def _squares_of_errors(rotations: np.ndarray, covariance: np.ndarray, center_xyz_px: np.ndarray) -> np.ndarray:
    """What errors add to the squares: quadratic forms (n, 4, 4) in (f, 1) of the variance of the fulcrum's image.

    An error (w, du) moves the image of f by -P R [f - c]x w + du.
    """
    n = len(rotations)
    motion = np.zeros((n, 4, 2, 5))
    for place, point in enumerate([*np.eye(3), -np.asarray(center_xyz_px, np.float64)]):
        motion[:, place, :, :3] = -(rotations @ cross_matrix(point))[:, :2]
    motion[:, 3, :, 3:] = np.eye(2)
    return np.einsum("njai,nil,nkal->njk", motion, covariance, motion, optimize=True)


def _split_directions(squares: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal columns (3, k), (3, 3 - k): the directions along which the poses determine the fulcrum, and the others."""
    values, vectors = np.linalg.eigh(squares[:3, :3])
    by_errors = np.einsum("ik,ij,jk->k", vectors, noise[:3, :3], vectors)
    determined = values > np.maximum(SINGULAR * values[-1], LEAST_SPREAD * by_errors)
    return vectors[:, determined], vectors[:, ~determined]


def _solve_within(squares: np.ndarray, start: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Minimum of the quadratic form over the points that differ from ``start`` along ``known`` directions."""
    slope = squares[:3, :3] @ start + squares[:3, 3]
    return start - known @ np.linalg.solve(known.T @ squares[:3, :3] @ known, known.T @ slope)


def _variance(squares: np.ndarray, point: np.ndarray, n: int) -> float:
    """Variance per axis of the point's image, corrected for the outliers that were left out."""
    h = _homogeneous(point)
    return max(float(h @ squares @ h) / (2 * n) / KEPT_VARIANCE, 0.0)


def _principal_sd(squares: np.ndarray, point: np.ndarray, known: np.ndarray, unknown: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal directions (rows) of the covariance by the normal equations, and the standard deviations along them."""
    variance = _variance(squares, point, n)
    precision, vectors = np.linalg.eigh(known.T @ squares[:3, :3] @ known)
    axes = np.concatenate([(known @ vectors).T[::-1], unknown.T])
    return axes, np.concatenate([np.sqrt(variance / precision[::-1]), np.full(unknown.shape[1], np.inf)])


def _bootstrap_sd(squares: np.ndarray, start: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
    """Standard deviations (3,) of the estimate when each particle counts as often as a Poisson variable of mean 1 says."""
    generator = np.random.default_rng([seed, len(squares)])
    flat = squares.reshape(-1, 16)
    drawn = (generator.poisson(1.0, len(flat)) @ flat for _ in range(N_BOOTSTRAP))
    return np.std([_solve_within(total.reshape(4, 4), start, known) for total in drawn], axis=0)


def _hinge_widths(turns: np.ndarray, by_errors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Widths (3,) in degrees about the principal axes (rows), the largest first."""
    moment = robust_second_moment(turns) - (0 if by_errors is None else by_errors)
    values, vectors = np.linalg.eigh(moment)
    return np.rad2deg(np.sqrt(np.maximum(values[::-1], 0))), vectors.T[::-1]
