"""The mask over slices of the map: thick at 0.5, thin where its soft edge begins and ends; dotted lines cross at the fulcrum."""

from typing import Any

from matplotlib.figure import Figure

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.plots.encode import round_numbers, unpack_image
from triskelion.plots.slices import (
    PLANES,
    cut_slices,
    draw_cross_hair,
    draw_outline,
    draw_plane_title,
    draw_scale_bar,
    draw_slice,
    grey_levels,
    pack_slices,
    slice_position,
)
from triskelion.plots.style import DOUBLE_COLUMN_IN, new_figure


def collect_mask_slices(mask: Mask, volume: Volume, *, fulcrum_xyz_px=None) -> dict[str, Any]:
    """Cut mask and map through the mask's centre of mass.

    ``fulcrum_xyz_px`` (3,) counts from the corner voxel. Raises InputError where the two lie on different grids.
    """
    require_same_grid(mask, volume, "the mask", "the map")
    position = slice_position(mask.center_xyz_px, mask.box_px)
    return {
        "box_px": mask.box_px,
        "pixel_size_A": mask.pixel_size_A,
        "through_xyz_px": position,
        "fulcrum_xyz_px": None if fulcrum_xyz_px is None else round_numbers(fulcrum_xyz_px),
        "map": pack_slices(cut_slices(volume.array, position), 6),
        "mask": pack_slices(cut_slices(mask.array, position), 6),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the map in grey and the mask as lines at 0.5 and at both ends of its soft edge."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.5, packed=True)
    panels = figure.subplots(1, 3)
    images = {plane: unpack_image(data["map"][plane]) for plane in PLANES}
    levels = grey_levels(list(images.values()))
    for plane, axes in zip(PLANES, panels, strict=True):
        draw_slice(axes, images[plane], levels, data["box_px"])
        draw_outline(axes, unpack_image(data["mask"][plane]), data["box_px"])
        draw_plane_title(axes, plane, data["through_xyz_px"])
        if data["fulcrum_xyz_px"] is not None:
            draw_cross_hair(axes, plane, data["fulcrum_xyz_px"])
    draw_scale_bar(panels[0], data["box_px"], data["pixel_size_A"])
    return figure
