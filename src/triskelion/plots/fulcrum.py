"""The fulcrum that the poses suggest, with bars of two standard deviations by chance, over slices of the map through it."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.plots.encode import round_numbers, unpack_image
from triskelion.plots.slices import (
    PLANES,
    cut_slices,
    draw_cross_hair,
    draw_outline,
    draw_plane_title,
    draw_scale_bar,
    draw_slice,
    grey_levels,
    pack_slices,
    slice_position,
)
from triskelion.plots.style import DOUBLE_COLUMN_IN, ORANGE, TITLE_PT, new_figure

BAR_SD = 2.0


def collect_fulcrum(volume: Volume, fulcrum_xyz_px: np.ndarray, sd_xyz_px: np.ndarray, *, mask: Mask | None = None) -> dict[str, Any]:
    """Cut map and mask through the fulcrum (3,), counted from the corner voxel; infinite standard deviations (3,) become None.

    Raises
    ------
    InputError
        Map and mask lie on different grids.
    """
    if mask is not None:
        require_same_grid(mask, volume, "the mask", "the map")
    position = slice_position(fulcrum_xyz_px, volume.box_px)
    return {
        "box_px": volume.box_px,
        "pixel_size_A": volume.pixel_size_A,
        "through_xyz_px": position,
        "fulcrum_xyz_px": round_numbers(fulcrum_xyz_px),
        "sd_xyz_px": round_numbers(sd_xyz_px),
        "map": pack_slices(cut_slices(volume.array, position), 6),
        "mask": None if mask is None else pack_slices(cut_slices(mask.array, position), 6),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw three slices; where the poses leave the fulcrum open the bar crosses the box."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.7, packed=True)
    images = {plane: unpack_image(packed) for plane, packed in data["map"].items()}
    levels, box_px = grey_levels(list(images.values())), data["box_px"]
    place, bars = data["fulcrum_xyz_px"], [2 * box_px if sd is None else BAR_SD * sd for sd in data["sd_xyz_px"]]
    for axes, plane in zip(figure.subplots(1, 3), PLANES, strict=True):
        right, up, _ = PLANES[plane]
        draw_slice(axes, images[plane], levels, box_px)
        if data["mask"] is not None:
            draw_outline(axes, unpack_image(data["mask"][plane]), box_px, with_soft_edge=False)
        draw_plane_title(axes, plane, data["through_xyz_px"])
        draw_cross_hair(axes, plane, place)
        axes.errorbar(place[right], place[up], xerr=bars[right], yerr=bars[up], color=ORANGE, marker="o", markersize=2.5, linewidth=1, capsize=2)
        axes.set(xlim=(-0.5, box_px - 0.5), ylim=(-0.5, box_px - 0.5))
        if plane == "xy":
            draw_scale_bar(axes, box_px, data["pixel_size_A"])
    where = ", ".join(f"{x:.1f} ± {'open' if sd is None else f'{sd:.2g}'}" for x, sd in zip(place, data["sd_xyz_px"], strict=True))
    figure.suptitle(f"Fulcrum at {where} px", fontsize=TITLE_PT, x=0.01, ha="left")
    return figure
