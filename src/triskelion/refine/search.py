"""The search extent, and coarse starts inside it.

Extents are magnitudes: a rotation differs from the consensus by at most ``rotation_deg``, the image of the fulcrum moves by at
most ``shift_px``.
"""

from dataclasses import dataclass

import numpy as np

from triskelion.fourier.shells import FourierDisc
from triskelion.geometry.fulcrum import shift_of_origin
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.geometry.so3_grid import local_rotation_grid
from triskelion.imaging.forward import batches
from triskelion.kernels.interface import FourierVolume, Kernels, PoseGrid, WeightedImages
from triskelion.refine.prior import EXTENT_PER_SD, PosePrior

GRID_STEP_DEG = 12.0
GRID_STEP_A = 3.0
GRID_BATCH = 64
GRID_SCORES = 2**24  # at once, where the grid is large


@dataclass(frozen=True)
class SearchExtent:
    """How far a pose may be from the consensus."""

    rotation_deg: float
    shift_px: float

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search."""
        return self.rotation_deg == 0 and self.shift_px == 0

    def clip(self, prior: PosePrior, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move poses outside the extents to the nearest pose inside."""
        turn, shift = prior.deviation(rows, rotations, shifts_px)
        turn *= _shrink(turn, np.deg2rad(self.rotation_deg))
        shift *= _shrink(shift, self.shift_px)
        return prior.pose_at(rows, turn, shift)


def _shrink(vectors: np.ndarray, longest: float) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.minimum(1.0, longest / np.maximum(length, 1e-12))


def shift_grid(extent_px: float, step_px: float) -> np.ndarray:
    """Shifts (m, 2) on a square lattice inside a disc, zero first."""
    reach = int(np.floor(extent_px / step_px))
    line = np.arange(-reach, reach + 1) * step_px
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, axis=1) <= extent_px + 1e-9]
    return grid[np.argsort(np.linalg.norm(grid, axis=1), kind="stable")]


def coarse_starts(
    kernels: Kernels,
    volume: FourierVolume,
    images: WeightedImages,
    disc: FourierDisc,
    rows: np.ndarray,
    prior: PosePrior,
    grids: tuple,
    n_starts: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score a grid of rotations and shifts about each particle's consensus pose; return its best, one shift a rotation.

    Parameters
    ----------
    disc : FourierDisc
        Coefficients to score with (up to about 18 Å).
    grids : tuple of ndarray
        Rotation vectors (r, 3) and shifts of the fulcrum's image (s, 2) from the consensus.

    Returns
    -------
    rows (c,), rotations (c, 3, 3), shifts_px (c, 2) of c = len(rows) * n_starts candidates.
    """
    turns, moves = grids
    penalty = -prior.log_density(turns, moves)
    n_starts = min(n_starts, len(turns))
    found = []
    for part in batches(rows, int(np.clip(GRID_SCORES // penalty.size, 1, GRID_BATCH))):
        rotations = prior.consensus_rotations[part][:, None] @ rotvec_to_matrix(turns)[None]
        shifts = shift_of_origin(rotations, prior.consensus_images[part][:, None], prior.lever_xyz_px)
        scores = kernels.score_grid(volume, PoseGrid(rotations, shifts, moves), images, part, disc) - penalty[None]
        best_shift = scores.argmax(-1)
        best_turn = np.argsort(-scores.max(-1), axis=1, kind="stable")[:, :n_starts]
        i = np.arange(len(part))[:, None]
        found.append((np.repeat(part, n_starts), rotations[i, best_turn], shifts[i, best_turn] + moves[best_shift[i, best_turn]]))
    return (
        np.concatenate([f[0] for f in found]),
        np.concatenate([f[1].reshape(-1, 3, 3) for f in found]),
        np.concatenate([f[2].reshape(-1, 2) for f in found]),
    )


def start_grids(extent: SearchExtent, prior: PosePrior, pixel_size_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and shift grids inside the extents, and not beyond what the prior deems likely."""
    reach_rad = min(np.deg2rad(extent.rotation_deg), EXTENT_PER_SD * np.deg2rad(prior.rotation_sd_deg))
    reach_px = min(extent.shift_px, EXTENT_PER_SD * np.sqrt(prior.shift_variance_px2))
    turns = local_rotation_grid(float(reach_rad), np.deg2rad(GRID_STEP_DEG))
    return turns, shift_grid(float(reach_px), GRID_STEP_A / pixel_size_A)


def starts_for_width(rotation_sd_deg: float) -> int:
    """Number of starts that the width of the rotation prior (per axis) asks for."""
    if rotation_sd_deg <= 6:
        return 2
    return 4 if rotation_sd_deg <= 10 else 8
