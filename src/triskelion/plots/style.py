"""House style of every figure: sizes of a journal column, one colour-blind safe palette, quiet axes.

Everything is set on the Figure at hand; neither pyplot nor rcParams is touched, so figures may be drawn in threads.
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend

SINGLE_COLUMN_IN = 3.5
DOUBLE_COLUMN_IN = 7.0
DPI = 200

# Okabe & Ito, "Color Universal Design" (2008)
BLACK, GREY = "#000000", "#8C8C8C"
ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"

TITLE_PT, LABEL_PT, TICK_PT = 8.0, 7.0, 6.5
LINE_PT, THIN_PT = 1.1, 0.6


def new_figure(width_in: float, height_in: float, *, packed: bool = False) -> Figure:
    """Return an empty figure whose parts are arranged without overlap; ``packed`` moves panels of fixed shape (images) together."""
    layout = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02, compress=packed)
    return Figure(figsize=(width_in, height_in), dpi=DPI, layout=layout, facecolor="white")


def label_axes(axes: Axes, *, title: str = "", x_label: str = "", y_label: str = "") -> None:
    """Write title and labels, and remove what carries no information."""
    axes.set_title(title, loc="left", fontsize=TITLE_PT, pad=4)
    axes.set_xlabel(x_label, fontsize=LABEL_PT, labelpad=2)
    axes.set_ylabel(y_label, fontsize=LABEL_PT, labelpad=2)
    axes.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2.5, pad=2)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(THIN_PT)


def add_legend(parent: Axes | FigureBase, **options) -> Legend:
    """Add a legend without a frame to a panel or a figure; ``options`` go to matplotlib."""
    return parent.legend(**{"frameon": False, "fontsize": TICK_PT, "handlelength": 1.6, "labelspacing": 0.3, "borderaxespad": 0.3, **options})


def format_resolution(resolution_A: float) -> str:
    """Write a resolution with the digits that mean something: 3.58 Å, 7.9 Å, 17.4 Å."""
    return f"{resolution_A:.2f} Å" if resolution_A < 5 else f"{resolution_A:.1f} Å"
