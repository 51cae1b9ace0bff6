"""Marginalised back-projection: every particle enters at antithetic pairs of poses drawn from its posterior.

Random numbers are keyed by (seed, iteration, uid): the same whatever the threads, order or resumption.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.slices import HermitianSums
from triskelion.geometry.fulcrum import shift_of_origin
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.geometry.symmetry import PointGroup
from triskelion.imaging.forward import batch_size, batches
from triskelion.imaging.packed import PackedImages
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages
from triskelion.maps.reconstruct import insert_mates, solve_map
from triskelion.ranks import OneRank, Ranks, gather_halves, halves_of, own_particles
from triskelion.refine.consensus import Consensus, background_volume, remove_background
from triskelion.refine.state import Inputs, Means

KEPT_BYTES = 2**31  # sums of all folds of both half-sets, and their totals


@dataclass(frozen=True)
class PoseCloud:
    """The poses at which each particle enters a reconstruction; one where nothing is drawn.

    Attributes
    ----------
    rotations : ndarray (j, n, 3, 3)
    shifts_px : ndarray (j, n, 2)
        Image of the origin: of the domain's centre in its window, of the box centre in a whole image.
    """

    rotations: np.ndarray
    shifts_px: np.ndarray

    def in_box(self, offsets_px: np.ndarray, center_xyz_px: np.ndarray) -> "PoseCloud":
        """Return the poses about the box centre of poses in windows about a domain's centre; ``offsets_px`` (n, 2) are those of the windows."""
        return PoseCloud(self.rotations, shift_of_origin(self.rotations, self.shifts_px + offsets_px, center_xyz_px))


def draw_cloud(rotations: np.ndarray, centers_px: np.ndarray, steps: np.ndarray) -> PoseCloud:
    """Put every particle at plus and minus each of its steps (pairs, n, 5), in (rad, px) about the domain's centre."""
    signed = np.concatenate([steps, -steps])
    return PoseCloud(rotations @ rotvec_to_matrix(signed[..., :3]), centers_px + signed[..., 3:])


def draw_steps(covariance: np.ndarray, seed: int, iteration: int, uid: np.ndarray, n_pairs: int = 1) -> np.ndarray:
    """Draw steps (pairs, n, 5) from N(0, covariance) for each particle."""
    normal = np.stack([np.random.Generator(np.random.Philox(key=[int(u), (seed << 32) + iteration])).standard_normal((n_pairs, 5)) for u in uid])
    return np.einsum("nij,npj->pni", np.linalg.cholesky(covariance), normal)


def insert_cloud(
    sums: BackProjection,
    weighted: WeightedImages,
    rows: np.ndarray,
    cloud: PoseCloud,
    disc: FourierDisc,
    kernels: Kernels,
    group: PointGroup | None = None,
) -> None:
    """Add a block of images, the particles ``rows``, at all their poses, and under a group at the mates of these."""
    here = np.tile(np.arange(len(rows)), len(cloud.rotations))
    insert_mates(sums, cloud.rotations[:, rows].reshape(-1, 3, 3), cloud.shifts_px[:, rows].reshape(-1, 2), weighted, here, disc, kernels, group)


class HalfSums:
    """Sums of one half-set at the newest poses of its particles, from which one fold at a time is taken out.

    The sums of single folds are kept where those of both halves take no more than ``KEPT_BYTES``; elsewhere a fold is inserted once more to be
    taken out. Either way the total is made anew from whole folds by ``renew``, so that it does not depend on which of the two is done.

    Parameters
    ----------
    images : PackedImages
    folds : list of ndarray
        Rows of each fold.
    kernels : Kernels
    group : PointGroup, optional
        Symmetry of the map.
    ranks : Ranks, optional
        The images of a fold that ``images`` does not hold are other ranks'.
    """

    def __init__(self, images: PackedImages, folds: list[np.ndarray], kernels: Kernels, group: PointGroup | None = None, ranks: Ranks | None = None):
        self._images, self._folds, self._kernels, self._group = images, folds, kernels, group
        self._ranks: Ranks = ranks or OneRank()
        self._inserted: dict[int, tuple[PoseCloud, np.ndarray]] = {}
        self._kept: dict[int, BackProjection] = {}
        self._spare: BackProjection | None = None  # memory that is new to a process costs more to get than to fill
        self._total: BackProjection | None = None
        self._is_kept = 2 * (len(folds) + 1) * self.total.n_bytes <= KEPT_BYTES

    @property
    def total(self) -> BackProjection:
        """Sums of the folds that are in."""
        if self._total is None:
            self._total = BackProjection.empty(int(self._images.disc.shell[-1]))
            for fold in self._inserted:
                self._total.add(self._sums_of(fold))
        return self._total

    @property
    def is_empty(self) -> bool:
        """Whether no fold is in."""
        return not self._inserted

    def renew(self, cloud: PoseCloud, sigma2: np.ndarray, folds: Sequence[int] | None = None) -> None:
        """Make the total of ``folds`` (all) at the poses of ``cloud``, which they were put in at if they were put in at all."""
        self._inserted.clear()
        self.total.clear()
        for fold in range(len(self._folds)) if folds is None else folds:
            self._inserted[fold] = (cloud, sigma2)
            self.total.add(self._sums_of(fold))

    def forget(self) -> None:
        """Give back the memory; sums are made again, with the images as they are weighted then, when they are wanted."""
        self._kept.clear()
        self._spare = self._total = None

    def take_out(self, fold: int) -> None:
        """Take a fold out of the total, if it is in."""
        if fold in self._inserted:
            self.total.subtract(self._sums_of(fold))
            del self._inserted[fold]
            self._spare = self._kept.pop(fold, self._spare)

    def put_in(self, fold: int, cloud: PoseCloud, sigma2: np.ndarray) -> None:
        """Put a fold in at its poses in ``cloud``, its images weighted for the noise ``sigma2``."""
        total = self.total  # without the fold, should it have to be made
        self._inserted[fold] = (cloud, sigma2)
        total.add(self._sums_of(fold))

    def solve(self) -> np.ndarray:
        """Return the map of the total, float32 (w, w, w), unfiltered."""
        return solve_map(HermitianSums.of(self.total), self._images.disc.box_px, self._group)

    def _sums_of(self, fold: int) -> BackProjection:
        if fold in self._kept:
            return self._kept[fold]
        sums, self._spare = self._spare or BackProjection.empty(int(self._images.disc.shell[-1])), None
        sums.clear()
        cloud, sigma2 = self._inserted[fold]
        held = self._folds[fold][self._images.place[self._folds[fold]] >= 0]
        for rows in batches(held, batch_size(len(self._images.disc))):
            insert_cloud(sums, self._images.weighted(rows, sigma2), rows, cloud, self._images.disc, self._kernels, self._group)
        self._ranks.add_in_half(sums.values, sums.weights)
        if self._is_kept:
            self._kept[fold] = sums
        else:
            self._spare = sums
        return sums


def reconstruct_whole(
    inputs: Inputs,
    consensus: Consensus | None,
    sigma2: np.ndarray,
    cloud: PoseCloud,
    means: Means,
    advance: Callable[[int], None],
    group: PointGroup | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruct both half-sets in the full box: the images are read once more.

    Parameters
    ----------
    consensus : Consensus, optional
        Its filtered half maps outside the domain are subtracted, where the settings say so.
    sigma2 : ndarray (groups, shells of the whole image)
    cloud : PoseCloud
        About the box centre.
    """
    images, start, ranks = inputs.images, inputs.start, means.ranks
    own = own_particles(ranks, start.half_set, start.uid)
    maps = {}
    for half in halves_of(ranks):
        background = None
        if consensus is not None and inputs.settings.subtract_background:
            background = background_volume(inputs, consensus.filtered[half])
        sums = BackProjection.empty(int(images.disc.shell[-1]))
        for rows, block in images.blocks(np.flatnonzero(own & (start.half_set == half)), advance):
            residual = remove_background(inputs, rows, block, background, means.kernels)
            insert_cloud(sums, block.weighted(residual, sigma2), rows, cloud, images.disc, means.kernels, group)
        ranks.add_in_half(sums.values, sums.weights)
        folded = HermitianSums.of(sums)
        del background, sums  # what follows takes as much again
        maps[half] = solve_map(folded, images.grid.box_px, group)
    return gather_halves(ranks, maps)
