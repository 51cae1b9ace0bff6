"""How often each direction of the map is looked along, relative to evenly spread views."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.sphere import cell_of_angles, cell_solid_angles_sr, draw_sphere, ring_sizes
from triskelion.plots.style import SINGLE_COLUMN_IN, TITLE_PT, new_figure

PARTICLES_PER_CELL = 5


def choose_n_rings(n: int) -> int:
    """Number of rings (9, 12, 18 or 36: cells of 20°, 15°, 10° or 5°) that leaves a few particles to a cell."""
    return next((rings for rings in (36, 18, 12) if ring_sizes(rings).sum() * PARTICLES_PER_CELL <= n), 9)


def collect_viewing_directions(rotations: np.ndarray) -> dict[str, Any]:
    """Count particles by viewing direction.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        R in x_image = P R x.
    """
    from triskelion.resolution.orientation import direction_angles_deg, viewing_directions  # brings torch, which drawing can do without

    n_rings = choose_n_rings(len(rotations))
    cells = cell_of_angles(*direction_angles_deg(viewing_directions(rotations)), n_rings)
    return {"n": len(rotations), "n_rings": n_rings, "counts": np.bincount(cells, minlength=int(ring_sizes(n_rings).sum())).tolist()}


def draw(data: dict[str, Any]) -> Figure:
    """Draw the density of directions relative to a uniform distribution."""
    figure = new_figure(SINGLE_COLUMN_IN, 2.5)
    axes = figure.subplots()
    counts = np.asarray(data["counts"])
    solid_angles = cell_solid_angles_sr(data["n_rings"])
    density = counts / (data["n"] * solid_angles / (4 * np.pi))
    top = max(2.0, float(density.max()))
    draw_sphere(figure, axes, density, data["n_rings"], label="particles relative to uniform", cmap="viridis", vmin=0, vmax=top)
    unseen = float(solid_angles[counts == 0].sum() / (4 * np.pi))
    axes.set_title(f"{data['n']:,} views, {100 * unseen:.0f} % of directions unseen", fontsize=TITLE_PT, pad=5)
    return figure
