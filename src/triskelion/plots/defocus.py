"""Defocus and astigmatism of the particles."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram, draw_marker
from triskelion.plots.style import BLACK, BLUE, DOUBLE_COLUMN_IN, ORANGE, label_axes, new_figure


def collect_defocus(defocus_u_A, defocus_v_A) -> dict[str, Any]:
    """Count particles by mean defocus (µm, positive is underfocus) and by |defocus_u - defocus_v| (Å); both inputs (n,) in Å."""
    u, v = np.asarray(defocus_u_A, dtype=np.float64), np.asarray(defocus_v_A, dtype=np.float64)
    mean_um, astigmatism_A = (u + v) / 2e4, np.abs(u - v)
    return {
        "n": len(u),
        "defocus_um": collect_histogram(mean_um, choose_edges(mean_um)),
        "astigmatism_A": collect_histogram(astigmatism_A, choose_edges(astigmatism_A, start=0.0)),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw both histograms with their medians."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.1)
    left, right = figure.subplots(1, 2)
    edges = data["defocus_um"]["edges"]
    draw_histogram(left, data["defocus_um"], color=BLUE)
    draw_marker(left, data["defocus_um"]["median"], "median", color=BLACK)
    label_axes(left, title=f"Defocus from {edges[0]:.2f} to {edges[-1]:.2f} µm", x_label="mean defocus (µm)", y_label="particles")
    draw_histogram(right, data["astigmatism_A"], color=ORANGE)
    median = data["astigmatism_A"]["median"]
    draw_marker(right, median, "median", color=BLACK)
    label_axes(right, title=f"Astigmatism {median:.0f} Å (median)", x_label="|defocus U − V| (Å)", y_label="particles")
    return figure
