"""Alignment: the log posterior of each particle's pose, climbed by Levenberg-Marquardt (``kernels.climb``) while it marches from coarse to fine."""

from dataclasses import dataclass, replace

import numpy as np

from triskelion.fourier.shells import FourierDisc
from triskelion.kernels.climb import ClimbRules, PoseRestraint, Starts
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


@dataclass(frozen=True)
class Candidates:
    """Poses under way, several may belong to one particle, with the log posterior there (``kernels.climb``)."""

    rows: np.ndarray
    rotations: np.ndarray
    shifts_px: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    matrix: np.ndarray

    def take(self, which: np.ndarray) -> "Candidates":
        """Return the candidates ``which``."""
        return Candidates(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Posterior:
    """What alignment maximises for the images of one half-set against their own reference."""

    kernels: Kernels
    volume: FourierVolume
    images: WeightedImages
    prior: PosePrior
    extent: SearchExtent
    pixel_size_A: float

    def on_device(self) -> "Posterior":
        """Return the same with its images on the device of the kernels, for whoever climbs more than once."""
        return replace(self, images=self.kernels.move_images(self.images))

    def evaluate(self, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, disc: FourierDisc) -> Candidates:
        """Log posterior with its gradient and matrix."""
        return self.climb(Starts(rows, rotations, shifts_px), Stage(disc, 0, 0.0, 1))

    def climb(self, starts: Starts, stage: Stage) -> Candidates:
        """Take steps from every start until each promises too little or the evaluations are used up."""
        longest = LONGEST_TURN_RAD, LONGEST_SHIFT_A / self.pixel_size_A
        rules = ClimbRules(stage.evaluations, stage.least_gain, LAMBDA_START, LAMBDA_DOWN, LAMBDA_UP, *longest)
        return Candidates(starts.rows, *self.kernels.climb(self.volume, self.images, starts, self.restraint, rules, stage.disc))

    @property
    def restraint(self) -> PoseRestraint:
        """What holds the poses beside the images."""
        prior, extent = self.prior, self.extent
        return PoseRestraint(
            prior.consensus_rotations, prior.consensus_images, prior.lever_xyz_px, prior.rotation_precision, 1 / prior.shift_variance_px2,
            np.diag(LEAST_PRECISION), float(np.deg2rad(extent.rotation_deg)), extent.shift_px,
        )  # fmt: skip


def align(posterior: Posterior, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, stages: list[Stage]) -> Candidates:
    """March candidates (c,) through the stages, one at least; return one per particle, ordered by row."""
    starts = Starts(rows, rotations, shifts_px)
    for stage in stages:
        candidates = _keep_best(posterior.climb(starts, stage), stage.keep)
        starts = Starts(candidates.rows, candidates.rotations, candidates.shifts_px)
    return candidates


def _keep_best(candidates: Candidates, keep: int) -> Candidates:
    order = np.lexsort((-candidates.value, candidates.rows))
    rows = candidates.rows[order]
    first = np.searchsorted(rows, rows, side="left")
    return candidates.take(order[np.arange(len(order)) - first < keep])


def posterior_covariance(candidates: Candidates) -> np.ndarray:
    """Covariance (n, 5, 5) of the poses in (rad, px): the inverse of the Gauss-Newton matrix with the prior."""
    return np.linalg.inv(candidates.matrix)
