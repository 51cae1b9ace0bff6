"""How well the rotations of a domain can be known, particle by particle and by viewing direction, before anything is refined."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import missing_to_nan, round_number, round_numbers
from triskelion.plots.histogram import choose_edges, collect_histogram, draw_marker
from triskelion.plots.sphere import cell_of_angles, draw_sphere, ring_sizes
from triskelion.plots.style import BLACK, BLUE, DOUBLE_COLUMN_IN, GREY, LINE_PT, TITLE_PT, VERMILLION, add_legend, label_axes, new_figure

N_RINGS = 7  # few hundred particles fill no finer cells
COLORS = (BLUE, GREY, VERMILLION)


def collect_predicted_error(
    angles_deg: dict[str, np.ndarray], rotations: np.ndarray, *, prior_deg: float, right_deg: float, wrong_percent: float
) -> dict[str, Any]:
    """Count particles by expected error, and average the last kind of it over viewing directions; a direction and its opposite are one.

    Parameters
    ----------
    angles_deg : dict of str to ndarray, shape (n,)
        Label -> expected angle between found and true rotation.
    rotations : ndarray, shape (n, 3, 3)
    prior_deg : float
        The angle that the prior alone expects.
    right_deg, wrong_percent : float
        What a refinement is expected to come to: error of the poses that are not wrong, and how many are.
    """
    from triskelion.resolution.orientation import direction_angles_deg, viewing_directions  # brings torch, which drawing can do without

    edges = choose_edges(np.concatenate([*angles_deg.values(), [prior_deg]]), start=0.0)
    label, last = list(angles_deg.items())[-1]
    views = viewing_directions(rotations)
    cells = cell_of_angles(*direction_angles_deg(np.concatenate([views, -views])), N_RINGS)
    n_cells = int(ring_sizes(N_RINGS).sum())
    count, total = np.bincount(cells, minlength=n_cells), np.bincount(cells, np.tile(last, 2), minlength=n_cells)
    return {
        "n": len(rotations),
        "prior_deg": round_number(prior_deg),
        "right_deg": round_number(right_deg),
        "wrong_percent": round_number(wrong_percent),
        "histograms": {name: collect_histogram(values, edges) for name, values in angles_deg.items()},
        "n_rings": N_RINGS,
        "by_direction_label": label,
        "by_direction_deg": round_numbers(np.where(count > 0, total / np.maximum(count, 1), np.nan)),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the histograms with the prior beside, and the error by viewing direction."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.5)
    left, right = figure.subplots(1, 2)
    for (label, histogram), color in zip(data["histograms"].items(), COLORS, strict=True):
        edges = np.asarray(histogram["edges"])
        left.stairs(histogram["counts"], edges, fill=True, color=color, alpha=0.25, linewidth=0)
        left.stairs(histogram["counts"], edges, color=color, linewidth=LINE_PT, label=f"{label}: median {histogram['median']:.2g}°")
    left.set_xlim(0, 1.02 * edges[-1])
    left.set_ylim(0, 1.45 * max(max(histogram["counts"]) for histogram in data["histograms"].values()))
    draw_marker(left, data["prior_deg"], "prior alone", color=BLACK, height=0.6)
    add_legend(left, loc="upper left")
    known = "" if data["right_deg"] is None else f"Rotations known to {data['right_deg']:.2g}°, "
    title = f"{known}{data['wrong_percent']:.0f} % more than 8° off"
    label_axes(left, title=title, x_label="expected error of the rotation (°)", y_label="particles")
    draw_sphere(figure, right, missing_to_nan(data["by_direction_deg"]), data["n_rings"], label="expected error (°)", cmap="cividis")
    right.set_title(f"By viewing direction, {data['by_direction_label']}", fontsize=TITLE_PT, pad=5)
    return figure
