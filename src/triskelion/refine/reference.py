"""References: what images are compared with. Own half-set only, filtered, masked, centred on the domain.

A reference that contains an image holds that image's noise, and holds the image where it is: with few particles this self-bias
outweighs the signal (10 of 47 nat measured on 750 particles a half). So a half-set is dealt into folds, and the particles of a fold are
compared with the reconstruction of the others.
"""

import numpy as np
import torch

from triskelion.fourier.filters import apply_shell_gain
from triskelion.imaging.forward import Grid
from triskelion.maps.nonuniform import NonuniformFilter, choose_cuts, fit_nonuniform_filter
from triskelion.refine.shared import SharedRecord
from triskelion.resolution.curves import FscCurves


def wiener_gain(curves: FscCurves) -> np.ndarray:
    """Gain per shell that makes a half map the best estimate of the signal: its FSC (signal over signal plus noise)."""
    return np.clip(curves.curves[curves.headline], 0, 1)


def filter_map(half: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Multiply the transform of a map by a gain per shell."""
    return apply_shell_gain(torch.from_numpy(half), torch.from_numpy(gain)).numpy()


def settle_nonuniform_filter(
    shared: SharedRecord, name: str, half_maps: tuple[np.ndarray, np.ndarray], grid: Grid, finest_A: float
) -> NonuniformFilter:
    """Find the cut of each voxel from both half maps, up to a resolution; recorded in bytes, which is cheap."""
    cuts_A = choose_cuts(finest_A)
    levels = np.float32(255 / max(len(cuts_A) - 1, 1))

    def cut_of_voxel() -> np.ndarray:
        return np.rint(fit_nonuniform_filter(half_maps, grid.pixel_size_A, cuts_A).position * levels).astype(np.uint8)

    return NonuniformFilter(grid.pixel_size_A, cuts_A, shared.settle_by_first(name, cut_of_voxel).astype(np.float32) / levels)


def deal_folds(rows: np.ndarray, n_folds: int) -> list[np.ndarray]:
    """Deal the particles of one half-set into folds of about equal size."""
    return [rows[fold::n_folds] for fold in range(n_folds) if len(rows[fold::n_folds])]
