"""Marginalised back-projection: every particle enters at antithetic pairs of poses drawn from its posterior.

Random numbers are keyed by (seed, iteration, uid): the same whatever the threads, order or resumption.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triskelion.fourier.shells import FourierDisc
from triskelion.geometry.fulcrum import shift_of_origin
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.forward import batch_size, batches
from triskelion.imaging.packed import PackedImages
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages
from triskelion.maps.reconstruct import solve_map
from triskelion.refine.consensus import Consensus, background_volume, remove_background, rows_of_halves
from triskelion.refine.state import Inputs

KEPT_BYTES = 2**31  # sums of the folds of one half-set, and of all of it


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
    if not steps.any():
        return PoseCloud(rotations[None], centers_px[None])
    signed = np.concatenate([steps, -steps])
    return PoseCloud(rotations @ rotvec_to_matrix(signed[..., :3]), centers_px + signed[..., 3:])


def draw_steps(covariance: np.ndarray, seed: int, iteration: int, uid: np.ndarray, n_pairs: int = 1) -> np.ndarray:
    """Draw steps (pairs, n, 5) from N(0, covariance) for each particle."""
    normal = np.stack([np.random.Generator(np.random.Philox(key=[int(u), (seed << 32) + iteration])).standard_normal((n_pairs, 5)) for u in uid])
    return np.einsum("nij,npj->pni", np.linalg.cholesky(covariance), normal)


def insert_cloud(sums: BackProjection, weighted: WeightedImages, rows: np.ndarray, cloud: PoseCloud, disc: FourierDisc, kernels: Kernels) -> None:
    """Add a block of images, the particles ``rows``, at all their poses."""
    here = np.tile(np.arange(len(rows)), len(cloud.rotations))
    kernels.insert(sums, cloud.rotations[:, rows].reshape(-1, 3, 3), cloud.shifts_px[:, rows].reshape(-1, 2), weighted, here, disc)


def reconstruct_half(
    images: PackedImages, sigma2: np.ndarray, folds: list[np.ndarray], cloud: PoseCloud, kernels: Kernels
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Reconstruct one half-set in the windows of its images, and it without each of its folds.

    Returns
    -------
    half map, maps without fold 0, 1, ... : ndarray, float32 (w, w, w)
        Unfiltered.

    Notes
    -----
    The sums of all folds are kept where they and the total take no more than ``KEPT_BYTES``. Elsewhere folds are inserted twice, so that
    two accumulators are in memory whatever the number of folds.
    """
    last_shell, box_px = int(images.disc.shell[-1]), images.disc.box_px

    def sum_images(rows: np.ndarray) -> BackProjection:
        sums = BackProjection.empty(last_shell)
        for part in batches(rows, batch_size(len(images.disc))):
            insert_cloud(sums, images.weighted(part, sigma2), part, cloud, images.disc, kernels)
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


def reconstruct_whole(
    inputs: Inputs, consensus: Consensus | None, sigma2: np.ndarray, cloud: PoseCloud, kernels: Kernels, advance: Callable[[int], None]
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
    images, start = inputs.images, inputs.start
    maps = []
    for half, of_half in enumerate(rows_of_halves(start.half_set)):
        background = None
        if consensus is not None and inputs.settings.subtract_background:
            background = background_volume(inputs, consensus.filtered[half])
        sums = BackProjection.empty(int(images.disc.shell[-1]))
        for rows, block in images.blocks(of_half, advance):
            residual = remove_background(inputs, rows, block, background, kernels)
            insert_cloud(sums, block.weighted(residual, sigma2), rows, cloud, images.disc, kernels)
        maps.append(solve_map(sums, images.grid.box_px))
    return maps[0], maps[1]
