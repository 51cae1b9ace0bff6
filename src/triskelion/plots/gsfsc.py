"""Fourier shell correlation of the two half maps under each mask; the thick line gives the resolution, where it crosses 0.143.

The data are ``FscCurves.as_dict()`` of resolution/curves.py, and with ``threshold`` 0.5 the level at which two maps, not halves, are read.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from triskelion.plots.encode import missing_to_nan
from triskelion.plots.frequency_axis import draw_frequency_axis
from triskelion.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LINE_PT,
    ORANGE,
    SKY,
    THIN_PT,
    TICK_PT,
    VERMILLION,
    add_legend,
    format_resolution,
    label_axes,
    new_figure,
)

# curve -> how the legend calls it, its colour, its dashes; drawn in this order
CURVES = {
    "none": ("no mask", GREY, "-"),
    "spherical": ("spherical", SKY, "-"),
    "loose": ("loose", GREEN, "-"),
    "tight": ("tight", BLUE, "-"),
    "corrected": ("corrected", VERMILLION, "-"),
    "user": ("user mask", ORANGE, "--"),
    "user_corrected": ("user mask, corrected", BLACK, "-"),
}


def draw_thresholds(axes: Axes) -> None:
    """Draw and name the levels 0.5 and 0.143, and 0."""
    axes.axhline(0, color=BLACK, linewidth=THIN_PT)
    for level in (0.5, 0.143):
        axes.axhline(level, color=GREY, linewidth=THIN_PT, linestyle=(0, (4, 3)))
        place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
        axes.annotate(f"{level:g}", (0, level), (3, 1.5), fontsize=TICK_PT, color=GREY, **place)


def draw_crossing(axes: Axes, resolution_A: float, color: str, *, level: float = 0.143) -> None:
    """Mark where a curve crosses ``level`` and write the resolution there."""
    axes.plot([1 / resolution_A], [level], marker="o", markersize=3, color=color, zorder=5)
    axes.annotate(
        format_resolution(resolution_A),
        (1 / resolution_A, level),
        (3, 4),
        textcoords="offset points",
        fontsize=TICK_PT + 0.5,
        color=color,
        weight="bold",
    )


def _say_resolution(data: dict[str, Any], resolution: float | None, threshold: float) -> str:
    """Write the headline, or what there is instead of one."""
    name = data["headline"]
    if not resolution:
        return "No resolution: the maps have nothing in common"
    if threshold == 0.143 and name in data.get("at_nyquist", ()):
        return f"{format_resolution(resolution)}, limited by the pixel size: FSC stays above 0.143"
    return f"{format_resolution(resolution)} at FSC = {threshold:g} ({CURVES[name][0]})"


def draw(data: dict[str, Any]) -> Figure:
    """Draw all curves from shell 1 on; the headline is the thick one and carries the resolution."""
    figure = new_figure(5.0, 2.7)
    axes = figure.subplots()
    frequency = np.asarray(data["frequency_per_A"])
    draw_thresholds(axes)
    threshold = data.get("threshold", 0.143)
    resolutions = data["resolution_0.5_A" if threshold == 0.5 else "resolution_A"]
    for name, (label, color, dashes) in CURVES.items():
        if name not in data["curves"]:
            continue
        resolution = resolutions.get(name)
        text = f"{label}  {format_resolution(resolution)}" if resolution else label
        width = 1.7 * LINE_PT if name == data["headline"] else LINE_PT
        axes.plot(frequency[1:], missing_to_nan(data["curves"][name])[1:], color=color, linestyle=dashes, linewidth=width, label=text)
    headline = resolutions.get(data["headline"])
    if headline:
        draw_crossing(axes, headline, CURVES[data["headline"]][1], level=threshold)
    if data.get("randomized_from_A"):
        axes.axvline(1 / data["randomized_from_A"], color=GREY, linewidth=THIN_PT, linestyle=":", label="phases randomised beyond")
    label_axes(axes, title=_say_resolution(data, headline, threshold), x_label="spatial frequency (1/Å)", y_label="Fourier shell correlation")
    draw_frequency_axis(axes, float(frequency[-1]))
    axes.set_ylim(-0.1, 1.03)
    add_legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
