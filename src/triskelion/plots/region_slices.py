"""Slices of the map with its regions in colour, each with its number."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.data.volume import Volume
from triskelion.plots.encode import largest_edge_px, unpack_image
from triskelion.plots.region_images import find_frame, list_largest, pack_labels, region_colors, unpack_labels, write_numbers
from triskelion.plots.slices import PLANES, cut_slices, draw_plane_title, draw_slice, grey_levels, pack_slices
from triskelion.plots.style import DOUBLE_COLUMN_IN, new_figure

OPACITY = 0.55


def collect_region_slices(labels: np.ndarray, volume: Volume, names: dict[int, str]) -> dict[str, Any]:
    """Cut map and regions through the middle of all regions.

    Parameters
    ----------
    labels : ndarray of int, shape (n, n, n)
        Region of each voxel, 0 for none.
    volume : Volume
        The map that was segmented.
    names : dict of int to str
        Names that regions have.
    """
    frame = find_frame(labels)
    position = [(low + high) // 2 for low, high in frame]
    regions = list_largest(labels)
    cut = {plane: pack_labels(image, regions, largest_edge_px(6)) for plane, image in cut_slices(labels, position).items()}
    return {
        "box_px": volume.box_px,
        "pixel_size_A": volume.pixel_size_A,
        "through_xyz_px": position,
        "frame_xyz_px": frame,
        "regions": regions,
        "names": {str(region): names[region] for region in regions if region in names},
        "map": pack_slices(cut_slices(volume.array, position), 6),
        "places": cut,
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the map in grey, the regions in colour over it."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.5, packed=True)
    panels = figure.subplots(1, 3)
    images = {plane: unpack_image(data["map"][plane]) for plane in PLANES}
    levels, colors = grey_levels(list(images.values())), region_colors(len(data["regions"]))
    numbers = [str(region) for region in data["regions"]]
    for plane, axes in zip(PLANES, panels, strict=True):
        right, up, _ = PLANES[plane]
        draw_slice(axes, images[plane], levels, data["box_px"])
        places = unpack_labels(data["places"][plane])
        overlay = np.dstack([colors[places], OPACITY * (places > 0)])
        axes.imshow(overlay, origin="lower", extent=axes.images[0].get_extent(), interpolation="nearest")
        write_numbers(axes, places, numbers)
        axes.set(xlim=data["frame_xyz_px"][right], ylim=data["frame_xyz_px"][up])
        draw_plane_title(axes, plane, data["through_xyz_px"])
    return figure
