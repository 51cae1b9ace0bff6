"""The maps of two jobs side by side, on one scale of grey, and what the second has more than the first."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.data.volume import Volume, require_same_grid
from triskelion.plots.encode import round_number, unpack_image
from triskelion.plots.slices import PLANES, cut_slices, draw_scale_bar, draw_slice, grey_levels, pack_slices, slice_position
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, TITLE_PT, new_figure


def collect_compare_maps(labels: tuple[str, str], first: Volume, second: Volume, second_scale: float, *, through_xyz_px=None) -> dict[str, Any]:
    """Cut both maps along the three axes.

    Parameters
    ----------
    labels : tuple of str
        What the two are called.
    first, second : Volume
        On one grid.
    second_scale : float
        By what the second is multiplied, to have the first one's scale of grey.
    through_xyz_px : array_like, shape (3,), optional
        In px from the corner voxel; default: the box centre.

    Raises
    ------
    InputError
        The maps lie on different grids.
    """
    require_same_grid(first, second, *labels)
    position = slice_position(through_xyz_px, first.box_px)
    scaled = second.array * np.float32(second_scale)
    columns = {labels[0]: first.array, labels[1]: scaled, f"{labels[1]} − {labels[0]}": scaled - first.array}
    return {
        "box_px": first.box_px,
        "pixel_size_A": first.pixel_size_A,
        "through_xyz_px": position,
        "second_multiplied_by": round_number(second_scale),
        "columns": [{"label": label, **pack_slices(cut_slices(array, position), 9)} for label, array in columns.items()],
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw a column for each map and one for their difference, a row for each plane."""
    figure = new_figure(0.85 * DOUBLE_COLUMN_IN, 0.17 + 0.85 * DOUBLE_COLUMN_IN, packed=True)
    images = [{plane: unpack_image(column[plane]) for plane in PLANES} for column in data["columns"]]
    levels = grey_levels([image for column in images[:2] for image in column.values()])
    middle, half = 0.0, 0.5 * (levels[1] - levels[0])  # solvent is the middle of grey in a difference
    for row, plane in zip(figure.subplots(3, 3), PLANES, strict=True):
        for place, (axes, column) in enumerate(zip(row, images, strict=True)):
            draw_slice(axes, column[plane], levels if place < 2 else (middle - half, middle + half), data["box_px"])
            if plane == "xy":
                axes.set_title(data["columns"][place]["label"], fontsize=TITLE_PT, pad=3)
        across = PLANES[plane][2]
        row[0].set_ylabel(f"{plane}, {'xyz'[across]} = {data['through_xyz_px'][across]} px", fontsize=LABEL_PT)
        if plane == "xy":
            draw_scale_bar(row[0], data["box_px"], data["pixel_size_A"])
    return figure
