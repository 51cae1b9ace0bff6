"""Where a fulcrum was put: slices of the map through it, tinted where the parts that meet there are."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from triskelion.data.volume import Volume
from triskelion.plots.encode import round_numbers, unpack_image
from triskelion.plots.slices import (
    PLANES,
    TINT,
    cut_slices,
    draw_cross_hair,
    draw_plane_title,
    draw_scale_bar,
    draw_slice,
    draw_tint,
    grey_levels,
    pack_slices,
    slice_position,
)
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, ORANGE, SKY, TITLE_PT, VERMILLION, add_legend, new_figure

COLORS = (ORANGE, SKY)


def collect_fulcrum_place(volume: Volume, fulcrum_xyz_px, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """Cut the map, and the parts of it that tell where the fulcrum is, through the fulcrum.

    Parameters
    ----------
    volume : Volume
    fulcrum_xyz_px : array_like, shape (3,)
        Counted from the corner voxel.
    parts : dict of str to ndarray of bool, shape (n, n, n)
        Label -> voxels, two at most.
    """
    position = slice_position(fulcrum_xyz_px, volume.box_px)
    return {
        "box_px": volume.box_px,
        "pixel_size_A": volume.pixel_size_A,
        "through_xyz_px": position,
        "fulcrum_xyz_px": round_numbers(fulcrum_xyz_px),
        "map": pack_slices(cut_slices(volume.array, position), 9),
        "parts": [{"label": label, **pack_slices(cut_slices(part.astype(np.float32), position), 9)} for label, part in parts.items()],
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw three slices with the fulcrum as a ring where dotted lines cross."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.85 if data["parts"] else 2.7, packed=True)
    images = {plane: unpack_image(packed) for plane, packed in data["map"].items()}
    levels, box_px, place = grey_levels(list(images.values())), data["box_px"], data["fulcrum_xyz_px"]
    for axes, plane in zip(figure.subplots(1, 3), PLANES, strict=True):
        right, up, _ = PLANES[plane]
        draw_slice(axes, images[plane], levels, box_px)
        for part, color in zip(data["parts"], COLORS, strict=False):
            draw_tint(axes, unpack_image(part[plane]), color, box_px)
        draw_cross_hair(axes, plane, place)
        axes.plot(place[right], place[up], marker="o", markersize=7, markerfacecolor="none", markeredgecolor=VERMILLION, markeredgewidth=1.4)
        draw_plane_title(axes, plane, data["through_xyz_px"])
        if plane == "xy":
            draw_scale_bar(axes, box_px, data["pixel_size_A"])
    handles = [Patch(facecolor=color, alpha=TINT, label=part["label"]) for part, color in zip(data["parts"], COLORS, strict=False)]
    if handles:
        add_legend(figure, handles=handles, loc="outside lower center", ncols=2, fontsize=LABEL_PT)
    figure.suptitle(f"Fulcrum at {', '.join(f'{value:.1f}' for value in place)} px", fontsize=TITLE_PT, x=0.01, ha="left")
    return figure
