"""Slices of a cube along the three axes: cutting, packing and drawing them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from triskelion.conventions import box_center_px
from triskelion.plots.encode import largest_edge_px, pack_image
from triskelion.plots.style import LABEL_PT, ORANGE, THIN_PT, TICK_PT, VERMILLION

# plane -> places in (x, y, z) of: the axis to the right, the axis upwards, the axis cut across
PLANES = {"xy": (0, 1, 2), "xz": (0, 2, 1), "yz": (1, 2, 0)}


def slice_position(through_xyz_px, box_px: int) -> list[int]:
    """Return the voxel (x, y, z) nearest to a point, kept inside the box; the box centre where the point is None."""
    if through_xyz_px is None:
        return [box_center_px(box_px)] * 3
    return [int(v) for v in np.clip(np.rint(through_xyz_px), 0, box_px - 1)]


def cut_slices(array: np.ndarray, position_xyz_px: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the three slices of ``array`` [z, y, x] through a voxel, by plane, each (up, right)."""
    x, y, z = position_xyz_px
    return {"xy": array[z], "xz": array[:, y], "yz": array[:, :, x]}


def pack_slices(slices: dict[str, np.ndarray], n_images: int) -> dict[str, Any]:
    """Pack slices as JSON when the diagnostic holds ``n_images`` images in all."""
    return {plane: pack_image(image, largest_edge_px(n_images)) for plane, image in slices.items()}


def grey_levels(images: Sequence[np.ndarray]) -> tuple[float, float]:
    """Black and white level shared by density images: a little below solvent, and the strongest 0.2 % of the pixels."""
    values = np.concatenate([image.ravel() for image in images])
    white = float(np.percentile(values, 99.8))
    black = max(float(np.percentile(values, 0.2)), -0.35 * white) if white > 0 else float(values.min())
    return (black, white) if white > black else (black, black + 1.0)


def draw_slice(axes: Axes, image: np.ndarray, levels: tuple[float, float], box_px: int) -> None:
    """Draw a slice in grey, axes counted in px from the corner voxel, without a frame of numbers."""
    extent = (-0.5, box_px - 0.5, -0.5, box_px - 0.5)
    axes.imshow(image, origin="lower", extent=extent, cmap="gray", vmin=levels[0], vmax=levels[1], interpolation="bilinear")
    axes.set(xticks=[], yticks=[], xlim=extent[:2], ylim=extent[2:])
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_plane_title(axes: Axes, plane: str, position_xyz_px: Sequence[int]) -> None:
    """Say which plane a slice shows and where it is cut."""
    across = PLANES[plane][2]
    axes.set_title(f"{plane}, {'xyz'[across]} = {position_xyz_px[across]} px", fontsize=LABEL_PT, pad=3)


def draw_scale_bar(axes: Axes, box_px: int, pixel_size_A: float) -> None:
    """Draw a bar of a round length, about a quarter of the box, into the lower left corner."""
    decade = 10 ** np.floor(np.log10(0.3 * box_px * pixel_size_A))
    length_A = max(step for step in (decade, 2 * decade, 5 * decade) if step <= 0.3 * box_px * pixel_size_A)
    start, height = 0.05 * box_px, 0.05 * box_px
    axes.plot([start, start + length_A / pixel_size_A], [height] * 2, color="white", linewidth=2, solid_capstyle="butt")
    axes.text(start, height + 0.025 * box_px, f"{length_A:g} Å", color="white", fontsize=TICK_PT, va="bottom", ha="left")


def draw_cross_hair(axes: Axes, plane: str, fulcrum_xyz_px: Sequence[float]) -> None:
    """Draw dotted lines that cross at the fulcrum, seen along the axis that the slice is cut across."""
    right, up, _ = PLANES[plane]
    axes.axvline(fulcrum_xyz_px[right], color=ORANGE, linewidth=THIN_PT, linestyle=":")
    axes.axhline(fulcrum_xyz_px[up], color=ORANGE, linewidth=THIN_PT, linestyle=":")


TINT = 0.55


def draw_tint(axes: Axes, share: np.ndarray, color: str, box_px: int) -> None:
    """Lay a colour over a slice where ``share``, 0 to 1, is."""
    tint = np.empty((*share.shape, 4))
    tint[..., :3], tint[..., 3] = to_rgb(color), TINT * np.clip(share, 0, 1)
    axes.imshow(tint, origin="lower", extent=(-0.5, box_px - 0.5, -0.5, box_px - 0.5), interpolation="nearest")


def draw_outline(axes: Axes, mask: np.ndarray, box_px: int, *, with_soft_edge: bool = True) -> None:
    """Draw where a mask slice is 0.5 and, as thin lines, where its soft edge begins and ends."""
    ends = 0.5 * (box_px / mask.shape[1] - 1)
    right = np.linspace(ends, box_px - 1 - ends, mask.shape[1])
    up = np.linspace(ends, box_px - 1 - ends, mask.shape[0])
    low, high = float(mask.min()), float(mask.max())
    for level, width in ((0.02, 0.5 * THIN_PT), (0.5, 1.8 * THIN_PT), (0.98, 0.5 * THIN_PT)):
        if low < level < high and (with_soft_edge or level == 0.5):
            axes.contour(right, up, mask, levels=[level], colors=[VERMILLION], linewidths=[width])
