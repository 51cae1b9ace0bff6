"""The local resolution: slices of the map in its colours, and how many voxels of the particle have which resolution."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, MaxNLocator, NullFormatter, NullLocator

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.plots.encode import round_number, unpack_image
from triskelion.plots.histogram import collect_histogram
from triskelion.plots.slices import PLANES, cut_slices, draw_plane_title, draw_scale_bar, grey_levels, pack_slices, slice_position
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, THIN_PT, TICK_PT, TITLE_PT, label_axes, new_figure

INSIDE = 0.5  # of the mask
N_BINS = 30
SHOWN = (1, 99)  # percentiles of the resolution inside the particle that the scale of colour spans
LEAST_RATIO = 1.05  # of its ends
COLORS = "turbo"


def collect_local_resolution(resolution: Volume, volume: Volume, mask: Mask, threshold: float) -> dict[str, Any]:
    """Cut map and local resolution (Å) through the mask's centre of mass, and count the voxels of the particle; the map must be free of noise.

    Raises InputError where the three lie on different grids.
    """
    require_same_grid(resolution, mask, "the local resolution", "the mask")
    require_same_grid(resolution, volume, "the local resolution", "the map")
    position = slice_position(mask.center_xyz_px, mask.box_px)
    of_particle = find_particle(volume, mask)
    inside = resolution.array[of_particle]
    finest_A, coarsest_A = np.percentile(inside, SHOWN)
    coarsest_A = max(coarsest_A, LEAST_RATIO * finest_A)
    edges = np.geomspace(finest_A, coarsest_A, N_BINS + 1)
    return {
        "box_px": mask.box_px,
        "pixel_size_A": mask.pixel_size_A,
        "through_xyz_px": position,
        "threshold": threshold,
        "range_A": [round_number(float(finest_A)), round_number(float(coarsest_A))],
        "percentiles_10_50_90_A": [round_number(float(value)) for value in np.percentile(inside, (10, 50, 90))],
        "voxels": collect_histogram(np.clip(inside, edges[0], edges[-1]), edges),
        # as logarithms: a byte then tells 4 from 5 Å as well as 20 from 25
        "ln_resolution": pack_slices(cut_slices(np.log(resolution.array), position), 6),
        "map": pack_slices(cut_slices(volume.array, position), 6),
    }


def find_particle(volume: Volume, mask: Mask) -> np.ndarray:
    """Return the voxels inside the mask that hold more density than the mean there: a loose mask is half solvent."""
    inside = mask.array > INSIDE
    return inside & (volume.array > volume.array[inside].mean())


def draw(data: dict[str, Any]) -> Figure:
    """Draw three slices, their brightness the density and their colour the resolution, and the histogram in the same colours."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.15)
    *panels, last = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.15))
    box_px, norm = data["box_px"], LogNorm(*data["range_A"])
    density = {plane: unpack_image(data["map"][plane]) for plane in PLANES}
    _, white = grey_levels(list(density.values()))
    for plane, axes in zip(PLANES, panels, strict=True):
        brightness = np.clip(density[plane] / white, 0, 1)[..., None] ** 0.6
        picture = colormaps[COLORS](norm(np.exp(unpack_image(data["ln_resolution"][plane]))))[..., :3] * brightness
        axes.imshow(picture, origin="lower", extent=(-0.5, box_px - 0.5, -0.5, box_px - 0.5), interpolation="nearest")
        draw_plane_title(axes, plane, data["through_xyz_px"])
        axes.set(xticks=[], yticks=[], xlim=(-0.5, box_px - 0.5), ylim=(-0.5, box_px - 0.5))
        axes.spines[:].set_visible(False)
    draw_scale_bar(panels[0], box_px, data["pixel_size_A"])
    _draw_voxels(last, data, norm)
    fine, median, coarse = data["percentiles_10_50_90_A"]
    spread = f"median {median:.3g} Å, a tenth finer than {fine:.3g}, a tenth coarser than {coarse:.3g} Å"
    figure.suptitle(f"Local resolution (FSC = {data['threshold']:.3g}): {spread}", fontsize=TITLE_PT, x=0.01, ha="left")
    return figure


def _draw_voxels(axes: Axes, data: dict[str, Any], norm: LogNorm) -> None:
    edges, counts = np.array(data["voxels"]["edges"]), np.array(data["voxels"]["counts"])
    middles = np.sqrt(edges[1:] * edges[:-1])
    axes.bar(edges[:-1], 100 * counts / max(counts.sum(), 1), np.diff(edges), align="edge", color=colormaps[COLORS](norm(middles)), linewidth=0)
    axes.set(xscale="log", xlim=(edges[0], edges[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%.3g"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    label_axes(axes, x_label="local resolution (Å)", y_label="voxels of the particle (%)")
    axes.tick_params(labelsize=TICK_PT, width=THIN_PT)
    axes.yaxis.label.set_fontsize(LABEL_PT)
