"""Turns of each domain about its hinge axes; the line is the motion without the errors of the poses, as a normal curve."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import round_number, round_numbers
from triskelion.plots.histogram import choose_edges, collect_histogram, draw_histogram
from triskelion.plots.style import BLACK, BLUE, DOUBLE_COLUMN_IN, GREEN, LINE_PT, ORANGE, PURPLE, SKY, VERMILLION, label_axes, new_figure

DOMAIN_COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
SHOWN_SHARE = 0.995  # of the particles; the others stand in the outermost bars


class Moving(Protocol):
    """The motion of a domain about its three axes (``refine.motion.DomainMotion``)."""

    @property
    def axes(self) -> np.ndarray:
        """Rows: the axes (3, 3)."""
        ...

    @property
    def amplitude_deg(self) -> np.ndarray:
        """Standard deviations (3,), noise removed."""
        ...

    @property
    def amplitude_sd_deg(self) -> np.ndarray:
        """How well they are known (3,)."""
        ...

    @property
    def turns_deg(self) -> np.ndarray:
        """Turns (n, 3), noise and all."""
        ...


def collect_motion_histograms(names: Sequence[str], domains: Sequence[Moving]) -> dict[str, Any]:
    """Count the turns of every domain about each of its axes; all on one scale."""
    farthest = max(float(np.quantile(np.abs(domain.turns_deg), SHOWN_SHARE)) for domain in domains)
    edges = choose_edges([-farthest, farthest])
    rows = []
    for name, domain in zip(names, domains, strict=True):
        shown = np.clip(domain.turns_deg, -farthest, farthest)
        rows.append({
            "name": name,
            "amplitude_deg": round_numbers(domain.amplitude_deg),
            "amplitude_sd_deg": round_numbers(domain.amplitude_sd_deg),
            "measured_deg": [round_number(float(value)) for value in domain.turns_deg.std(axis=0)],
            "axes": [collect_histogram(turns, edges) for turns in shown.T],
        })  # fmt: skip
    return {"n": len(domains[0].turns_deg), "domains": rows}


def draw(data: dict[str, Any]) -> Figure:
    """Draw a row of three histograms for each domain."""
    rows = data["domains"]
    figure = new_figure(DOUBLE_COLUMN_IN, 0.2 + 1.45 * len(rows))
    grid = figure.subplots(len(rows), 3, squeeze=False, sharex=True)
    for place, (row, panels) in enumerate(zip(rows, grid, strict=True)):
        color = DOMAIN_COLORS[place % len(DOMAIN_COLORS)]
        for number, (axes, histogram) in enumerate(zip(panels, row["axes"], strict=True)):
            draw_histogram(axes, histogram, color=color)
            amplitude, sd = row["amplitude_deg"][number], row["amplitude_sd_deg"][number]
            edges = np.asarray(histogram["edges"])
            if amplitude > 0:
                angle = np.linspace(edges[0], edges[-1], 200)
                height = data["n"] * (edges[1] - edges[0]) / (amplitude * np.sqrt(2 * np.pi))
                axes.plot(angle, height * np.exp(-(angle**2) / (2 * amplitude**2)), color=BLACK, linewidth=LINE_PT)
                axes.set_ylim(0, 1.08 * max(height, *histogram["counts"]))
            label_axes(
                axes,
                title=f"{row['name']}, axis {number + 1}: {amplitude:.1f} ± {sd:.1f}°",
                x_label="turn (°)" if place == len(rows) - 1 else "",
                y_label="particles" if number == 0 else "",
            )
    return figure
