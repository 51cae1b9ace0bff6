"""The axis of spatial frequency: linear in 1/Å below, the same ticks as resolutions in Å above."""

import numpy as np
from matplotlib.axes import Axes

from triskelion.plots.style import LABEL_PT, THIN_PT, TICK_PT

ROUND_RESOLUTIONS_A = (200, 100, 70, 50, 40, 30, 25, 20, 17, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.8, 2.6, 2.4, 2.2, 2, 1.8, 1.6, 1.4, 1.2, 1)
SMALLEST_GAP = 0.075  # between two labels, as a fraction of the axis


def choose_resolutions_A(last_per_A: float) -> list[float]:
    """Return round resolutions whose labels do not run into each other on an axis from 0 to ``last_per_A``."""
    chosen: list[float] = []
    for resolution in ROUND_RESOLUTIONS_A:
        place = 1 / (resolution * last_per_A)
        before = 1 / (chosen[-1] * last_per_A) if chosen else 0.0
        if place - before >= SMALLEST_GAP and place <= 1:
            chosen.append(resolution)
    return chosen


def draw_frequency_axis(axes: Axes, last_per_A: float) -> None:
    """Let the axis run from 0 to ``last_per_A`` and show resolutions (Å) along the top."""
    axes.set_xlim(0, last_per_A)
    axes.locator_params(axis="x", nbins=6)
    top = axes.secondary_xaxis("top")
    resolutions = choose_resolutions_A(last_per_A)
    top.set_xticks(1 / np.array(resolutions), [f"{r:g}" for r in resolutions])
    top.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2.5, pad=1)
    top.set_xlabel("resolution (Å)", fontsize=LABEL_PT, labelpad=3)
    top.spines["top"].set_linewidth(THIN_PT)
