"""How uncertain the poses are: the posterior standard deviation of each particle's rotation and shift."""

from typing import Any

from matplotlib.figure import Figure

from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram, draw_marker
from triskelion.plots.style import BLACK, BLUE, DOUBLE_COLUMN_IN, GREEN, label_axes, new_figure


def collect_posterior_sd(rotation_sd_deg, shift_sd_A) -> dict[str, Any]:
    """Count particles by posterior standard deviation of rotation (n,) in degrees and shift (n,) in Å."""
    return {
        "n": len(rotation_sd_deg),
        "rotation_deg": collect_histogram(rotation_sd_deg, choose_edges(rotation_sd_deg, start=0.0)),
        "shift_A": collect_histogram(shift_sd_A, choose_edges(shift_sd_A, start=0.0)),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw both histograms with their medians."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.1)
    panels = figure.subplots(1, 2)
    for axes, key, what, unit, color in zip(panels, ("rotation_deg", "shift_A"), ("Rotations", "Shifts"), ("°", " Å"), (BLUE, GREEN), strict=True):
        median = data[key]["median"]
        draw_histogram(axes, data[key], color=color)
        draw_marker(axes, median, "median", color=BLACK)
        label_axes(axes, title=f"{what} known to {median:.2g}{unit} (median)", x_label=f"posterior sd ({unit.strip()})", y_label="particles")
    return figure
