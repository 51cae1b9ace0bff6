"""A map on a cubic grid, with the pixel size it can never be without."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from triskelion.errors import InputError


@dataclass(frozen=True)
class Volume:
    """A density map.

    Attributes
    ----------
    array : ndarray, float32, shape (n, n, n)
        Density, indexed [z, y, x]; protein is positive.
    pixel_size_A : float
        Edge of a voxel in Å.
    """

    array: np.ndarray
    pixel_size_A: float

    def __post_init__(self):
        check_grid(self.array, self.pixel_size_A, "map")
        # a copy of arrays that are read only (mapped files): tensors cannot share them
        object.__setattr__(self, "array", np.require(self.array, np.float32, ["C_CONTIGUOUS", "WRITEABLE"]))

    @property
    def box_px(self) -> int:
        """Edge of the box in voxels."""
        return self.array.shape[0]


@dataclass(frozen=True)
class Mask:
    """A soft mask: 1 inside, 0 outside, a smooth edge between.

    Attributes
    ----------
    array : ndarray, float32, shape (n, n, n)
        Values in [0, 1], indexed [z, y, x].
    pixel_size_A : float
        Edge of a voxel in Å.
    """

    array: np.ndarray
    pixel_size_A: float

    def __post_init__(self):
        check_grid(self.array, self.pixel_size_A, "mask")
        array = np.ascontiguousarray(self.array, dtype=np.float32)
        low, high = float(array.min()), float(array.max())
        if low < -1e-4 or high > 1 + 1e-4:
            raise InputError(f"a mask holds values from 0 to 1, this one from {low:.3g} to {high:.3g}: make one with volume_tools")
        if high < 0.5:
            raise InputError("the mask is empty: no voxel reaches 0.5; lower the threshold or dilate it")
        object.__setattr__(self, "array", np.clip(array, 0, 1))

    @property
    def box_px(self) -> int:
        """Edge of the box in voxels."""
        return self.array.shape[0]

    @property
    def center_xyz_px(self) -> np.ndarray:
        """Centre of mass (x, y, z) in px from the corner voxel, shape (3,)."""
        index = np.arange(self.box_px)
        sums = [self.array.sum(axis=axes, dtype=np.float64) for axes in ((0, 1), (0, 2), (1, 2))]
        return np.array([float((s * index).sum() / s.sum()) for s in sums])


def check_grid(array: np.ndarray, pixel_size_A: float, what: str) -> None:
    """Raise InputError unless ``array`` is a finite cube and the pixel size is positive."""
    if array.ndim != 3 or len(set(array.shape)) != 1:
        raise InputError(f"the {what} has shape {tuple(array.shape)}, wanted a cube: crop or pad it with volume_tools")
    if not (np.isfinite(pixel_size_A) and pixel_size_A > 0):
        raise InputError(f"the {what} has pixel size {pixel_size_A} Å: give the true one with pixel_size_A")
    if not np.isfinite(array).all():
        raise InputError(f"the {what} holds {int((~np.isfinite(array)).sum())} values that are NaN or infinite")


class OnGrid(Protocol):
    """Anything with a box and a pixel size: a map, a mask, or the grid of a map that is still to be made."""

    @property
    def box_px(self) -> int:
        """Edge of the box in voxels."""
        ...

    @property
    def pixel_size_A(self) -> float:
        """Edge of a voxel in Å."""
        ...


def is_same_grid(first: OnGrid, second: OnGrid) -> bool:
    """Whether both lie on the same grid (pixel sizes may differ by 0.1 %, as rounded headers do)."""
    return first.box_px == second.box_px and abs(first.pixel_size_A - second.pixel_size_A) <= 1e-3 * first.pixel_size_A


def require_same_grid(first: OnGrid, second: OnGrid, first_name: str, second_name: str) -> None:
    """Raise InputError unless both lie on the same grid."""
    if not is_same_grid(first, second):
        raise InputError(
            f"{first_name} has box {first.box_px} px at {first.pixel_size_A:g} Å/px, "
            f"{second_name} has box {second.box_px} px at {second.pixel_size_A:g} Å/px: "
            "put both on one grid with volume_tools"
        )
