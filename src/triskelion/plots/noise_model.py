"""The variance of the noise per Fourier shell, against the iteration before."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.conventions import shell_frequency_per_A
from triskelion.errors import InputError
from triskelion.plots.encode import missing_to_nan, round_numbers
from triskelion.plots.frequency_axis import draw_frequency_axis
from triskelion.plots.style import (
    BLUE,
    GREEN,
    GREY,
    LINE_PT,
    ORANGE,
    PURPLE,
    SINGLE_COLUMN_IN,
    SKY,
    THIN_PT,
    TICK_PT,
    VERMILLION,
    add_legend,
    label_axes,
    new_figure,
)

COLORS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)


def collect_noise_model(sigma2, box_px: int, pixel_size_A: float, *, previous=None, previous_label: str = "iteration before") -> dict[str, Any]:
    """Note sigma2 (variance per real component) of each shell, shell 0 first.

    ``sigma2`` and ``previous`` are (shells,) or (groups, shells). Raises InputError where their shapes differ.
    """
    now = np.atleast_2d(np.asarray(sigma2, dtype=np.float64))
    before = None if previous is None else np.atleast_2d(np.asarray(previous, dtype=np.float64))
    if before is not None and before.shape != now.shape:
        raise InputError(f"the noise model has {now.shape} groups and shells, the previous one {before.shape}: compare like with like")
    return {
        "frequency_per_A": round_numbers(shell_frequency_per_A(np.arange(now.shape[1]), box_px, pixel_size_A)),
        "sigma2": round_numbers(now),
        "previous": None if before is None else round_numbers(before),
        "previous_label": previous_label,
    }


def _say_change(data: dict[str, Any]) -> str:
    """Write by how much the noise moved since the iteration before."""
    if data["previous"] is None:
        return "Noise variance per shell"
    now, before = (np.array([missing_to_nan(row)[1:] for row in data[key]]) for key in ("sigma2", "previous"))
    changes = np.abs(now - before)[before > 0] / before[before > 0]
    return f"Noise variance changed by {100 * np.nanmedian(changes):.1f} % (median shell)" if changes.size else "Noise variance per shell"


def draw(data: dict[str, Any]) -> Figure:
    """Draw every group as a line over its grey predecessor; shell 0 (the mean) is not shown."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.5)
    axes = figure.subplots()
    frequency = np.asarray(data["frequency_per_A"])
    for row, before in enumerate(data["previous"] or []):
        label = data.get("previous_label", "iteration before") if row == 0 else None
        axes.plot(frequency[1:], missing_to_nan(before)[1:], color=GREY, linewidth=2.5 * LINE_PT, alpha=0.5, label=label)
    n_groups = len(data["sigma2"])
    for row, now in enumerate(data["sigma2"]):
        label = "now" if n_groups == 1 else f"optics group {row + 1}"
        axes.plot(frequency[1:], missing_to_nan(now)[1:], color=COLORS[row % len(COLORS)], linewidth=LINE_PT, label=label)
    axes.set_yscale("log")
    axes.tick_params(which="minor", width=THIN_PT, length=1.5, labelsize=TICK_PT)
    label_axes(axes, title=_say_change(data), x_label="spatial frequency (1/Å)", y_label=r"$\sigma^2$ per real component")
    draw_frequency_axis(axes, float(frequency[-1]))
    add_legend(axes, loc="upper right")
    return figure
