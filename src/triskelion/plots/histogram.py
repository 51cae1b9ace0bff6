"""Histograms: the data of one, and its drawing."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from triskelion.errors import InputError
from triskelion.plots.encode import round_number
from triskelion.plots.style import BLUE, THIN_PT, TICK_PT

N_BINS = 40


def choose_edges(values, *, start: float | None = None, end: float | None = None, n_bins: int = N_BINS) -> np.ndarray:
    """Return ``n_bins + 1`` equal steps that hold every value; from ``start`` and to ``end`` where these are given and wide enough."""
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise InputError("a histogram of no particles was asked for: give at least one")
    low = float(values.min()) if start is None else min(start, float(values.min()))
    high = float(values.max()) if end is None else max(end, float(values.max()))
    if high <= low:
        low, high = low - 0.5, low + 0.5
    return np.linspace(low, high, n_bins + 1)


def collect_histogram(values, edges: np.ndarray) -> dict[str, Any]:
    """Count ``values`` (n,) between ``edges`` (bins + 1,), the last bin closed, and note their median."""
    values = np.asarray(values, dtype=np.float64)
    counts, _ = np.histogram(values, bins=edges)
    return {"edges": edges.tolist(), "counts": counts.tolist(), "median": round_number(float(np.median(values)))}


def draw_histogram(axes: Axes, histogram: dict[str, Any], *, color: str = BLUE) -> None:
    """Draw filled bars without gaps, from 0 particles up."""
    axes.stairs(histogram["counts"], histogram["edges"], fill=True, color=color, alpha=0.85, linewidth=0)
    axes.set_xlim(histogram["edges"][0], histogram["edges"][-1])
    axes.set_ylim(0, 1.12 * max(1, *histogram["counts"]))


def draw_marker(axes: Axes, value: float, text: str, *, color: str, height: float = 0.97) -> None:
    """Draw a vertical line at ``value`` and write ``text`` beside it, on the side that has more room."""
    axes.axvline(value, color=color, linewidth=1.5 * THIN_PT, linestyle="--")
    low, high = axes.get_xlim()
    left = value - low > 0.5 * (high - low)
    axes.annotate(
        text,
        (value, height),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-3 if left else 3, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        fontsize=TICK_PT,
        color=color,
    )
