"""Where the non-uniform filter cuts: the resolution that each voxel of the references keeps, over slices of the map."""

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.plots.encode import round_number, unpack_image
from triskelion.plots.slices import PLANES, cut_slices, draw_outline, draw_plane_title, draw_scale_bar, pack_slices, slice_position
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, THIN_PT, TICK_PT, TITLE_PT, new_figure

INSIDE = 0.5  # of the mask
N_TICKS = 6
LEAST_RATIO = 1.01  # of the coarsest to the finest cut, so that the scale has a length


def collect_nonuniform_cut(cut_A: Volume, mask: Mask) -> dict[str, Any]:
    """Cut the filter's resolution (Å, as a map) through the mask's centre of mass, and note what is typical inside the mask.

    Raises InputError where the two lie on different grids.
    """
    require_same_grid(cut_A, mask, "the map of cuts", "the mask")
    position = slice_position(mask.center_xyz_px, mask.box_px)
    inside = cut_A.array[mask.array > INSIDE]
    typical = np.percentile(inside, (10, 50, 90)) if inside.size else (None,) * 3
    return {
        "box_px": mask.box_px,
        "pixel_size_A": mask.pixel_size_A,
        "through_xyz_px": position,
        "percentiles_10_50_90_A": [round_number(value) for value in typical],
        "range_A": [round_number(float(cut_A.array.min())), round_number(float(cut_A.array.max()))],
        # as logarithms: a byte then tells 4 from 5 Å as well as 20 from 25
        "ln_cut": pack_slices(cut_slices(np.log(cut_A.array), position), 6),
        "mask": pack_slices(cut_slices(mask.array, position), 6),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw three slices on one logarithmic scale of colour, fine cuts bright, with the mask that references are cut out with."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.45)
    box_px, (finest_A, coarsest_A) = data["box_px"], data["range_A"]
    coarsest_A = max(coarsest_A, LEAST_RATIO * finest_A)
    norm, extent = LogNorm(finest_A, coarsest_A), (-0.5, box_px - 0.5, -0.5, box_px - 0.5)
    panels = figure.subplots(1, 3)
    for plane, axes in zip(PLANES, panels, strict=True):
        cut_A = np.exp(unpack_image(data["ln_cut"][plane]))
        image = axes.imshow(cut_A, origin="lower", extent=extent, cmap="viridis_r", norm=norm, interpolation="nearest")
        draw_outline(axes, unpack_image(data["mask"][plane]), box_px, with_soft_edge=False)
        draw_plane_title(axes, plane, data["through_xyz_px"])
        axes.set(xticks=[], yticks=[], xlim=extent[:2], ylim=extent[2:])
        axes.spines[:].set_visible(False)
    draw_scale_bar(panels[0], box_px, data["pixel_size_A"])
    bar = figure.colorbar(image, ax=list(panels), shrink=0.9, pad=0.01, aspect=18)
    bar.set_label("low-passed at (Å)", fontsize=LABEL_PT, labelpad=2)
    bar.ax.yaxis.set_major_locator(FixedLocator(list(np.geomspace(finest_A, coarsest_A, N_TICKS))))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FormatStrFormatter("%.3g"))
    bar.ax.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2)
    bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
    fine, median, coarse = data["percentiles_10_50_90_A"]
    if median is not None:
        title = f"Inside the mask cuts lie at {median:.3g} Å (median), a tenth of them finer than {fine:.3g} and a tenth coarser than {coarse:.3g} Å"
        figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    return figure
