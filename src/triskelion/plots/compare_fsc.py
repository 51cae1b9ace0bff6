"""Fourier shell correlation of the half maps of each of two jobs, and between their maps (no resolution: they may share images)."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.conventions import shell_frequency_per_A
from triskelion.data.volume import OnGrid
from triskelion.plots.encode import missing_to_nan, round_number, round_numbers
from triskelion.plots.frequency_axis import draw_frequency_axis
from triskelion.plots.gsfsc import draw_crossing, draw_thresholds
from triskelion.plots.style import BLACK, BLUE, LINE_PT, VERMILLION, add_legend, format_resolution, label_axes, new_figure
from triskelion.resolution.crossing import FIRST_SHELL
from triskelion.resolution.curves import FSC_THRESHOLD

COLORS = (BLUE, VERMILLION)


def collect_compare_fsc(
    halves: dict[str, tuple[np.ndarray, float | None]], between: np.ndarray, between_resolution_A: float | None, grid: OnGrid
) -> dict[str, Any]:
    """Put the curves on one axis.

    Parameters
    ----------
    halves : dict of str to (ndarray (shells,), float or None)
        Label of a job -> FSC of its half maps, and where that crosses 0.143.
    between : ndarray (shells,)
        FSC of the two maps.
    between_resolution_A : float or None
        Where that crosses 0.5.
    grid : OnGrid
        Box and pixel size of all of them.
    """
    shells = np.arange(len(between))
    return {
        "frequency_per_A": round_numbers(shell_frequency_per_A(shells, grid.box_px, grid.pixel_size_A)),
        "halves": {label: {"fsc": round_numbers(curve), "resolution_A": round_number(crossing)} for label, (curve, crossing) in halves.items()},
        "between": {"fsc": round_numbers(between), "resolution_0.5_A": round_number(between_resolution_A)},
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the curves of both jobs in colour and that between the maps in black and dashed."""
    figure = new_figure(5.0, 2.7)
    axes = figure.subplots()
    frequency = np.asarray(data["frequency_per_A"])
    draw_thresholds(axes)
    for (label, one), color in zip(data["halves"].items(), COLORS, strict=False):
        crossing, curve = one["resolution_A"], missing_to_nan(one["fsc"])
        is_crossed = bool((curve[FIRST_SHELL:] < FSC_THRESHOLD).any())
        text = f"{label}  {format_resolution(crossing)}{'' if is_crossed else ' (Nyquist)'}" if crossing else label
        axes.plot(frequency[1:], curve[1:], color=color, linewidth=1.4 * LINE_PT, label=text)
        if crossing and is_crossed:
            axes.plot([1 / crossing], [FSC_THRESHOLD], marker="o", markersize=3, color=color, zorder=5)
    crossing = data["between"]["resolution_0.5_A"]
    axes.plot(frequency[1:], missing_to_nan(data["between"]["fsc"])[1:], color=BLACK, linestyle="--", linewidth=LINE_PT, label="between the maps")
    if crossing:
        draw_crossing(axes, crossing, BLACK, level=0.5)
    label_axes(axes, title=_say_which_is_finer(data["halves"]), x_label="spatial frequency (1/Å)", y_label="Fourier shell correlation")
    draw_frequency_axis(axes, float(frequency[-1]))
    axes.set_ylim(-0.1, 1.03)
    add_legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _say_which_is_finer(halves: dict[str, Any]) -> str:
    found = [(one["resolution_A"], label) for label, one in halves.items() if one["resolution_A"]]
    if len(found) < 2:
        return ""
    (finer, label), (coarser, other) = sorted(found)
    return f"{label} {format_resolution(finer)}, {other} {format_resolution(coarser)}, each at FSC = 0.143 of its half maps"
