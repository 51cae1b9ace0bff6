"""Slices of the consensus, of the composite map, and of where the composite comes from: colours are focused maps, grey the consensus."""

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from triskelion.data.volume import Volume, require_same_grid
from triskelion.plots.encode import unpack_image
from triskelion.plots.motion_histograms import DOMAIN_COLORS
from triskelion.plots.slices import PLANES, cut_slices, draw_plane_title, draw_scale_bar, draw_slice, grey_levels, pack_slices, slice_position
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, add_legend, new_figure

TINT = 0.75  # of a colour where a focused map gives all


def collect_composite_slices(consensus: Volume, composite: Volume, parts: dict[str, np.ndarray], *, through_xyz_px=None) -> dict[str, Any]:
    """Cut maps and parts through a point (px from the corner voxel; left out: the middle of what comes from focused maps).

    Parameters
    ----------
    consensus, composite : Volume
    parts : dict of str to ndarray (n, n, n)
        Label of a focused map -> its share of the density in every voxel.
    """
    require_same_grid(consensus, composite, "the consensus", "the composite map")
    if through_xyz_px is None:
        total = np.sum(list(parts.values()), axis=0)
        through_xyz_px = [float((total.sum(axis=axes) * np.arange(len(total))).sum() / total.sum()) for axes in ((0, 1), (0, 2), (1, 2))]
    position, n_images = slice_position(through_xyz_px, composite.box_px), 3 * (2 + len(parts))
    pack = lambda array: pack_slices(cut_slices(array, position), n_images)
    return {
        "box_px": composite.box_px,
        "pixel_size_A": composite.pixel_size_A,
        "through_xyz_px": position,
        "consensus": pack(consensus.array),
        "composite": pack(composite.array),
        "parts": [{"label": label, **pack(part)} for label, part in parts.items()],
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw three rows of three slices on one scale of grey."""
    figure = new_figure(DOUBLE_COLUMN_IN, 0.45 + 2.25 * 3, packed=True)
    maps = {name: {plane: unpack_image(data[name][plane]) for plane in PLANES} for name in ("consensus", "composite")}
    levels = grey_levels([image for images in maps.values() for image in images.values()])
    for row, name in zip(figure.subplots(3, 3), ("consensus", "composite", "where it comes from"), strict=True):
        row[0].set_ylabel(name, fontsize=LABEL_PT)
        for plane, axes in zip(PLANES, row, strict=True):
            draw_slice(axes, maps.get(name, maps["composite"])[plane], levels, data["box_px"])
            if name == "consensus":
                draw_plane_title(axes, plane, data["through_xyz_px"])
            elif name not in maps:
                tinted = _tint(maps["composite"][plane], [unpack_image(part[plane]) for part in data["parts"]], levels)
                axes.images[0].set_data(tinted)
    draw_scale_bar(figure.axes[0], data["box_px"], data["pixel_size_A"])
    handles = [Patch(color=DOMAIN_COLORS[place % len(DOMAIN_COLORS)], label=part["label"]) for place, part in enumerate(data["parts"])]
    add_legend(figure, handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
    return figure


def _tint(image: np.ndarray, parts: list[np.ndarray], levels: tuple[float, float]) -> np.ndarray:
    """Colours (up, right, 3): grey where the consensus stands, the colour of a focused map as far as it gives the density."""
    grey = np.clip((image - levels[0]) / (levels[1] - levels[0]), 0, 1)
    colored = np.repeat(grey[..., None], 3, axis=2)
    for place, part in enumerate(parts):
        color = np.array(to_rgb(DOMAIN_COLORS[place % len(DOMAIN_COLORS)]))
        colored += TINT * np.clip(part, 0, 1)[..., None] * ((0.35 + 0.65 * grey)[..., None] * color - grey[..., None])
    return np.clip(colored, 0, 1)
