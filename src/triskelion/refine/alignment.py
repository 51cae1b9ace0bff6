"""Alignment: Levenberg-Marquardt on the log posterior of each particle's pose, marching from coarse to fine.

Right perturbation R <- R exp([w]), u <- u + du; step = (A + Pr + lambda diag(A))^-1 (gradient of the log posterior).
"""

from dataclasses import dataclass

import numpy as np

from triskelion.fourier.shells import FourierDisc
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.kernels.interface import FourierVolume, Kernels, WeightedImages
from triskelion.refine.prior import PosePrior
from triskelion.refine.search import SearchExtent

LAMBDA_START, LAMBDA_DOWN, LAMBDA_UP = 1e-3, 0.2, 8.0
LONGEST_TURN_RAD = np.deg2rad(7.0)
LONGEST_SHIFT_A = 6.0
# in rad^-2 and px^-2: keeps the matrix of a pose of which neither image nor prior says anything from being singular
LEAST_PRECISION = np.diag([1e-2, 1e-2, 1e-2, 1e-4, 1e-4])


@dataclass(frozen=True)
class Stage:
    """One stretch of the march: up to a shell, with a number of evaluations, until a step promises less than ``least_gain`` nat."""

    disc: FourierDisc
    evaluations: int
    least_gain: float
    keep: int  # candidates kept per particle when it ends


@dataclass
class Candidates:
    """Poses under way; several may belong to one particle."""

    rows: np.ndarray
    rotations: np.ndarray
    shifts_px: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    matrix: np.ndarray

    def take(self, which: np.ndarray) -> "Candidates":
        """Return the candidates ``which``."""
        return Candidates(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    def put(self, which: np.ndarray, other: "Candidates") -> None:
        """Replace the candidates ``which``."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[which] = getattr(other, name)


@dataclass(frozen=True)
class Posterior:
    """What alignment maximises for the images of one half-set against their own reference."""

    kernels: Kernels
    volume: FourierVolume
    images: WeightedImages
    prior: PosePrior
    extent: SearchExtent
    pixel_size_A: float

    def evaluate(self, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, disc: FourierDisc) -> Candidates:
        """Log posterior with its gradient and matrix."""
        likelihood = self.kernels.gauss_newton(self.volume, rotations, shifts_px, self.images, rows, disc)
        value, gradient, matrix = self.prior.terms(rows, rotations, shifts_px)
        matrix = likelihood.matrix + matrix + LEAST_PRECISION
        return Candidates(rows, rotations, shifts_px, likelihood.value + value, likelihood.gradient + gradient, matrix)


def align(posterior: Posterior, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, stages: list[Stage]) -> Candidates:
    """March candidates (c,) through the stages; return one per particle, ordered by row."""
    # copies, for candidates change in place
    candidates = posterior.evaluate(rows, rotations.copy(), shifts_px.copy(), stages[0].disc)
    for number, stage in enumerate(stages):
        if number:
            candidates = posterior.evaluate(candidates.rows, candidates.rotations, candidates.shifts_px, stage.disc)
        _climb(posterior, candidates, stage)
        candidates = _keep_best(candidates, stage.keep)
    return candidates


def _climb(posterior: Posterior, candidates: Candidates, stage: Stage) -> None:
    """Take steps until each promises too little or the evaluations are used up; ``candidates`` change in place."""
    damping = np.full(len(candidates.rows), LAMBDA_START)
    active = np.arange(len(candidates.rows))
    for _ in range(stage.evaluations):
        here = candidates.take(active)
        active = active[_promised_gain(here) >= stage.least_gain]
        if not len(active):
            return
        here = candidates.take(active)
        there = posterior.evaluate(here.rows, *_step(posterior, here, damping[active]), stage.disc)
        better = there.value > here.value
        candidates.put(active[better], there.take(better))
        damping[active] *= np.where(better, LAMBDA_DOWN, LAMBDA_UP)


def _promised_gain(candidates: Candidates) -> np.ndarray:
    step = np.linalg.solve(candidates.matrix, candidates.gradient[..., None])[..., 0]
    return 0.5 * (candidates.gradient * step).sum(-1)


def _step(posterior: Posterior, here: Candidates, damping: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    diagonal = np.einsum("nii->ni", here.matrix)
    damped = here.matrix + np.eye(5) * (damping[:, None] * diagonal)[:, None, :]
    step = np.linalg.solve(damped, here.gradient[..., None])[..., 0]
    longest = np.array([LONGEST_TURN_RAD, LONGEST_SHIFT_A / posterior.pixel_size_A])
    lengths = np.stack([np.linalg.norm(step[:, :3], axis=1), np.linalg.norm(step[:, 3:], axis=1)], axis=1)
    step *= np.minimum(1.0, (longest / np.maximum(lengths, 1e-12)).min(axis=1))[:, None]
    rotations, shifts = here.rotations @ rotvec_to_matrix(step[:, :3]), here.shifts_px + step[:, 3:]
    return posterior.extent.clip(posterior.prior, here.rows, rotations, shifts)


def _keep_best(candidates: Candidates, keep: int) -> Candidates:
    order = np.lexsort((-candidates.value, candidates.rows))
    rows = candidates.rows[order]
    first = np.searchsorted(rows, rows, side="left")
    return candidates.take(order[np.arange(len(order)) - first < keep])


def posterior_covariance(candidates: Candidates) -> np.ndarray:
    """Covariance (n, 5, 5) of the poses in (rad, px): the inverse of the Gauss-Newton matrix with the prior."""
    return np.linalg.inv(candidates.matrix)
