"""How far posterior covariances are from the errors of the poses, told by the other half-set's map.

A posterior takes its reference for the truth. What is wrong with the reference moves poses as well, and is not in their covariance. A sample of
particles is therefore aligned twice, against the newest map of its own half without them and against that of the other half: the image and its
noise are the same, the errors of the two maps are not. The difference of the two poses, in units of the posterior, then has twice the variance
that the error of one map adds, and a covariance is to be multiplied by 1 + half of it. The poses found against the other half are thrown away.

What both maps have wrong alike no such difference shows: a background at poses that are not quite right, a domain that is itself not rigid. It
adds ``COMMON_ROTATION`` and ``COMMON_POSITION`` to the factors, as on simulated sets where the truth is known (docs/benchmarks.md).

The ratio is taken where four fifths of the particles lie below: errors have longer tails than a normal variable.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincinv

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.imaging.forward import batches
from triskelion.ranks import gather_halves, gather_rows, halves_of
from triskelion.refine.alignment import Posterior, align
from triskelion.refine.refinement import Refinement
from triskelion.refine.state import IterationResult

SAMPLE = 600
BLOCK = 500
QUANTILE = 0.8
COMMON_ROTATION, COMMON_POSITION = 0.3, 0.1
OUTLIER_DEG = 8.0
FRAME_ROUNDS = 3


@dataclass(frozen=True)
class Calibration:
    """Factors by which posterior variances of rotation and of position are too small, 1 or more."""

    rotation: float
    position: float

    def widen(self, covariance: np.ndarray) -> np.ndarray:
        """Covariances (n, 5, 5) with both blocks widened, correlations kept."""
        scale = np.sqrt(np.repeat([self.rotation, self.position], [3, 2]))
        return covariance * np.outer(scale, scale)

    def widen_result(self, result: IterationResult) -> IterationResult:
        """The result with wider posteriors, from which the poses of the final maps are to be drawn."""
        return replace(
            result,
            covariance=self.widen(result.covariance),
            rotation_sd_deg=result.rotation_sd_deg * np.sqrt(self.rotation),
            position_sd_A=result.position_sd_A * np.sqrt(self.position),
        )


@dataclass(frozen=True)
class _Found:
    """Poses of a sample against one set of references."""

    rotations: np.ndarray
    centers_px: np.ndarray

    @classmethod
    def nothing(cls, n: int) -> "_Found":
        return cls(np.zeros((n, 3, 3)), np.zeros((n, 2)))

    def align(self, refinement: Refinement, rows: np.ndarray, posterior: Posterior) -> None:
        best = align(posterior, np.arange(len(rows)), refinement.rotations[rows], refinement.centers_px[rows], refinement.stages(0))
        self.rotations[rows], self.centers_px[rows] = best.rotations, best.shifts_px


def calibrate_posterior(refinement: Refinement, covariance: np.ndarray) -> Calibration:
    """Compare poses of a sample against the maps of both halves with the covariances (n, 5, 5) of all; the poses of the refinement stay."""
    uid = refinement.start.uid
    own, other = _Found.nothing(len(uid)), _Found.nothing(len(uid))
    samples = [refinement.sample(half, SAMPLE // 2) for half in (HALF_A, HALF_B)]
    ranks, made = refinement.means.ranks, {}
    for half in halves_of(ranks):
        for rows, posterior in refinement.sweep(half, samples[half], refinement.cloud):
            own.align(refinement, rows, posterior)
        made[half] = refinement.make_reference(half, refinement.sums[half].solve())
    maps = gather_halves(ranks, made)
    for half in halves_of(ranks):
        volume = prepare_slices(maps[1 - half], int(refinement.images.disc.shell[-1]))
        for rows in batches(samples[half][refinement.own[samples[half]]], BLOCK):
            other.align(refinement, rows, refinement.posterior_of(rows, volume))
    gather_rows(ranks, refinement.own, own.rotations, own.centers_px, other.rotations, other.centers_px)
    differences = [_differences(own, other, sample) for sample in samples]
    difference, compared = (np.concatenate(parts) for parts in zip(*differences, strict=True))
    known = covariance[compared]
    rotation = COMMON_ROTATION + _factor(difference[:, :3], known[:, :3, :3])
    return Calibration(rotation, COMMON_POSITION + _factor(difference[:, 3:], known[:, 3:, 3:]))


def _differences(own: _Found, other: _Found, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences (m, 5) of the poses of a sample without what a turn and a shift of one map against the other explain; their rows (m,)."""
    rotations, turned = own.rotations[rows], other.rotations[rows]
    frame = np.eye(3)
    for _ in range(FRAME_ROUNDS):
        turn = matrix_to_rotvec(np.swapaxes(rotations, 1, 2) @ turned @ frame.T)
        frame = rotvec_to_matrix(np.median(turn, axis=0)) @ frame
    turn = matrix_to_rotvec(np.swapaxes(rotations, 1, 2) @ turned @ frame.T)
    near = np.linalg.norm(turn, axis=1) < np.deg2rad(OUTLIER_DEG)
    if not near.any():
        near[:] = True
    shift = other.centers_px[rows] - own.centers_px[rows]
    seen = rotations[near][:, :2]
    moved = np.linalg.lstsq(seen.reshape(-1, 3), shift[near].reshape(-1), rcond=None)[0]
    return np.concatenate([turn[near], shift[near] - seen @ moved], axis=1), rows[near]


def _factor(difference: np.ndarray, covariance: np.ndarray) -> float:
    """1 + half of the variance of the differences in units of their covariances."""
    squares = np.einsum("ni,nij,nj->n", difference, np.linalg.inv(covariance), difference)
    expected = 2 * gammaincinv(difference.shape[1] / 2, QUANTILE)  # quantile of chi²
    return 1 + float(np.quantile(squares, QUANTILE) / expected) / 2
