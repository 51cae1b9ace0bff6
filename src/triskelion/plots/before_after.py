"""The same slices of a map before and after refinement, on one scale of grey, and their FSC curves."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from triskelion.conventions import shell_frequency_per_A
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.plots.encode import missing_to_nan, round_number, round_numbers, unpack_image
from triskelion.plots.frequency_axis import draw_frequency_axis
from triskelion.plots.gsfsc import draw_thresholds
from triskelion.plots.slices import PLANES, cut_slices, draw_outline, draw_scale_bar, draw_slice, grey_levels, pack_slices, slice_position
from triskelion.plots.style import BLACK, DOUBLE_COLUMN_IN, GREY, LABEL_PT, LINE_PT, SKY, TITLE_PT, VERMILLION, add_legend, label_axes, new_figure

SHOWN = ("xy", "xz")
COLORS = (GREY, VERMILLION, BLACK, SKY)


def collect_before_after(
    maps: dict[str, Volume],
    *,
    fsc: dict[str, Any] | None = None,
    resolution_A: dict[str, float | None] | None = None,
    mask: Mask | None = None,
) -> dict[str, Any]:
    """Cut the same slices out of two or three maps.

    Parameters
    ----------
    maps : dict of str to Volume
        Label (``consensus``, ``refined``, ``oracle``) -> map, all on one grid.
    fsc : dict of str to array_like, shape (shells,), optional
        Label -> curve from shell 0 on.
    resolution_A : dict of str to float, optional
        Label -> where the curve crosses 0.143.
    mask : Mask, optional
        The domain: slices go through its centre and show its outline; else through the box centre.

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
    n_images = len(SHOWN) * (len(maps) + (mask is not None))

    def pack(array: np.ndarray) -> dict[str, Any]:
        slices = cut_slices(array, position)
        return pack_slices({plane: slices[plane] for plane in SHOWN}, n_images)

    shells = np.arange(max((len(curve) for curve in fsc.values()), default=0)) if fsc else np.arange(0)
    return {
        "box_px": first.box_px,
        "pixel_size_A": first.pixel_size_A,
        "through_xyz_px": position,
        "labels": labels,
        "slices": {label: pack(volume.array) for label, volume in maps.items()},
        "mask": None if mask is None else pack(mask.array),
        "frequency_per_A": round_numbers(shell_frequency_per_A(shells, first.box_px, first.pixel_size_A)),
        "fsc": None if fsc is None else {label: round_numbers(curve) for label, curve in fsc.items()},
        "resolution_A": {label: round_number(value) for label, value in (resolution_A or {}).items()},
    }


def _draw_curves(axes: Axes, data: dict[str, Any]) -> None:
    frequency = np.asarray(data["frequency_per_A"])
    draw_thresholds(axes)
    for (label, curve), color in zip(data["fsc"].items(), COLORS, strict=False):
        resolution = data["resolution_A"].get(label)
        text = f"{label}  {resolution:.3g} Å" if resolution else label
        axes.plot(frequency[: len(curve)], missing_to_nan(curve), color=color, linewidth=1.3 * LINE_PT, label=text)
        if resolution:
            axes.plot([1 / resolution], [0.143], marker="o", markersize=3, color=color, zorder=5)
    label_axes(axes, x_label="spatial frequency (1/Å)", y_label="Fourier shell correlation")
    draw_frequency_axis(axes, float(frequency[-1]))
    axes.set_ylim(-0.1, 1.03)
    add_legend(axes, loc="upper right")


def draw(data: dict[str, Any]) -> Figure:
    """Draw one column per map and the curves to their right."""
    n, with_curves = len(data["labels"]), data["fsc"] is not None
    widths = [1.0] * n + ([1.7] if with_curves else [])
    column_in = (DOUBLE_COLUMN_IN - 0.2) / sum(widths)
    figure = new_figure(DOUBLE_COLUMN_IN, min(2 * column_in, 5.0) + 0.3)
    grid = figure.add_gridspec(len(SHOWN), len(widths), width_ratios=widths)
    images = {label: {plane: unpack_image(data["slices"][label][plane]) for plane in SHOWN} for label in data["labels"]}
    levels = grey_levels([image for planes in images.values() for image in planes.values()])
    for column, label in enumerate(data["labels"]):
        for row, plane in enumerate(SHOWN):
            axes = figure.add_subplot(grid[row, column])
            draw_slice(axes, images[label][plane], levels, data["box_px"])
            if data["mask"] is not None:
                draw_outline(axes, unpack_image(data["mask"][plane]), data["box_px"])
            if row == 0:
                axes.set_title(label, fontsize=TITLE_PT, pad=3)
            if column == 0:
                across = PLANES[plane][2]
                axes.set_ylabel(f"{plane}, {'xyz'[across]} = {data['through_xyz_px'][across]} px", fontsize=LABEL_PT)
                if row == len(SHOWN) - 1:
                    draw_scale_bar(axes, data["box_px"], data["pixel_size_A"])
    if with_curves:
        _draw_curves(figure.add_subplot(grid[:, n]), data)
    return figure
