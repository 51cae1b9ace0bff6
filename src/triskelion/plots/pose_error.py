"""Errors of the poses against the truth of a simulation, before and after refinement."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from triskelion.plots.encode import round_number
from triskelion.plots.histogram import choose_edges, collect_histogram
from triskelion.plots.style import BLACK, DOUBLE_COLUMN_IN, GREY, LINE_PT, SINGLE_COLUMN_IN, SKY, VERMILLION, add_legend, label_axes, new_figure

LOST_BEYOND_DEG = 8.0  # a pose this far off adds noise rather than detail
COLORS = (GREY, VERMILLION, BLACK, SKY)


def _collect_errors(errors: dict[str, np.ndarray], lost_beyond: float | None) -> dict[str, Any]:
    edges = choose_edges(np.concatenate([np.asarray(values) for values in errors.values()]), start=0.0, n_bins=60)
    histograms = {label: collect_histogram(values, edges) for label, values in errors.items()}
    if lost_beyond is not None:
        for label, values in errors.items():
            histograms[label]["share_lost"] = round_number(float(np.mean(np.asarray(values) > lost_beyond)))
    return histograms


def collect_pose_error(rotation_deg: dict[str, Any], shift_A: dict[str, Any] | None = None) -> dict[str, Any]:
    """Count particles by error against truth.

    Parameters
    ----------
    rotation_deg : dict of str to array_like, shape (n,)
        Label (``consensus``, ``refined``, ``oracle``) -> angle between refined and true rotation.
    shift_A : dict of str to array_like, shape (n,), optional
        Label -> distance between refined and true shift.
    """
    return {
        "n": len(next(iter(rotation_deg.values()))),
        "rotation_deg": _collect_errors(rotation_deg, LOST_BEYOND_DEG),
        "shift_A": None if shift_A is None else _collect_errors(shift_A, None),
    }


def _draw_errors(axes: Axes, histograms: dict[str, Any], unit: str, n: int) -> None:
    for (label, histogram), color in zip(histograms.items(), COLORS, strict=False):
        text = f"{label}: median {histogram['median']:.3g}{unit}"
        if "share_lost" in histogram:
            text += f", {100 * histogram['share_lost']:.0f} % over {LOST_BEYOND_DEG:g}°"
        edges = np.asarray(histogram["edges"])
        axes.stairs(histogram["counts"], edges, fill=True, color=color, alpha=0.25, linewidth=0)
        axes.stairs(histogram["counts"], edges, color=color, linewidth=LINE_PT, label=text)
    # the far tail would squeeze what matters: show 99.5 % of the particles of every set
    shown = max(h["edges"][1 + int(np.searchsorted(np.cumsum(h["counts"]), 0.995 * n))] for h in histograms.values())
    axes.set_xlim(0, shown)
    axes.set_ylim(bottom=0)
    add_legend(axes, loc="upper right")


def draw(data: dict[str, Any]) -> Figure:
    """Draw the histograms of all labels over one another."""
    panels = [("rotation_deg", "rotation", "°")] + ([("shift_A", "shift", " Å")] if data["shift_A"] else [])
    figure = new_figure(SINGLE_COLUMN_IN if len(panels) == 1 else DOUBLE_COLUMN_IN, 2.3)
    for axes, (key, what, unit) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _draw_errors(axes, data[key], unit, data["n"])
        medians = [h["median"] for h in data[key].values()]
        title = f"{what.capitalize()} error" + (f": {medians[0]:.3g}{unit} becomes {medians[1]:.3g}{unit}" if len(medians) > 1 else "")
        label_axes(axes, title=title, x_label=f"error against truth ({unit.strip()})", y_label="particles")
    return figure
