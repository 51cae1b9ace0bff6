"""How far the poses of the particles that two jobs share differ between them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import round_number
from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram, draw_marker
from triskelion.plots.style import BLUE, DOUBLE_COLUMN_IN, GREEN, VERMILLION, label_axes, new_figure

SHOWN_SHARE = 0.995  # of the particles: the far tail would squeeze what matters, and is counted in the last bar


def collect_compare_poses(rotation_deg: np.ndarray, shift_A: np.ndarray, *, about: str) -> dict[str, Any]:
    """Count particles by difference of rotation (n,) and of the place of a point in the image (n,); ``about`` says which point that is."""
    return {"n": len(rotation_deg), "about": about, "rotation_deg": _collect(rotation_deg), "shift_A": _collect(shift_A)}


def _collect(change: np.ndarray) -> dict[str, Any]:
    edges = choose_edges(change[change <= np.quantile(change, SHOWN_SHARE)], start=0.0)
    return {**collect_histogram(np.minimum(change, edges[-1]), edges), "p90": round_number(float(np.percentile(change, 90)))}


def draw(data: dict[str, Any]) -> Figure:
    """Draw both histograms with their 90th percentiles, the medians in words."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.1)
    panels = figure.subplots(1, 2)
    what = (("rotation_deg", "rotation", "°", BLUE), ("shift_A", f"place of the {data['about']}", " Å", GREEN))
    for axes, (key, name, unit, color) in zip(panels, what, strict=True):
        change = data[key]
        draw_histogram(axes, change, color=color)
        draw_marker(axes, change["p90"], f"90 % within {change['p90']:.2g}{unit}", color=VERMILLION)
        label_axes(
            axes,
            title=f"{name.capitalize()}: {change['median']:.2g}{unit} apart (median)",
            x_label=f"difference in {name} ({unit.strip()})",
            y_label="particles",
        )
    return figure
