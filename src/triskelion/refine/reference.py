"""References: what images are compared with. Own half-set only, filtered, masked, centred on the domain.

A reference that contains an image holds that image's noise, and holds the image where it is: with few particles this self-bias
outweighs the signal (10 of 47 nat measured on 750 particles a half). So a half-set is dealt into folds, and the particles of a fold are
compared with the reconstruction of the others.
"""

from dataclasses import dataclass

import numpy as np
import torch

from triskelion.conventions import box_center_px, reverse_axes
from triskelion.data.volume import Mask
from triskelion.fourier.filters import apply_shell_gain
from triskelion.fourier.slices import prepare_slices
from triskelion.kernels.interface import FourierVolume
from triskelion.resolution.curves import FscCurves

N_FOLDS = 5
NOTHING = 0.01  # of a mask: what filters and resampling leave all over the box


@dataclass(frozen=True)
class Domain:
    """The moving domain: its mask, its centre (whole px) and its fulcrum, both (x, y, z) px from the box centre."""

    mask: np.ndarray
    center_xyz_px: np.ndarray
    fulcrum_xyz_px: np.ndarray

    @classmethod
    def of_mask(cls, mask: Mask, fulcrum_xyz_px: np.ndarray) -> "Domain":
        """Make it from a mask and a fulcrum counted from the corner voxel."""
        middle = box_center_px(mask.box_px)
        # as close to the middle of the mask as the box allows: nothing inside the mask may leave it on one side and come back on the other
        inside = [np.flatnonzero(mask.array.max(axis=axes) > NOTHING) for axes in ((0, 1), (0, 2), (1, 2))]
        lowest, highest = [line[-1] - (mask.box_px - 1) for line in inside], [line[0] for line in inside]
        center_xyz_px = np.clip(np.rint(mask.center_xyz_px - middle), lowest, highest)
        return cls(mask.array, center_xyz_px, np.asarray(fulcrum_xyz_px, np.float64) - middle)

    @property
    def lever_xyz_px(self) -> np.ndarray:
        """From the centre to the fulcrum."""
        return self.fulcrum_xyz_px - self.center_xyz_px


def wiener_gain(curves: FscCurves) -> np.ndarray:
    """Gain per shell that makes a half map the best estimate of the signal: its FSC (signal over signal plus noise)."""
    return np.clip(curves.curves[curves.headline], 0, 1)


def filter_map(half: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Multiply the transform of a map by a gain per shell."""
    return apply_shell_gain(torch.from_numpy(half), torch.from_numpy(gain)).numpy()


def domain_slices(filtered: np.ndarray, domain: Domain, last_shell: int) -> FourierVolume:
    """Cut the domain out of a filtered map, bring its centre to the origin and transform it."""
    shift = tuple(int(-s) for s in reverse_axes(domain.center_xyz_px))
    return prepare_slices(np.roll(filtered * domain.mask, shift, axis=(0, 1, 2)), last_shell)


def background_slices(filtered: np.ndarray, domain: Domain, particle_mask: np.ndarray, last_shell: int) -> FourierVolume:
    """Cut the rest of the particle out of a filtered map and transform it."""
    return prepare_slices(filtered * particle_mask * (1 - domain.mask), last_shell)


def deal_folds(rows: np.ndarray, n_folds: int = N_FOLDS) -> list[np.ndarray]:
    """Deal the particles of one half-set into folds of about equal size."""
    return [rows[fold::n_folds] for fold in range(n_folds) if len(rows[fold::n_folds])]
