"""A series over a grid of settings: resolution, mean corrected FSC (framed: the best, dotted: as good), and angles between poses of neighbours."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from triskelion.plots.encode import missing_to_nan, round_numbers
from triskelion.plots.style import BLACK, BLUE, DOUBLE_COLUMN_IN, ORANGE, TICK_PT, VERMILLION, label_axes, new_figure

LIGHT = 0.55  # of a colour scale, from which on text is dark


def collect_series(
    values: Mapping[str, Sequence[str]],
    resolution_A: np.ndarray,
    mean_fsc: np.ndarray,
    as_good: np.ndarray,
    best: int,
    agreement: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Keep what was varied and what came of it.

    Parameters
    ----------
    values : dict of str to list of str
        Parameter -> its values; settings count with the last parameter varying first.
    resolution_A, mean_fsc : ndarray (settings, subsets)
        NaN where a run failed.
    as_good : ndarray (settings,), bool
    best : int
    agreement : sequence of dict
        ``first``, ``second`` (settings) and ``angle_deg`` of neighbours.
    """
    return {
        "values": {name: list(each) for name, each in values.items()},
        "resolution_A": round_numbers(resolution_A),
        "mean_fsc": round_numbers(mean_fsc),
        "as_good": [bool(each) for each in as_good],
        "best": best,
        "agreement": [dict(each) for each in agreement],
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw three panels over one grid: rows are the first parameter, columns all others."""
    names, values = list(data["values"]), list(data["values"].values())
    rows = values[0] if len(values) > 1 else [""]
    columns = [[""]] if not values else [values[0]] if len(values) == 1 else values[1:]
    labels = [" / ".join(each) for each in _products(columns)]
    shape = len(rows), len(labels)
    figure = new_figure(DOUBLE_COLUMN_IN, 1.1 + max(0.42 * len(rows), 0.5))
    panels = figure.subplots(1, 3)
    resolution, fsc = (np.array([missing_to_nan(row) for row in data[key]]) for key in ("resolution_A", "mean_fsc"))
    titles = ("Resolution (Å)", "Mean corrected FSC", "Angle between poses (°)")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_xticks(range(shape[1]), labels, rotation=45 if max(map(len, labels)) > 4 else 0)
        axes.set_yticks(range(shape[0]), rows)
        label_axes(axes, title=title, x_label=" / ".join(names[1:] or names), y_label=names[0] if len(names) > 1 else "")
        axes.tick_params(length=0)
    with np.errstate(invalid="ignore"):
        _draw_cells(panels[0], resolution.mean(axis=1).reshape(shape), "viridis_r", "{:.2f}")
        _draw_cells(panels[1], fsc.mean(axis=1).reshape(shape), "viridis", "{:.3f}")
    for setting, is_good in enumerate(data["as_good"]):
        row, column = divmod(setting, shape[1])
        if is_good:
            style = "-" if setting == data["best"] else ":"
            frame = Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor=VERMILLION, linewidth=1.6, linestyle=style)
            panels[1].add_patch(frame)
    _draw_agreement(panels[2], data["agreement"], shape)
    return figure


def _products(columns: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for each in columns:
        found = [(*before, value) for before in found for value in each]
    return found


def _draw_cells(axes: Axes, values: np.ndarray, colors: str, text: str) -> None:
    """Colour the cells of a grid and write their values into them."""
    image = axes.imshow(values, cmap=colors, aspect="auto")
    low, high = image.get_clim()
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.text(column, row, "failed", ha="center", va="center", fontsize=TICK_PT - 1, color=BLACK)
            continue
        share = (value - low) / (high - low) if high > low else 0.0
        is_light = (1 - share if colors.endswith("_r") else share) > LIGHT
        axes.text(column, row, text.format(value), ha="center", va="center", fontsize=TICK_PT, color=BLACK if is_light else "white")


def _draw_agreement(axes: Axes, agreement: Sequence[Mapping[str, Any]], shape: tuple[int, int]) -> None:
    """Draw settings as dots and write the angle on the line between neighbours."""
    axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))
    largest = max((pair["angle_deg"] for pair in agreement), default=1.0) or 1.0
    for pair in agreement:
        (y0, x0), (y1, x1) = (divmod(pair[end], shape[1]) for end in ("first", "second"))
        axes.plot([x0, x1], [y0, y1], color=ORANGE, linewidth=0.8 + 2.5 * pair["angle_deg"] / largest, zorder=1, solid_capstyle="round")
        label = {"ha": "center", "va": "center", "fontsize": TICK_PT, "zorder": 3}
        axes.text((x0 + x1) / 2, (y0 + y1) / 2, f"{pair['angle_deg']:.2g}", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8}, **label)
    row, column = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    axes.plot(column, row, marker="o", markersize=4, color=BLUE, linestyle="", zorder=2)
