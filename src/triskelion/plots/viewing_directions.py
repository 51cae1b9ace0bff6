"""How often each direction of the map is looked along."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.sphere import cell_of_directions, cell_solid_angles_sr, draw_sphere, ring_sizes
from triskelion.plots.style import LABEL_PT, SINGLE_COLUMN_IN, THIN_PT, TICK_PT, label_axes, new_figure

PARTICLES_PER_CELL = 5


def choose_n_rings(n: int) -> int:
    """Number of rings (9, 12, 18 or 36: cells of 20°, 15°, 10° or 5°) that leaves a few particles to a cell."""
    return next((rings for rings in (36, 18, 12) if ring_sizes(rings).sum() * PARTICLES_PER_CELL <= n), 9)


def collect_viewing_directions(rotations: np.ndarray) -> dict[str, Any]:
    """Count particles by viewing direction.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        R in x_image = P R x; the map is looked along its third row.
    """
    n_rings = choose_n_rings(len(rotations))
    cells = cell_of_directions(np.asarray(rotations)[:, 2, :], n_rings)
    return {"n": len(rotations), "n_rings": n_rings, "counts": np.bincount(cells, minlength=int(ring_sizes(n_rings).sum())).tolist()}


def draw(data: dict[str, Any]) -> Figure:
    """Draw the density of directions relative to a uniform distribution."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.2)
    axes = figure.subplots()
    counts = np.asarray(data["counts"])
    solid_angles = cell_solid_angles_sr(data["n_rings"])
    density = counts / (data["n"] * solid_angles / (4 * np.pi))
    image = draw_sphere(axes, density, data["n_rings"], cmap="viridis", vmin=0, vmax=max(2.0, float(density.max())))
    unseen = float(solid_angles[counts == 0].sum() / (4 * np.pi))
    label_axes(axes, title=f"Viewing directions of {data['n']:,} particles, {100 * unseen:.0f} % of the sphere unseen", x_label="azimuth", y_label="elevation")
    axes.yaxis.labelpad = 14
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, aspect=35, pad=0.03)
    bar.set_label("density relative to uniform", fontsize=LABEL_PT)
    bar.ax.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2)
    bar.outline.set_linewidth(THIN_PT)
    return figure
