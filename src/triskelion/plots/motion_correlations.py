"""Correlations between the motions of domains about their hinge axes, errors of the poses removed; bold where they are more than chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import missing_to_nan, round_numbers
from triskelion.plots.style import BLACK, GREY, TICK_PT, label_axes, new_figure

MORE_THAN_CHANCE_SD = 3.5


def collect_motion_correlations(names: Sequence[str], correlation: np.ndarray, correlation_sd: np.ndarray) -> dict[str, Any]:
    """Keep the matrix (3 d, 3 d) of d domains and its standard deviations; NaN becomes None: no motion to correlate."""
    return {"names": list(names), "correlation": round_numbers(correlation, 3), "correlation_sd": round_numbers(correlation_sd, 3)}


def draw(data: dict[str, Any]) -> Figure:
    """Draw the matrix without what a domain has with itself."""
    names = data["names"]
    values, sd = (np.array([missing_to_nan(row) for row in data[key]]) for key in ("correlation", "correlation_sd"))
    n = len(values)
    for domain in range(len(names)):
        values[3 * domain : 3 * domain + 3, 3 * domain : 3 * domain + 3] = np.nan
    figure = new_figure(1.6 + 0.34 * n, 0.9 + 0.34 * n, packed=True)
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")
    image = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        is_sure = abs(values[row, column]) > MORE_THAN_CHANCE_SD * sd[row, column]
        text = f"{round(float(values[row, column]), 2) + 0.0:.2f}".replace("-", "−")
        color, weight = (BLACK, "bold") if is_sure else (GREY, "normal")
        axes.text(column, row, text, ha="center", va="center", fontsize=TICK_PT - 1, color=color, weight=weight)
    labels = [f"{name} {axis}" for name in names for axis in (1, 2, 3)]
    axes.set_xticks(range(n), labels, rotation=90)
    axes.set_yticks(range(n), labels)
    label_axes(axes, title="Correlation of motions")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.ax.tick_params(labelsize=TICK_PT, length=2)
    return figure
