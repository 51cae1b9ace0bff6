"""References: what a half-set's images are compared with. Own half map only, filtered, masked, centred on the domain."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import box_center_px, reverse_axes
from triskelion.data.volume import Mask
from triskelion.fourier.slices import prepare_slices
from triskelion.kernels.interface import FourierVolume


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
        return cls(mask.array, np.rint(mask.center_xyz_px - middle), np.asarray(fulcrum_xyz_px, np.float64) - middle)

    @property
    def lever_xyz_px(self) -> np.ndarray:
        """From the centre to the fulcrum."""
        return self.fulcrum_xyz_px - self.center_xyz_px


def domain_slices(filtered: np.ndarray, domain: Domain, last_shell: int) -> FourierVolume:
    """Cut the domain out of a filtered half map, bring its centre to the origin and transform it."""
    shift = tuple(int(-s) for s in reverse_axes(domain.center_xyz_px))
    return prepare_slices(np.roll(filtered * domain.mask, shift, axis=(0, 1, 2)), last_shell)


def background_slices(filtered: np.ndarray, domain: Domain, particle_mask: np.ndarray, last_shell: int) -> FourierVolume:
    """Cut the rest of the particle out of a filtered half map and transform it."""
    return prepare_slices(filtered * particle_mask * (1 - domain.mask), last_shell)
