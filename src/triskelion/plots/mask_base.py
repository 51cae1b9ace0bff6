"""Mask base and complement base as colours over slices of the map, through the centre of the base."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from triskelion.data.volume import Volume, require_same_grid
from triskelion.plots.encode import unpack_image
from triskelion.plots.slices import (
    PLANES,
    TINT,
    cut_slices,
    draw_plane_title,
    draw_scale_bar,
    draw_slice,
    draw_tint,
    grey_levels,
    pack_slices,
    slice_position,
)
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, ORANGE, SKY, add_legend, new_figure

PARTS = {"base": ("mask base", ORANGE), "rest": ("complement base", SKY)}


def collect_mask_base(volume: Volume, base: Volume, rest: Volume) -> dict[str, Any]:
    """Cut the map, and where base and rest of it have density, through the centre of mass of the base.

    Raises
    ------
    InputError
        They lie on different grids.
    """
    require_same_grid(volume, base, "the map", "the mask base")
    require_same_grid(volume, rest, "the map", "the complement base")
    inside = {"base": base.array != 0, "rest": rest.array != 0}
    places = np.nonzero(inside["base"])
    position = slice_position([float(np.mean(axis)) for axis in reversed(places)], volume.box_px)
    return {
        "box_px": volume.box_px,
        "pixel_size_A": volume.pixel_size_A,
        "through_xyz_px": position,
        "map": pack_slices(cut_slices(volume.array, position), 9),
        **{name: pack_slices(cut_slices(array.astype(np.float32), position), 9) for name, array in inside.items()},
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw three slices, tinted where base and complement are."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.75, packed=True)
    images = {plane: unpack_image(packed) for plane, packed in data["map"].items()}
    levels, box_px = grey_levels(list(images.values())), data["box_px"]
    for axes, plane in zip(figure.subplots(1, 3), PLANES, strict=True):
        draw_slice(axes, images[plane], levels, box_px)
        for name, (_, color) in PARTS.items():
            draw_tint(axes, unpack_image(data[name][plane]), color, box_px)
        draw_plane_title(axes, plane, data["through_xyz_px"])
        if plane == "xy":
            draw_scale_bar(axes, box_px, data["pixel_size_A"])
    patches = [Patch(facecolor=color, alpha=TINT, label=label) for label, color in PARTS.values()]
    add_legend(figure, handles=patches, loc="outside lower center", ncols=2, fontsize=LABEL_PT)
    return figure
