"""Global pose search: every rotation and shift is scored at low resolution as matrix products; from the best, poses climb.

The log likelihood of an image at rotation R and shift u is Re sum conj(m) b_u - 1/2 sum W |m|², b_u the image moved back by u and m the slice
at R. For many images and rotations both sums are matrix products, the second one free of u. The slice at R turned by half a turn in the
plane is the conjugate of that at R: with A and B the products of the real and of the imaginary parts, the first sum is A + B at R and A - B
there, so one product serves two rotations. It takes 4 m floating-point operations for m coefficients, two rotations and a shift.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from triskelion.conventions import box_center_px
from triskelion.fourier.complex_product import multiply
from triskelion.fourier.shells import FourierDisc
from triskelion.geometry.healpix import cover_rotations
from triskelion.geometry.symmetry import PointGroup
from triskelion.imaging.forward import batches, phase_of_shift
from triskelion.kernels.climb import Starts
from triskelion.kernels.interface import FourierVolume, Kernels, PoseGrid, WeightedImages
from triskelion.refine.alignment import Candidates, Posterior, Stage, align
from triskelion.refine.prior import PosePrior
from triskelion.refine.search import SearchExtent, shift_grid

ROTATION_STEP = 2.0  # of resolution over diameter, rad: half a step moves the rim of the particle by half the resolution
LONGEST_STEP_DEG = 15.0
HELD = 0.95  # of the particle inside its diameter
SHIFT_STEP = 1 / 3  # of the resolution
STARTS_PER_CANDIDATE = 12  # the resolution of the grid ranks them badly, and climbing is cheap
PEAK_MEMBERS = 10  # points of the grid looked at for each start: a peak has many high ones
FIRST_EVALUATIONS, FIRST_GAIN = 6, 0.1  # of their climb: as far as a step of the grid away, it takes more than from a pose of before
APART_STEPS = 1.3  # starts are no neighbours on the grid
IMAGES_AT_ONCE, ROTATIONS_AT_ONCE = 16, 512  # of a product: it stays in cache while the best shift is taken
SCORES_AT_ONCE = 2**23
MOVED_AT_ONCE = 64  # images whose shifts are found at once
HALF_TURN = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class GlobalGrid:
    """The poses that are scored.

    Attributes
    ----------
    rotations : ndarray (r, 3, 3)
        Each stands for itself and for itself after half a turn in the plane.
    moves_px : ndarray (s, 2)
        From the middle of the image.
    disc : FourierDisc
        Coefficients to score with.
    step_deg, shift_extent_px : float
    """

    rotations: np.ndarray
    moves_px: np.ndarray
    disc: FourierDisc
    step_deg: float
    shift_extent_px: float

    @classmethod
    def of_disc(cls, disc: FourierDisc, diameter_px: float, shift_extent_px: float, group: PointGroup) -> "GlobalGrid":
        """Cover the rotations that differ under ``group`` and a disc of shifts, as finely as the resolution of ``disc`` asks for.

        Parameters
        ----------
        diameter_px : float
            Of the particle: steps of rotation are about 2 resolution / diameter, steps of shift a third of the resolution.
        """
        resolution_px = disc.box_px / int(disc.shell[-1])
        step_deg = min(float(np.rad2deg(ROTATION_STEP * resolution_px / diameter_px)), LONGEST_STEP_DEG)
        return cls(cover_rotations(step_deg, group), shift_grid(shift_extent_px, SHIFT_STEP * resolution_px), disc, step_deg, shift_extent_px)

    @property
    def all_rotations(self) -> np.ndarray:
        """The rotations, then their half turns (2 r, 3, 3)."""
        return np.concatenate([self.rotations, HALF_TURN @ self.rotations])


def measure_diameter_px(mask: np.ndarray) -> float:
    """Diameter of the sphere about the box centre that holds 95 % of a mask (n, n, n): protrusions need not be sampled finely."""
    along = np.arange(len(mask)) - box_center_px(len(mask))
    radius = np.sqrt(along[:, None, None] ** 2 + along[:, None] ** 2 + along**2).ravel()
    order = np.argsort(radius)
    held = np.cumsum(mask.ravel()[order], dtype=np.float64)
    return 2 * float(radius[order][np.searchsorted(held, HELD * held[-1])])


@dataclass(frozen=True)
class _Projections:
    """Slices at the rotations of a grid as real matrices (r, m)."""

    real: Tensor
    imaginary: Tensor
    power: Tensor

    @classmethod
    def of(cls, kernels: Kernels, volume: FourierVolume, grid: GlobalGrid, scale: float) -> "_Projections":
        slices = kernels.slice(volume, grid.rotations, np.full(len(grid.rotations), scale), grid.disc)
        real, imaginary = slices.real.contiguous(), slices.imag.contiguous()
        return cls(real, imaginary, real**2 + imaginary**2)


def score_rotations(kernels: Kernels, volume: FourierVolume, images: WeightedImages, rows: np.ndarray, grid: GlobalGrid) -> np.ndarray:
    """Log likelihood of each of ``grid.all_rotations`` at the best of the moves, float32 (n, 2 r)."""
    scores = np.empty((len(rows), 2 * len(grid.rotations)), np.float32)
    for scale in np.unique(images.scale[rows]):
        projections = _Projections.of(kernels, volume, grid, float(scale))
        back = phase_of_shift(grid.disc, -grid.moves_px, np.full(len(grid.moves_px), scale)).to(projections.real.device)
        for part in batches(np.flatnonzero(images.scale[rows] == scale), IMAGES_AT_ONCE):
            scores[part] = _score_block(projections, back, images, rows[part])
    return scores


def _score_block(projections: _Projections, back: Tensor, images: WeightedImages, rows: np.ndarray) -> np.ndarray:
    shape, m = (len(back), len(rows)), back.shape[1]
    device = back.device
    b, weight = images.b[rows, :m].to(device), images.weight[rows, :m].to(device)
    moved = multiply(back[:, None], b).reshape(-1, m)
    real, imaginary = moved.real.contiguous(), moved.imag.contiguous()
    best = torch.empty((len(rows), 2, len(projections.real)), device=device)
    for low in range(0, best.shape[2], ROTATIONS_AT_ONCE):
        chunk = slice(low, low + ROTATIONS_AT_ONCE)
        by_real = (real @ projections.real[chunk].T).unflatten(0, shape)
        by_imaginary = (imaginary @ projections.imaginary[chunk].T).unflatten(0, shape)
        half_power = 0.5 * (weight @ projections.power[chunk].T)
        best[:, 0, chunk] = (by_real + by_imaginary).amax(0) - half_power
        best[:, 1, chunk] = (by_real - by_imaginary).amax(0) - half_power
    return best.flatten(1).cpu().numpy()


def choose_distinct(rotations: np.ndarray, values: np.ndarray, n_wanted: int, apart_deg: float) -> np.ndarray:
    """Choose the best poses of each image that are no neighbours of better ones.

    Parameters
    ----------
    rotations : ndarray (n, c, 3, 3)
    values : ndarray (n, c)

    Returns
    -------
    ndarray, int (n, n_wanted)
        Places among the c, best first; -1 where none is left.
    """
    entries = rotations.reshape(*values.shape, 9).astype(np.float32)
    left, here = values.astype(np.float64), np.arange(len(values))
    chosen = np.full((len(values), n_wanted), -1)
    least_trace = 1 + 2 * np.cos(np.deg2rad(apart_deg))
    for place in range(n_wanted):
        best = left.argmax(1)
        chosen[:, place] = np.where(left[here, best] > -np.inf, best, -1)
        left[(entries @ entries[here, best, :, None])[..., 0] > least_trace] = -np.inf
        left[here, best] = -np.inf
    return chosen


def find_starts(posterior: Posterior, rows: np.ndarray, grid: GlobalGrid, n_starts: int) -> Starts:
    """Best rotations of the grid for each image, no two of them neighbours, each with its best move.

    Returns
    -------
    Starts
        ``n_starts`` of every image, images in the order of ``rows``, best first; the best again where the grid has too few.
    """
    kernels, volume, images = posterior.kernels, posterior.volume, posterior.images
    every, n_members = grid.all_rotations, PEAK_MEMBERS * n_starts
    rotations, shifts_px = np.empty((len(rows), n_starts, 3, 3)), np.empty((len(rows), n_starts, 2))
    for part in batches(np.arange(len(rows)), max(SCORES_AT_ONCE // len(every), 1)):
        scores = score_rotations(kernels, volume, images, rows[part], grid)
        members = np.argpartition(-scores, min(n_members, len(every)) - 1, axis=1)[:, :n_members]
        chosen = choose_distinct(every[members], np.take_along_axis(scores, members, 1), n_starts, APART_STEPS * grid.step_deg)
        chosen = np.where(chosen < 0, chosen[:, :1], chosen)
        rotations[part] = every[np.take_along_axis(members, chosen, 1)]
    for part in batches(np.arange(len(rows)), MOVED_AT_ONCE):
        poses = PoseGrid(rotations[part], np.zeros((len(part), n_starts, 2)), grid.moves_px)
        shifts_px[part] = grid.moves_px[kernels.score_grid(volume, poses, images, rows[part], grid.disc).argmax(-1)]
    return Starts(np.repeat(rows, n_starts), rotations.reshape(-1, 3, 3), shifts_px.reshape(-1, 2))


def find_candidates(posterior: Posterior, rows: np.ndarray, grid: GlobalGrid, disc: FourierDisc, n_candidates: int) -> Candidates:
    """Climb from the best poses of the grid to the best peaks of each image on ``disc``, which may reach farther than the grid's.

    There are ``n_candidates`` of each image at most, best first, no two nearer than half a step of the grid.
    """
    n_starts = STARTS_PER_CANDIDATE * n_candidates
    climbed = posterior.climb(find_starts(posterior, rows, grid, n_starts), Stage(disc, FIRST_EVALUATIONS, FIRST_GAIN, 1))
    rotations, value = climbed.rotations.reshape(-1, n_starts, 3, 3), climbed.value.reshape(-1, n_starts)
    chosen = choose_distinct(rotations, value, n_candidates, grid.step_deg / 2)
    places = chosen + np.arange(len(rows))[:, None] * n_starts
    return climbed.take(places[chosen >= 0])


def find_poses_globally(posterior: Posterior, rows: np.ndarray, grid: GlobalGrid, stages: list[Stage], n_candidates: int = 8) -> Candidates:
    """Search all rotations and the shifts of the grid; march the best peaks at the resolution of the first stage through all of them.

    Prior and extent of ``posterior`` do not count: values are log likelihoods, to be compared with those of ``without_prior``.

    Returns
    -------
    Candidates
        One pose an image, ordered by row.
    """
    free = without_prior(posterior, grid.shift_extent_px)
    candidates = find_candidates(free, rows, grid, stages[0].disc, n_candidates)
    return align(free, candidates.rows, candidates.rotations, candidates.shifts_px, stages)


def without_prior(posterior: Posterior, shift_extent_px: float) -> Posterior:
    """The likelihood alone, shifts bounded to a disc about the middle of the image."""
    return replace(posterior, prior=flat_prior(len(posterior.images.scale)), extent=SearchExtent(180.0, shift_extent_px))


def flat_prior(n: int) -> PosePrior:
    """Prior of ``n`` images of whose poses nothing is known."""
    return PosePrior(np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 2)), np.zeros(3), np.diag(np.full(3, np.inf)), np.inf)
