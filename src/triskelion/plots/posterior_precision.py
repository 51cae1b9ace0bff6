"""How well each direction of Fourier space is determined, relative to the mean."""

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from triskelion.errors import InputError
from triskelion.plots.encode import missing_to_nan, round_number, round_numbers
from triskelion.plots.sphere import cell_of_directions, draw_sphere, ring_sizes
from triskelion.plots.style import LABEL_PT, SINGLE_COLUMN_IN, THIN_PT, TICK_PT, VERMILLION, label_axes, new_figure

N_RINGS = 18
FINE_BELOW = 10.0  # a spread that does no harm


def collect_posterior_precision(directions_xyz: np.ndarray, precision: np.ndarray) -> dict[str, Any]:
    """Average the precision over cells of the sphere; a direction and its opposite are one.

    Parameters
    ----------
    directions_xyz : ndarray, shape (m, 3)
        Directions in the map's frame, enough to fill the cells (m >= 400; cells without one stay blank).
    precision : ndarray, shape (m,)
        Sum of C² / sigma2 over the particles whose central slice holds the direction.

    Raises
    ------
    InputError
        No direction has any precision.
    """
    directions, precision = np.asarray(directions_xyz, dtype=np.float64), np.asarray(precision, dtype=np.float64)
    if not precision.max(initial=0.0) > 0:
        raise InputError("no direction is determined at all: the precision is 0 everywhere")
    cells = cell_of_directions(np.concatenate([directions, -directions]), N_RINGS)
    n_cells = int(ring_sizes(N_RINGS).sum())
    count = np.bincount(cells, minlength=n_cells)
    total = np.bincount(cells, np.tile(precision, 2), minlength=n_cells)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    lowest = float(precision.min())
    return {
        "n_rings": N_RINGS,
        "relative": round_numbers(mean / precision.mean()),
        "max_over_min": round_number(float(precision.max()) / lowest) if lowest > 0 else None,
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the relative precision on a logarithmic scale and say how far it spreads."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.2)
    axes = figure.subplots()
    relative = missing_to_nan(data["relative"])
    reach = max(2.0, float(np.nanmax(np.maximum(relative, 1 / np.maximum(relative, 1e-3)))))
    image = draw_sphere(axes, np.maximum(relative, 1 / reach), data["n_rings"], cmap="cividis", norm=LogNorm(1 / reach, reach))
    spread = data["max_over_min"]
    fine = spread is not None and spread <= FINE_BELOW
    found = "some directions undetermined" if spread is None else f"max/min = {spread:.3g}"
    label_axes(
        axes,
        title=f"Posterior precision, {found} ({'fine' if fine else 'uneven'}: limit {FINE_BELOW:g})",
        x_label="azimuth",
        y_label="elevation",
    )
    if not fine:
        axes.title.set_color(VERMILLION)
    axes.yaxis.labelpad = 14
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, aspect=35, pad=0.03)
    bar.set_label("precision relative to the mean", fontsize=LABEL_PT)
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10) if 1 / reach <= t <= reach]
    bar.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2)
    bar.outline.set_linewidth(THIN_PT)
    return figure
