"""The domains that were found, each with its number, seen along the three axes, and the points about which they may turn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from triskelion.data.volume import Volume
from triskelion.plots import region_views
from triskelion.plots.encode import round_numbers
from triskelion.plots.slices import PLANES
from triskelion.plots.style import DOUBLE_COLUMN_IN, TICK_PT, TITLE_PT

BODY_NUMBER = 0
LINE_IN = 0.13


def collect_domains(parts: Sequence[np.ndarray], volume: Volume, fulcra_xyz_px: Sequence, lines: Sequence[str]) -> dict[str, Any]:
    """Look at the parts along each axis.

    Parameters
    ----------
    parts : sequence of ndarray of bool, shape (n, n, n)
        The body, then domain 1, 2 ...
    volume : Volume
        The map that was segmented.
    fulcra_xyz_px : sequence of array_like, shape (3,)
        Of the domains, from the corner voxel.
    lines : sequence of str
        What is to be said of each part, the body first.
    """
    labels = np.zeros(parts[0].shape, dtype=np.int32)
    for number, part in enumerate([*parts[1:], parts[0]], 1):  # numbers start at 1, so the body comes last
        labels[part] = number
    return {
        "views": region_views.collect_region_views(labels, volume, {}),
        "n_domains": len(parts) - 1,
        "fulcra_xyz_px": [round_numbers(np.asarray(fulcrum, dtype=np.float64)) for fulcrum in fulcra_xyz_px],
        "lines": list(lines),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the views with a ring at each fulcrum, and the lines below."""
    figure = region_views.draw(data["views"])
    panels, n = list(figure.axes), data["n_domains"]
    for plane, axes in zip(PLANES, panels, strict=True):
        right, up, _ = PLANES[plane]
        for text in axes.texts:
            text.set_text("body" if text.get_text() == str(n + 1) else text.get_text())
        for fulcrum in data["fulcra_xyz_px"]:
            axes.plot(fulcrum[right], fulcrum[up], marker="o", markersize=6, markerfacecolor="none", markeredgecolor="white", markeredgewidth=2.2)
            axes.plot(fulcrum[right], fulcrum[up], marker="o", markersize=6, markerfacecolor="none", markeredgecolor="black", markeredgewidth=1.1)
    height_in = 2.5 + LINE_IN * (len(data["lines"]) + 2)
    figure.set_size_inches(DOUBLE_COLUMN_IN, height_in)
    bottom = LINE_IN * (len(data["lines"]) + 0.5) / height_in
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0, bottom, 1, 1 - bottom), compress=True))
    figure.text(0.01, 0.02, "\n".join(data["lines"]), fontsize=TICK_PT, va="bottom", ha="left", linespacing=1.35)
    figure.suptitle(f"{n} domain{'s' if n != 1 else ''} beside the body; rings: fulcra", fontsize=TITLE_PT, x=0.01, ha="left")
    return figure
