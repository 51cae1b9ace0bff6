"""The interface between two parts of a map: where they touch, or come nearest, and its centre, which is where a hinge may be."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import reverse_axes
from triskelion.errors import InputError
from triskelion.masks.dilate import distance_outside

NEIGHBOR_PX = 3**0.5 + 1e-3  # the furthest of 26 neighbours, with what float32 rounds


@dataclass(frozen=True)
class Contact:
    """The interface between two sets of voxels.

    Attributes
    ----------
    center_xyz_px : ndarray, shape (3,)
        Half way between the centroids of the contact voxels of the one and of the other, counted from the corner voxel.
    n_voxels : int
        Contact voxels of both.
    gap_px : float
        0 where the two touch, else the distance between their nearest voxels.
    """

    center_xyz_px: np.ndarray
    n_voxels: int
    gap_px: float


def find_contact(first: np.ndarray, second: np.ndarray) -> Contact:
    """Return the interface between two sets of voxels, bool (n, n, n).

    Contact voxels are those with a voxel of the other set among their 26 neighbours; of sets that do not touch, those that are no further
    from the other set than its nearest voxel is, and one voxel more.

    Raises
    ------
    InputError
        A set is empty, or the two overlap.
    """
    if not first.any() or not second.any():
        raise InputError("an interface lies between two parts, but one of them is empty")
    n_shared = int((first & second).sum())
    if n_shared:
        raise InputError(f"the two parts share {n_shared} voxels: an interface lies between parts that do not overlap")
    reach_px, gap_px = NEIGHBOR_PX, 0.0
    to_second = distance_outside(second, reach_px)
    if not np.isfinite(to_second[first]).any():
        to_second = distance_outside(second, float(np.linalg.norm(first.shape)))
        gap_px = float(to_second[first].min())
        reach_px = gap_px + 1
    to_first = distance_outside(first, reach_px)
    places = [np.argwhere(first & (to_second <= reach_px)), np.argwhere(second & (to_first <= reach_px))]
    center = np.mean([place.mean(axis=0) for place in places], axis=0)
    return Contact(reverse_axes(center), sum(map(len, places)), gap_px)
