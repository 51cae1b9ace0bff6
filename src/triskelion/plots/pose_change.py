"""How far the poses are from the consensus, or from those that were given; a spike at an extent of the search means that it is too small."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import round_number
from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram, draw_marker
from triskelion.plots.style import BLUE, DOUBLE_COLUMN_IN, GREEN, VERMILLION, label_axes, new_figure

SHOWN = 0.99  # of the particles, where the search had no extent: those that moved farther stand in the last bin
AT_EXTENT = 0.98  # of the extent: poses beyond this were stopped by it


def _collect_change(change, extent: float | None) -> dict[str, Any]:
    change = np.asarray(change, dtype=np.float64)
    if extent is None:
        shown = np.minimum(change, np.quantile(change, SHOWN))
        return {**collect_histogram(shown, choose_edges(shown, start=0.0)), "extent": None, "share_at_extent": None}
    histogram = collect_histogram(change, choose_edges(change, start=0.0, end=extent))
    share = float(np.mean(change >= AT_EXTENT * extent))
    return {**histogram, "extent": extent, "share_at_extent": round_number(share)}


def collect_pose_change(rotation_deg, shift_A, *, rotation_extent_deg: float | None, shift_extent_A: float | None) -> dict[str, Any]:
    """Count particles by change of rotation (n,) and of shift (n,), both as magnitudes; an extent is None where poses were searched anywhere."""
    return {
        "n": len(rotation_deg),
        "rotation_deg": _collect_change(rotation_deg, rotation_extent_deg),
        "shift_A": _collect_change(shift_A, shift_extent_A),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw both histograms with the extents and the share of particles that they stopped."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.1)
    panels = figure.subplots(1, 2)
    for axes, key, what, unit, color in zip(panels, ("rotation_deg", "shift_A"), ("rotation", "shift"), ("°", " Å"), (BLUE, GREEN), strict=True):
        change = data[key]
        draw_histogram(axes, change, color=color)
        axes.set_xlim(0, 1.02 * change["edges"][-1])
        if change["extent"] is None:
            draw_marker(axes, change["edges"][-1], f"{100 * (1 - SHOWN):.0f} % are farther", color=VERMILLION)
        else:
            share = 100 * change["share_at_extent"]
            draw_marker(axes, change["extent"], f"extent {change['extent']:g}{unit}\n{share:.1f} % stopped by it", color=VERMILLION)
        label_axes(
            axes,
            title=f"{what.capitalize()}s changed by {change['median']:.2g}{unit} (median)",
            x_label=f"change in {what} ({unit.strip()})",
            y_label="particles",
        )
    return figure
