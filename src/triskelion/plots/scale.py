"""Per-particle scale: the contrast s in X = s C P + n."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import round_number
from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram, draw_marker
from triskelion.plots.style import BLACK, PURPLE, SINGLE_COLUMN_IN, label_axes, new_figure


def collect_scale(contrast) -> dict[str, Any]:
    """Count particles by scale (n,) and note the spread."""
    contrast = np.asarray(contrast, dtype=np.float64)
    histogram = collect_histogram(contrast, choose_edges(contrast, start=0.0, end=2.0))
    return {"n": len(contrast), **histogram, "sd": round_number(float(contrast.std()))}


def draw(data: dict[str, Any]) -> Figure:
    """Draw the histogram with its median."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.1)
    axes = figure.subplots()
    draw_histogram(axes, data, color=PURPLE)
    draw_marker(axes, data["median"], f"median {data['median']:.2f}", color=BLACK)
    label_axes(axes, title=f"Particle scale varies by {data['sd']:.2f} (sd)", x_label="per-particle scale", y_label="particles")
    return figure
