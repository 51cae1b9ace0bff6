"""The moving domain and its frame: a box of its own, the window, whose middle is the domain's centre."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import box_center_px, reverse_axes
from triskelion.data.volume import Mask

NOTHING = 0.01  # of a mask: what filters and resampling leave all over the box


@dataclass(frozen=True)
class Domain:
    """The moving domain: its mask, its centre (whole px) and its fulcrum, both (x, y, z) px from the box centre.

    References are cut out with ``alignment_mask``, a part of the mask that is to be trusted; with the mask itself where there is none.
    """

    mask: np.ndarray
    center_xyz_px: np.ndarray
    fulcrum_xyz_px: np.ndarray
    alignment_mask: np.ndarray | None = None

    @classmethod
    def of_mask(cls, mask: Mask, fulcrum_xyz_px: np.ndarray, alignment_mask: Mask | None = None) -> "Domain":
        """Make it from a mask and a fulcrum counted from the corner voxel; of an alignment mask counts what lies inside the mask."""
        middle = box_center_px(mask.box_px)
        # as close to the middle of the mask as the box allows: nothing inside the mask may leave a box as large as this about the centre
        inside = [np.flatnonzero(mask.array.max(axis=axes) > NOTHING) for axes in ((0, 1), (0, 2), (1, 2))]
        lowest, highest = [line[-1] - (mask.box_px - 1) for line in inside], [line[0] for line in inside]
        center_xyz_px = np.clip(np.rint(mask.center_xyz_px - middle), lowest, highest)
        aligned = None if alignment_mask is None else np.minimum(mask.array, alignment_mask.array)
        return cls(mask.array, center_xyz_px, np.asarray(fulcrum_xyz_px, np.float64) - middle, aligned)

    @property
    def aligned_part(self) -> np.ndarray:
        """Mask with which references are cut out."""
        return self.mask if self.alignment_mask is None else self.alignment_mask

    @property
    def lever_xyz_px(self) -> np.ndarray:
        """From the centre to the fulcrum."""
        return self.fulcrum_xyz_px - self.center_xyz_px

    @property
    def radius_px(self) -> float:
        """From the centre to the outermost voxel of the mask."""
        points = np.argwhere(self.mask > NOTHING) - box_center_px(len(self.mask)) - reverse_axes(self.center_xyz_px)
        return float(np.sqrt((points**2).sum(1).max()))

    def cut(self, array: np.ndarray, window_px: int) -> np.ndarray:
        """Cut a window (w, w, w) about the centre out of a map; 0 beyond its box."""
        window, box = self._overlap(len(array), window_px)
        cut = np.zeros((window_px,) * 3, np.float32)
        cut[window] = array[box]
        return cut

    def put_back(self, array: np.ndarray) -> np.ndarray:
        """Put a window (w, w, w) back where it was cut: map (n, n, n), 0 elsewhere."""
        window, box = self._overlap(len(self.mask), len(array))
        whole = np.zeros(self.mask.shape, np.float32)
        whole[box] = array[window]
        return whole

    def _overlap(self, box_px: int, window_px: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Where window and box overlap, as slices of the window and of the box."""
        corners = reverse_axes(self.center_xyz_px).astype(int) + box_center_px(box_px) - box_center_px(window_px)
        lows = [max(-corner, 0) for corner in corners]
        highs = [min(box_px - corner, window_px) for corner in corners]
        window = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
        return window, tuple(slice(low + corner, high + corner) for low, high, corner in zip(lows, highs, corners, strict=True))
