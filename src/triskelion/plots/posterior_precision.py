"""How well each direction of Fourier space is determined, relative to the mean; a spread within a factor 10 is fine."""

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from triskelion.errors import InputError
from triskelion.plots.encode import missing_to_nan, round_number, round_numbers
from triskelion.plots.sphere import cell_of_angles, draw_sphere, ring_sizes
from triskelion.plots.style import SINGLE_COLUMN_IN, TITLE_PT, VERMILLION, new_figure

N_RINGS = 18
FINE_BELOW = 10.0  # a spread that does no harm
LOWEST_SHOWN = 1e-3  # of the mean


def collect_posterior_precision(directions_xyz: np.ndarray, precision: np.ndarray) -> dict[str, Any]:
    """Average the precision over cells of the sphere; a direction and its opposite are one.

    Parameters
    ----------
    directions_xyz : ndarray, shape (m, 3)
        Unit vectors in the map's frame, enough to fill the cells: 1,000 on a half sphere. Cells without one stay blank.
    precision : ndarray, shape (m,)
        ``posterior_precision`` of resolution/orientation.py.

    Raises
    ------
    InputError
        No direction has any precision.
    """
    from triskelion.resolution.orientation import direction_angles_deg  # brings torch, which drawing can do without

    directions, precision = np.asarray(directions_xyz, dtype=np.float64), np.asarray(precision, dtype=np.float64)
    if not precision.max(initial=0.0) > 0:
        raise InputError("no direction is determined at all: the precision is 0 everywhere; there must be particles with signal")
    cells = cell_of_angles(*direction_angles_deg(np.concatenate([directions, -directions])), N_RINGS)
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
    figure = new_figure(SINGLE_COLUMN_IN, 2.5)
    axes = figure.subplots()
    relative = np.maximum(missing_to_nan(data["relative"]), LOWEST_SHOWN)
    scale = LogNorm(min(0.5, float(np.nanmin(relative))), max(2.0, float(np.nanmax(relative))))
    image = draw_sphere(figure, axes, relative, data["n_rings"], label="precision relative to the mean", cmap="cividis", norm=scale)
    if image.colorbar is not None:
        image.colorbar.locator = LogLocator(subs=(1, 2, 5))
        image.colorbar.formatter = FuncFormatter(lambda value, _: f"{value:g}")
        image.colorbar.ax.xaxis.set_minor_formatter(NullFormatter())
        image.colorbar.minorticks_off()
    spread = data["max_over_min"]
    fine = spread is not None and spread <= FINE_BELOW
    found = "Some directions are undetermined" if spread is None else f"Precision max/min = {spread:.1f}"
    title = axes.set_title(f"{found} ({'fine' if fine else 'uneven'}: limit {FINE_BELOW:g})", fontsize=TITLE_PT, pad=5)
    if not fine:
        title.set_color(VERMILLION)
    return figure
