"""The surface of all regions seen along the three axes, each region in its colour and with its number."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.data.volume import Volume
from triskelion.plots.encode import largest_edge_px, pack_image, unpack_image
from triskelion.plots.region_images import find_frame, list_largest, pack_labels, region_colors, sample_image, unpack_labels, write_numbers
from triskelion.plots.slices import PLANES
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, TICK_PT, new_figure

FROM = {"xy": "+z", "xz": "−y", "yz": "+x"}  # where the eye is, with the axes of a plane to the right and upwards: no view is a mirror image
AMBIENT, FARTHEST = 0.35, 0.65  # brightness of a surface seen edge on, and of the farthest one
LISTED, LONGEST = 12, 48  # names below the picture, and letters of one


def collect_region_views(labels: np.ndarray, volume: Volume, names: dict[int, str]) -> dict[str, Any]:
    """Look at the regions along each axis; parameters as of ``collect_region_slices``."""
    frame = find_frame(labels)
    regions, edge_px = list_largest(labels), largest_edge_px(6)
    part = tuple(slice(*ends) for ends in frame[::-1])
    seen = {plane: _look(labels[part], volume.array[part], 2 - PLANES[plane][2], FROM[plane][0] == "+") for plane in PLANES}
    return {
        "pixel_size_A": volume.pixel_size_A,
        "frame_xyz_px": frame,
        "regions": regions,
        "names": {str(region): names[region] for region in regions if region in names},
        "places": {plane: pack_labels(front, regions, edge_px) for plane, (front, _) in seen.items()},
        "shade": {plane: pack_image(sample_image(shade, edge_px), edge_px) for plane, (_, shade) in seen.items()},
    }


def _look(labels: np.ndarray, density: np.ndarray, axis: int, from_far_end: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the region that is in front along an array axis, and how bright its surface is: lit from the eye, darker with distance."""
    ray = (np.flip(labels, axis) if from_far_end else labels) > 0
    first, hit = ray.argmax(axis), ray.any(axis)
    depth = labels.shape[axis] - 1 - first if from_far_end else first
    rows, columns = np.indices(depth.shape)
    place = [rows, columns]
    place.insert(axis, depth)
    front = np.where(hit, labels[tuple(place)], 0)
    slope = np.stack([_slope(density, place, along) for along in range(3)])
    steepness = np.sqrt((slope**2).sum(axis=0))
    towards_eye = -slope[axis] if from_far_end else slope[axis]
    facing = np.clip(towards_eye / np.where(steepness > 0, steepness, 1), 0, 1)
    distance = first / max(labels.shape[axis] - 1, 1)
    shade = (AMBIENT + (1 - AMBIENT) * facing) * (1 - (1 - FARTHEST) * distance)
    return front, np.where(hit, shade, 1.0)


def _slope(density: np.ndarray, place: list[np.ndarray], axis: int) -> np.ndarray:
    """Return the central difference of a map along an axis, at some voxels."""
    ahead, behind = list(place), list(place)
    ahead[axis] = np.minimum(place[axis] + 1, density.shape[axis] - 1)
    behind[axis] = np.maximum(place[axis] - 1, 0)
    return density[tuple(ahead)] - density[tuple(behind)]


def draw(data: dict[str, Any]) -> Figure:
    """Draw the three views on white, and the names that regions have below."""
    named = [f"{region}  {name}" for region, name in data["names"].items()][:LISTED]
    named = [line if len(line) <= LONGEST else f"{line[: LONGEST - 2]} …" for line in named]
    figure = new_figure(DOUBLE_COLUMN_IN, 2.5 + 0.12 * ((len(named) + 1) // 2), packed=True)
    panels = figure.subplots(1, 3)
    colors = region_colors(len(data["regions"]))
    numbers = [str(region) for region in data["regions"]]
    for plane, axes in zip(PLANES, panels, strict=True):
        right, up, _ = PLANES[plane]
        places, shade = unpack_labels(data["places"][plane]), unpack_image(data["shade"][plane])
        picture = np.where((places > 0)[..., None], colors[places] * shade[..., None], 1.0)
        ends = (*data["frame_xyz_px"][right], *data["frame_xyz_px"][up])
        axes.imshow(np.clip(picture, 0, 1), origin="lower", extent=tuple(end - 0.5 for end in ends), interpolation="bilinear")
        axes.set_axis_off()
        axes.set_title(f"from {FROM[plane]}: {plane[0]} to the right, {plane[1]} up", fontsize=LABEL_PT, pad=3)
        write_numbers(axes, places, numbers)
    if named:
        columns = (named[::2], named[1::2])
        for left, lines in zip((0.03, 0.52), columns, strict=True):
            figure.text(left, 0.01, "\n".join(lines), fontsize=TICK_PT, va="bottom", ha="left")
    return figure
