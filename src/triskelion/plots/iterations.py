"""How a refinement went: resolution, change of the poses and likelihood by iteration."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from triskelion.errors import InputError
from triskelion.plots.encode import missing_to_nan, round_numbers
from triskelion.plots.style import BLUE, DOUBLE_COLUMN_IN, GREEN, LINE_PT, PURPLE, VERMILLION, label_axes, new_figure

# what -> title, unit, axis, colour
PANELS = {
    "resolution_A": ("Resolution", " Å", "at FSC = 0.143 (Å)", VERMILLION),
    "rotation_change_deg": ("Rotations move", "°", "median change (°)", BLUE),
    "shift_change_A": ("Shifts move", " Å", "median change (Å)", GREEN),
    "log_likelihood": ("Log-likelihood", " nat", "per particle (nat)", PURPLE),
}


def collect_iterations(
    *,
    resolution_A: Sequence[float | None],
    rotation_change_deg: Sequence[float | None],
    shift_change_A: Sequence[float | None],
    log_likelihood: Sequence[float | None],
) -> dict[str, Any]:
    """Note four figures per iteration: changes are medians since the iteration before; None where there is no value.

    Raises InputError where the four differ in length.
    """
    columns = {
        "resolution_A": resolution_A,
        "rotation_change_deg": rotation_change_deg,
        "shift_change_A": shift_change_A,
        "log_likelihood": log_likelihood,
    }
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"figures of different numbers of iterations: {lengths}; give None where one has no value")
    return {"iteration": list(range(1, len(resolution_A) + 1)), **{name: round_numbers(values) for name, values in columns.items()}}


def _say_latest(value: float | None, unit: str) -> str:
    """Write the newest value behind the title, if there is one."""
    if value is None:
        return ""
    return f" {value:.3g}{unit}" if abs(value) < 1000 else f" {value:,.0f}{unit}"


def draw(data: dict[str, Any]) -> Figure:
    """Draw one small panel per figure."""
    figure = new_figure(DOUBLE_COLUMN_IN, 1.9)
    panels = figure.subplots(1, len(PANELS))
    last = data["iteration"][-1]
    for axes, (key, (title, unit, y_label, color)) in zip(panels, PANELS.items(), strict=True):
        values = missing_to_nan(data[key])
        axes.plot(data["iteration"], values, color=color, linewidth=LINE_PT, marker="o", markersize=3)
        label_axes(axes, title=title + _say_latest(data[key][-1], unit), x_label="iteration", y_label=y_label)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        axes.set_xlim(0.7, last + 0.3)
        if key.endswith(("change_deg", "change_A")):
            axes.set_ylim(bottom=0)
    return figure
