"""Slices of the map in real space; dotted lines cross at the fulcrum."""

from typing import Any

from matplotlib.figure import Figure

from triskelion.data.volume import Volume, require_same_grid
from triskelion.plots.encode import round_numbers, unpack_image
from triskelion.plots.slices import (
    PLANES,
    cut_slices,
    draw_cross_hair,
    draw_plane_title,
    draw_scale_bar,
    draw_slice,
    grey_levels,
    pack_slices,
    slice_position,
)
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, new_figure


def collect_map_slices(maps: dict[str, Volume], *, fulcrum_xyz_px=None, through_xyz_px=None) -> dict[str, Any]:
    """Cut every map along the three axes.

    Parameters
    ----------
    maps : dict of str to Volume
        Label -> map, all on one grid: ``{"map": ..., "sharpened": ...}``.
    fulcrum_xyz_px, through_xyz_px : array_like, shape (3,), optional
        In px from the corner voxel; the slices go through the box centre unless told otherwise.

    Raises
    ------
    InputError
        The maps lie on different grids.
    """
    labels = list(maps)
    first = maps[labels[0]]
    for label in labels[1:]:
        require_same_grid(first, maps[label], labels[0], label)
    position = slice_position(through_xyz_px, first.box_px)
    rows = [{"label": label, **pack_slices(cut_slices(maps[label].array, position), 3 * len(maps))} for label in labels]
    return {
        "box_px": first.box_px,
        "pixel_size_A": first.pixel_size_A,
        "through_xyz_px": position,
        "fulcrum_xyz_px": None if fulcrum_xyz_px is None else round_numbers(fulcrum_xyz_px),
        "rows": rows,
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw one row of three slices per map; each row has its own grey levels."""
    n_rows = len(data["rows"])
    figure = new_figure(DOUBLE_COLUMN_IN, 0.17 + 2.25 * n_rows, packed=True)
    grid = figure.subplots(n_rows, 3, squeeze=False)
    for row, panels in zip(data["rows"], grid, strict=True):
        images = {plane: unpack_image(row[plane]) for plane in PLANES}
        levels = grey_levels(list(images.values()))
        for plane, axes in zip(PLANES, panels, strict=True):
            draw_slice(axes, images[plane], levels, data["box_px"])
            if row is data["rows"][0]:
                draw_plane_title(axes, plane, data["through_xyz_px"])
            if data["fulcrum_xyz_px"] is not None:
                draw_cross_hair(axes, plane, data["fulcrum_xyz_px"])
        panels[0].set_ylabel(row["label"], fontsize=LABEL_PT)
        draw_scale_bar(panels[0], data["box_px"], data["pixel_size_A"])
    return figure
