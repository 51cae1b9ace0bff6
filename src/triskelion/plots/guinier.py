"""Guinier plot: how fast the amplitudes fall with the frequency; the slope of the line is -B/4.

The data are ``GuinierFit.as_dict()`` of resolution/guinier.py.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import missing_to_nan
from triskelion.plots.style import BLUE, GREY, LINE_PT, SINGLE_COLUMN_IN, THIN_PT, VERMILLION, add_legend, label_axes, new_figure


def draw(data: dict[str, Any]) -> Figure:
    """Draw ln <|F|> against k², from shell 1 on, and the line that was fitted."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.5)
    axes = figure.subplots()
    k2 = np.asarray(data["frequency_per_A"])[1:] ** 2
    if data.get("log_amplitude_unweighted"):
        axes.plot(k2, missing_to_nan(data["log_amplitude_unweighted"])[1:], color=GREY, linewidth=LINE_PT, label="not weighted")
    weighted = missing_to_nan(data["log_amplitude"])[1:]
    axes.plot(k2, weighted, color=BLUE, linewidth=LINE_PT, label="FSC-weighted")
    title = "No B-factor: too few shells"
    if data["b_factor_A2"] is not None:
        ends = np.array([1 / data["fit_from_A"] ** 2, 1 / data["fit_to_A"] ** 2])
        line = data["intercept"] - data["b_factor_A2"] / 4 * ends
        axes.plot(
            ends, line, color=VERMILLION, linewidth=1.5 * LINE_PT, marker="|", label=f"fit, {data['fit_from_A']:.3g} to {data['fit_to_A']:.3g} Å"
        )
        axes.axvline(ends[1], color=VERMILLION, linewidth=THIN_PT, linestyle=":")
        title = f"Amplitudes decay with B = {data['b_factor_A2']:.0f} Å²"
    label_axes(axes, title=title, x_label="$k^2$ (1/Å²)", y_label=r"$\ln \langle |F| \rangle$")
    axes.set_xlim(0, k2[-1])
    axes.locator_params(axis="x", nbins=6)
    add_legend(axes, loc="upper right")
    return figure
