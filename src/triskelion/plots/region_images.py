"""What pictures of regions share: labels as small images, a colour for each region, numbers where it can be seen."""

import colorsys
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from scipy import ndimage

from triskelion.plots.encode import pack_image, unpack_image
from triskelion.plots.style import TICK_PT

MOST_COLORED = 250  # further ones are grey: a byte numbers them all
GOLDEN_ANGLE = 0.381966  # of a turn; hues that follow one another this far apart never come close
LEAST_SHOWN = 0.004  # of an image: a region that covers less gets no number


def list_largest(labels: np.ndarray) -> list[int]:
    """Return the numbers of the regions that get colours, the largest first."""
    sizes = np.bincount(labels[labels > 0])
    return [int(region) for region in np.argsort(-sizes, kind="stable")[:MOST_COLORED] if sizes[region] > 0]


def pack_labels(labels: np.ndarray, regions: list[int], edge_px: int) -> dict[str, Any]:
    """Pack an image of labels as places in ``regions`` counted from 1, 0 outside all, one more than there are for other regions.

    An image longer than ``edge_px`` is sampled, not averaged.
    """
    place = np.full(int(labels.max()) + 1 if labels.size else 1, len(regions) + 1)
    place[0] = 0
    for index, region in enumerate(regions, 1):
        if region < len(place):
            place[region] = index
    return pack_image(place[sample_image(labels, edge_px)], edge_px)


def sample_image(image: np.ndarray, edge_px: int) -> np.ndarray:
    """Take every so many pixels of an image, so that no edge is longer than ``edge_px``."""
    taken = [min(n, max(1, n * edge_px // max(image.shape))) for n in image.shape]
    return image[np.ix_(*[(2 * np.arange(some) + 1) * n // (2 * some) for n, some in zip(image.shape, taken, strict=True)])]


def unpack_labels(packed: dict[str, Any]) -> np.ndarray:
    """Return the places that ``pack_labels`` wrote."""
    return np.rint(unpack_image(packed)).astype(np.int64)


def region_colors(n_regions: int) -> np.ndarray:
    """Return colours (n_regions + 2, 3): black for nothing, one for each region, grey for other regions."""
    hues = [((place * GOLDEN_ANGLE) % 1, (0.62, 0.42, 0.75)[place % 3], (0.95, 0.85, 0.72)[place // 3 % 3]) for place in range(n_regions)]
    return np.array([(0, 0, 0), *(colorsys.hsv_to_rgb(*hue) for hue in hues), (0.6, 0.6, 0.6)])


def write_numbers(axes: Axes, places: np.ndarray, texts: list[str]) -> None:
    """Write the text of each region into its image of places, where it is widest; ``axes`` show the image with its own extent."""
    left, right, bottom, top = axes.images[0].get_extent()
    sizes = np.bincount(places.ravel(), minlength=len(texts) + 1)
    outline = [patheffects.withStroke(linewidth=1.4, foreground="white")]
    for place in np.flatnonzero(sizes[1 : len(texts) + 1] >= LEAST_SHOWN * places.size) + 1:
        depth = np.asarray(ndimage.distance_transform_edt(np.pad(places == place, 1)))[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        x = left + (column + 0.5) * (right - left) / places.shape[1]
        y = bottom + (row + 0.5) * (top - bottom) / places.shape[0]
        axes.text(x, y, texts[place - 1], fontsize=TICK_PT, ha="center", va="center", path_effects=outline)


def find_frame(labels: np.ndarray, margin_px: int = 4) -> list[list[int]]:
    """Return the cube, as first and last + 1 along x, y and z, that all regions lie in; the whole box where there are none."""
    box = ndimage.find_objects((labels > 0).view(np.int8))
    if not box:
        return [[0, n] for n in labels.shape]
    half = max(part.stop - part.start for part in box[0]) // 2 + margin_px
    middles = [(part.start + part.stop) // 2 for part in box[0]]
    frame = [[max(middle - half, 0), min(middle + half + 1, n)] for middle, n in zip(middles, labels.shape, strict=True)]
    return frame[::-1]
