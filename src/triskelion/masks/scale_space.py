"""Grouping of regions by scale space, as Segger does: smooth step by step, and join regions whose maxima run together.

Pintilie, Zhang, Goddard, Chiu & Gossard (2010), J Struct Biol 170:427, doi:10.1016/j.jsb.2010.03.007.
"""

import math

import numpy as np
from scipy import ndimage

from triskelion.conventions import reverse_axes
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.masks.segment import climb_to_maxima

TRUNCATE_SD = 4.0  # a Gaussian ends here


def group_regions(segmentation: Segmentation, volume: Volume, n_steps: int = 4, step_size_px: float = 1.0) -> Segmentation:
    """Return the segmentation with groups: the whole tree, each group with the step at which it formed.

    At step k the map is smoothed with a Gaussian of k times ``step_size_px``; the maximum of each region (of each group, from where it
    stood a step before) climbs to a maximum of the smoothed map, and those that arrive at the same one are joined.

    Parameters
    ----------
    segmentation : Segmentation
        Its roots are grouped; what it has already is kept.
    volume : Volume
        The map that was segmented.
    n_steps : int
    step_size_px : float

    Raises
    ------
    InputError
        The map lies on another grid, or the step has no size.
    """
    if not step_size_px > 0:
        raise InputError(f"the smoothing step is {step_size_px:g} px, wanted more than 0")
    roots = segmentation.roots()
    points = reverse_axes(segmentation.measure(volume).maximum_xyz_px[roots])
    if len(roots) < 2:
        return segmentation
    box = _box_with_margin(segmentation.labels > 0, math.ceil(2 * TRUNCATE_SD * n_steps * step_size_px))
    density, points = volume.array[box], points - [part.start for part in box]
    groups: list[tuple[list[int], int]] = []
    sizes = {int(root): int(segmentation.n_voxels[root]) for root in roots}
    for step in range(1, n_steps + 1):
        smooth = ndimage.gaussian_filter(density, step * step_size_px, mode="nearest", truncate=TRUNCATE_SD)
        points, arrived = np.unique(climb_to_maxima(smooth, points), axis=0, return_inverse=True)
        meetings = np.split(roots[np.argsort(arrived, kind="stable")], np.cumsum(np.bincount(arrived))[:-1])
        roots = np.array([meeting[0] for meeting in meetings])
        joined = [place for place, meeting in enumerate(meetings) if len(meeting) > 1]
        for place in sorted(joined, key=lambda place: -sum(sizes[node] for node in meetings[place])):
            groups.append((meetings[place].tolist(), step))
            roots[place] = segmentation.n_nodes + len(groups)
            sizes[int(roots[place])] = sum(sizes[node] for node in groups[-1][0])
    return segmentation.with_groups(groups)


def _box_with_margin(inside: np.ndarray, margin_px: int) -> tuple[slice, ...]:
    """Return the part of the box that holds all regions and what is smoothed into them; maxima move little beyond it."""
    box = ndimage.find_objects(inside.view(np.int8))[0]
    return tuple(slice(max(part.start - margin_px, 0), part.stop + margin_px) for part in box)
