"""Hinge axes of the domains over projections of the map, drawn from the fulcrum (dot), as long as the motion about them is large."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.conventions import reverse_axes
from triskelion.data.volume import Mask, Volume
from triskelion.plots.encode import round_numbers, unpack_image
from triskelion.plots.motion_histograms import DOMAIN_COLORS, Moving
from triskelion.plots.slices import PLANES, draw_scale_bar, draw_slice, grey_levels, pack_slices
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, add_legend, new_figure

LONGEST = 0.2  # of the box: the largest motion of all


def collect_motion_axes(
    volume: Volume, names: Sequence[str], masks: Sequence[Mask], domains: Sequence[Moving], fulcra_xyz_px: Sequence[np.ndarray]
) -> dict[str, Any]:
    """Project map and masks along z, y and x; fulcra (3,) count from the corner voxel."""
    n_images = 3 * (1 + len(names))
    rows = []
    for name, mask, domain, fulcrum in zip(names, masks, domains, fulcra_xyz_px, strict=True):
        rows.append({
            "name": name,
            "mask": pack_slices(_project(mask.array, np.max), n_images),
            "fulcrum_xyz_px": round_numbers(fulcrum),
            "axes_xyz": round_numbers(domain.axes),
            "amplitude_deg": round_numbers(domain.amplitude_deg),
        })  # fmt: skip
    projected = pack_slices(_project(np.maximum(volume.array, 0), np.sum), n_images)
    return {"box_px": volume.box_px, "pixel_size_A": volume.pixel_size_A, "map": projected, "domains": rows}


def _project(array: np.ndarray, along) -> dict[str, np.ndarray]:
    """Look at an array [z, y, x] along the axis that each plane is cut across; all (up, right)."""
    return {plane: along(array, axis=reverse_axes([0, 1, 2])[across]) for plane, (_, _, across) in PLANES.items()}


def draw(data: dict[str, Any]) -> Figure:
    """Draw three views; outlines and arrows of a domain have one colour."""
    figure, box_px = new_figure(DOUBLE_COLUMN_IN, 2.75, packed=True), data["box_px"]
    images = {plane: unpack_image(packed) for plane, packed in data["map"].items()}
    levels = grey_levels(list(images.values()))
    largest = max((max(row["amplitude_deg"]) for row in data["domains"]), default=0.0) or 1.0
    panels = figure.subplots(1, 3)
    for axes, (plane, (right, up, across)) in zip(panels, PLANES.items(), strict=True):
        draw_slice(axes, images[plane], levels, box_px)
        axes.set_title(f"seen along {'xyz'[across]}", fontsize=LABEL_PT, pad=3)
        for place, row in enumerate(data["domains"]):
            _draw_domain(axes, row, plane, (right, up), DOMAIN_COLORS[place % len(DOMAIN_COLORS)], LONGEST * box_px / largest)
        axes.set(xlim=(-0.5, box_px - 0.5), ylim=(-0.5, box_px - 0.5))
    draw_scale_bar(panels[0], box_px, data["pixel_size_A"])
    add_legend(figure, loc="outside lower center", ncols=min(len(data["domains"]), 4))
    return figure


def _draw_domain(axes, row: dict[str, Any], plane: str, shown: tuple[int, int], color: str, px_per_deg: float) -> None:
    mask, fulcrum = unpack_image(row["mask"][plane]), np.asarray(row["fulcrum_xyz_px"])
    box_px = round(axes.get_xlim()[1] + 0.5)
    ends = 0.5 * (box_px / mask.shape[1] - 1)
    line = np.linspace(ends, box_px - 1 - ends, mask.shape[1])
    axes.contour(line, line, mask, levels=[0.5], colors=[color], linewidths=[0.7])
    x, y = (fulcrum[axis] for axis in shown)
    for axis, amplitude in zip(np.asarray(row["axes_xyz"]), row["amplitude_deg"], strict=True):
        dx, dy = (px_per_deg * amplitude * axis[k] for k in shown)
        axes.annotate("", (x + dx, y + dy), (x - dx, y - dy), arrowprops={"arrowstyle": "<->", "color": color, "linewidth": 1.1, "mutation_scale": 6,
                                                                          "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    sizes = ", ".join(f"{amplitude:.1f}" for amplitude in row["amplitude_deg"])
    first = plane == next(iter(PLANES))
    axes.plot([x], [y], marker="o", markersize=3, color=color, markeredgecolor="white", markeredgewidth=0.5, linestyle="",
              label=f"{row['name']}: {sizes}°" if first else None)  # fmt: skip
