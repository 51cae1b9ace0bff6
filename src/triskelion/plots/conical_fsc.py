"""How well the half maps agree in each direction: FSCs in cones of 20° and the areas under them; cFAR is the smallest over the largest area."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import missing_to_nan, round_number, round_numbers
from triskelion.plots.frequency_axis import draw_frequency_axis
from triskelion.plots.gsfsc import draw_thresholds
from triskelion.plots.sphere import cell_of_angles, draw_sphere, ring_sizes
from triskelion.plots.style import BLACK, BLUE, DOUBLE_COLUMN_IN, GREY, LINE_PT, TITLE_PT, VERMILLION, add_legend, label_axes, new_figure

if TYPE_CHECKING:
    from triskelion.resolution.orientation import ConicalFsc

N_RINGS = 18
N_POINTS = 2000  # on the half sphere, so that every cell holds some
FINE_ABOVE = 0.5


def collect_conical_fsc(conical: "ConicalFsc", box_px: int, pixel_size_A: float) -> dict[str, Any]:
    """Note the FSC of whole shells, of the best and the worst cone, the range of all, and the area by direction relative to the best."""
    from triskelion.resolution.orientation import direction_angles_deg, half_sphere_directions  # brings torch, which drawing can do without

    areas = conical.areas
    points = half_sphere_directions(N_POINTS)
    nearest = np.abs(points @ conical.directions_xyz.T).argmax(1)
    cells = cell_of_angles(*direction_angles_deg(np.concatenate([points, -points])), N_RINGS)
    n_cells = int(ring_sizes(N_RINGS).sum())
    count = np.bincount(cells, minlength=n_cells)
    total = np.bincount(cells, np.tile(areas[nearest] / max(areas.max(), 1e-12), 2), minlength=n_cells)
    return {
        "frequency_per_A": round_numbers(np.arange(conical.curves.shape[1]) / (box_px * pixel_size_A)),
        "whole": round_numbers(conical.whole, 4),
        "worst": round_numbers(conical.curves[areas.argmin()], 4),
        "best": round_numbers(conical.curves[areas.argmax()], 4),
        "lowest": round_numbers(conical.curves.min(0), 4),
        "highest": round_numbers(conical.curves.max(0), 4),
        "n_rings": N_RINGS,
        "relative_area": round_numbers(np.where(count > 0, total / np.maximum(count, 1), np.nan), 4),
        "cfar": round_number(conical.area_ratio),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the curves beside the map of the areas."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.6)
    left, right = (figure.add_subfigure(part).subplots() for part in figure.add_gridspec(1, 2))  # so the colour bar takes no room from the curves
    frequency = np.asarray(data["frequency_per_A"])[1:]
    curve = lambda name: missing_to_nan(data[name])[1:]
    draw_thresholds(left)
    left.fill_between(frequency, curve("lowest"), curve("highest"), color=GREY, alpha=0.35, linewidth=0, label="all cones")
    for name, color, label in (("best", BLUE, "best cone"), ("whole", BLACK, "whole shells"), ("worst", VERMILLION, "worst cone")):
        left.plot(frequency, curve(name), color=color, linewidth=LINE_PT, label=label)
    label_axes(left, x_label="spatial frequency (1/Å)", y_label="Fourier shell correlation in a cone")
    draw_frequency_axis(left, float(frequency[-1]))
    left.set_ylim(-0.2, 1.03)
    add_legend(left, loc="upper right")
    draw_sphere(
        figure, right, missing_to_nan(data["relative_area"]), data["n_rings"], label="area under the FSC, of the best", cmap="cividis", vmin=0, vmax=1
    )
    fine = data["cfar"] >= FINE_ABOVE
    title = right.set_title(f"cFAR = {data['cfar']:.2f} ({'fine' if fine else 'anisotropic'}: limit {FINE_ABOVE:g})", fontsize=TITLE_PT, pad=5)
    if not fine:
        title.set_color(VERMILLION)
    return figure
