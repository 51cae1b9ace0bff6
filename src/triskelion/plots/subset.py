"""The statistic by which particles were chosen: those that stay, those that are left out, and the cut between them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import round_number
from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram, draw_marker
from triskelion.plots.style import BLUE, GREY, SINGLE_COLUMN_IN, VERMILLION, add_legend, label_axes, new_figure

UNITS = {"deg": "°", "A": "Å", "A2": "Å²", "rad": "rad"}
SHOWN = (0.002, 0.998)  # quantiles of the values the axis spans: values beyond stand in the first and last bar
N_BINS = 50


def collect_subset(values: np.ndarray, kept: np.ndarray, by: str, keep: str, cuts: list[float]) -> dict[str, Any]:
    """Count all particles and those kept by a statistic.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where a particle has none: it is not counted.
    kept : ndarray of int
        Rows that stay.
    by, keep : str
        The statistic, and what was kept of it, in words.
    cuts : list of float
        Where the cuts are.
    """
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, SHOWN)
    low, high = min(float(low), *cuts, float(high)), max(float(high), *cuts, float(low))
    edges = choose_edges(np.array([low, high]), n_bins=N_BINS)
    count = lambda part: collect_histogram(np.clip(part, edges[0], edges[-1]), edges)
    return {
        "n": len(values),
        "n_kept": len(kept),
        "by": by,
        "keep": keep,
        "cuts": [round_number(cut) for cut in cuts],
        "all": count(known),
        "kept": count(values[kept]),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw both histograms over one another, with the cuts."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.3)
    axes = figure.subplots()
    draw_histogram(axes, data["all"], color=GREY)
    axes.stairs(data["kept"]["counts"], data["kept"]["edges"], fill=True, color=BLUE, linewidth=0, label=f"{data['n_kept']:,} stay")
    axes.patches[0].set(alpha=0.45, label=f"{data['n'] - data['n_kept']:,} left out")
    axes.set_xlim(data["all"]["edges"][0], data["all"]["edges"][-1])
    for place, cut in enumerate(data["cuts"]):
        draw_marker(axes, cut, f"{cut:.3g}", color=VERMILLION, height=0.97 - 0.09 * place)
    name, unit = _name_statistic(data["by"])
    share = 100 * data["n_kept"] / data["n"]
    axis = f"{name} ({unit})" if unit else name
    label_axes(axes, title=f"{name[0].upper()}{name[1:]}: {data['keep']}, {share:.0f} % stay", x_label=axis, y_label="particles")
    add_legend(figure, loc="outside lower center", ncols=2)
    return figure


def _name_statistic(by: str) -> tuple[str, str]:
    """Return what a statistic is called, and its unit: ``rotation_sd_deg`` is ("rotation sd", "°")."""
    stem, _, unit = by.rpartition("_")
    return (stem.replace("_", " "), UNITS[unit]) if stem and unit in UNITS else (by.replace("_", " "), "")
