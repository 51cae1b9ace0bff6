"""The same slices before and after refinement, on one scale of grey, with the domain's mask outlined, and the FSC curves."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure, FigureBase

from triskelion.conventions import shell_frequency_per_A
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.plots.encode import missing_to_nan, round_number, round_numbers, unpack_image
from triskelion.plots.frequency_axis import draw_frequency_axis
from triskelion.plots.gsfsc import draw_thresholds
from triskelion.plots.slices import PLANES, cut_slices, draw_outline, draw_scale_bar, draw_slice, grey_levels, pack_slices, slice_position
from triskelion.plots.style import (
    BLACK,
    DOUBLE_COLUMN_IN,
    GREY,
    LABEL_PT,
    LINE_PT,
    SKY,
    TITLE_PT,
    VERMILLION,
    add_legend,
    format_resolution,
    label_axes,
    new_figure,
)

SHOWN = ("xy", "xz")
COLORS = (GREY, VERMILLION, BLACK, SKY)
AROUND_MASK = 1.5  # edge of what is shown, in sizes of the mask
WIDTH_OF_CURVES = 1.6  # in widths of a map


def _crop_around(mask: Mask | None, box_px: int) -> tuple[list[int], int]:
    """Return first voxel (x, y, z) and edge (px) of the cube to show: the mask's surroundings, or everything."""
    if mask is None:
        return [0, 0, 0], box_px
    inside = [np.flatnonzero((mask.array > 0).any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    edge = min(box_px, round(AROUND_MASK * max(int(i[-1] - i[0] + 1) for i in inside)))
    return [int(np.clip((i[0] + i[-1] + 1 - edge) // 2, 0, box_px - edge)) for i in inside], edge


def collect_before_after(
    maps: dict[str, Volume],
    *,
    fsc: dict[str, Any] | None = None,
    resolution_A: dict[str, float | None] | None = None,
    mask: Mask | None = None,
) -> dict[str, Any]:
    """Cut the same slices out of two to four maps.

    Parameters
    ----------
    maps : dict of str to Volume
        Label (``consensus``, ``refined``, ``oracle``) -> map, all on one grid.
    fsc : dict of str to array_like, shape (shells,), optional
        Label -> curve from shell 0 on.
    resolution_A : dict of str to float, optional
        Label -> where the curve crosses 0.143.
    mask : Mask, optional
        The domain: slices go through its centre, show its outline and its surroundings only; else all of the box centre's.

    Raises
    ------
    InputError
        Maps or mask lie on different grids.
    """
    labels = list(maps)
    first = maps[labels[0]]
    for label in labels[1:]:
        require_same_grid(first, maps[label], labels[0], label)
    if mask is not None:
        require_same_grid(first, mask, labels[0], "the mask")
    position = slice_position(None if mask is None else mask.center_xyz_px, first.box_px)
    start, edge = _crop_around(mask, first.box_px)
    n_images = len(SHOWN) * (len(maps) + (mask is not None))

    def pack(array: np.ndarray) -> dict[str, Any]:
        x, y, z = (slice(s, s + edge) for s in start)
        slices = cut_slices(array[z, y, x], [p - s for p, s in zip(position, start, strict=True)])
        return pack_slices({plane: slices[plane] for plane in SHOWN}, n_images)

    shells = np.arange(max((len(curve) for curve in fsc.values()), default=0) if fsc else 0)
    return {
        "crop_px": edge,
        "pixel_size_A": first.pixel_size_A,
        "through_xyz_px": position,
        "labels": labels,
        "slices": {label: pack(volume.array) for label, volume in maps.items()},
        "mask": None if mask is None else pack(mask.array),
        "frequency_per_A": round_numbers(shell_frequency_per_A(shells, first.box_px, first.pixel_size_A)),
        "fsc": None if fsc is None else {label: round_numbers(curve) for label, curve in fsc.items()},
        "resolution_A": {label: round_number(value) for label, value in (resolution_A or {}).items()},
    }


def _draw_curves(figure: FigureBase, data: dict[str, Any]) -> None:
    axes = figure.add_subplot()
    frequency = np.asarray(data["frequency_per_A"])
    draw_thresholds(axes)
    for (label, curve), color in zip(data["fsc"].items(), COLORS, strict=False):
        resolution = data["resolution_A"].get(label)
        text = f"{label}  {format_resolution(resolution)}" if resolution else label
        axes.plot(frequency[1 : len(curve)], missing_to_nan(curve)[1:], color=color, linewidth=1.3 * LINE_PT, label=text)
        if resolution:
            axes.plot([1 / resolution], [0.143], marker="o", markersize=3, color=color, zorder=5)
    label_axes(axes, x_label="spatial frequency (1/Å)", y_label="Fourier shell correlation")
    draw_frequency_axis(axes, float(frequency[-1]))
    axes.set_ylim(-0.1, 1.03)
    add_legend(figure, loc="outside lower center")  # a curve may run anywhere in the panel


def _draw_maps(figure: FigureBase, data: dict[str, Any]) -> None:
    """Draw one column per map."""
    panels = figure.subplots(len(SHOWN), len(data["labels"]), squeeze=False)
    images = {label: {plane: unpack_image(data["slices"][label][plane]) for plane in SHOWN} for label in data["labels"]}
    levels = grey_levels([image for planes in images.values() for image in planes.values()])
    for row, plane in zip(panels, SHOWN, strict=True):
        for axes, label in zip(row, data["labels"], strict=True):
            draw_slice(axes, images[label][plane], levels, data["crop_px"])
            if data["mask"] is not None:
                draw_outline(axes, unpack_image(data["mask"][plane]), data["crop_px"], with_soft_edge=False)
        across = PLANES[plane][2]
        row[0].set_ylabel(f"{plane}, {'xyz'[across]} = {data['through_xyz_px'][across]} px", fontsize=LABEL_PT)
    for axes, label in zip(panels[0], data["labels"], strict=True):
        axes.set_title(label, fontsize=TITLE_PT, pad=3)
    draw_scale_bar(panels[-1, 0], data["crop_px"], data["pixel_size_A"])


def draw(data: dict[str, Any]) -> Figure:
    """Draw the maps and, to their right, the curves."""
    n, width_of_curves = len(data["labels"]), 0.0 if data["fsc"] is None else WIDTH_OF_CURVES
    map_in = min(DOUBLE_COLUMN_IN / (n + width_of_curves), 2.2)
    figure = new_figure((n + width_of_curves) * map_in, len(SHOWN) * map_in)
    if data["fsc"] is None:
        _draw_maps(figure, data)
        return figure
    grid = figure.add_gridspec(1, 2, width_ratios=(n, width_of_curves))
    _draw_maps(figure.add_subfigure(grid[0]), data)
    _draw_curves(figure.add_subfigure(grid[1]), data)
    return figure
