"""Where regions are and how large, and which of them lie near a point, are the largest, or lie inside something."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import reverse_axes
from triskelion.data.segmentation import Segmentation
from triskelion.errors import InputError
from triskelion.masks.regions import RegionState


@dataclass(frozen=True)
class Region:
    """What people are told of a region."""

    number: int
    name: str
    n_leaves: int
    n_voxels: int
    volume_A3: float
    center_xyz_px: tuple[float, float, float]  # mean of its voxels, from the corner voxel
    shown: bool
    selected: bool


def list_regions(segmentation: Segmentation, state: RegionState) -> list[Region]:
    """Return all regions, the largest first."""
    region_of_leaf = state.region_of_leaf(segmentation.n_leaves)
    n_entries = state.next_number
    of_voxel = region_of_leaf[segmentation.inside_labels]
    n_voxels = np.bincount(of_voxel, minlength=n_entries)
    places = np.unravel_index(segmentation.inside_px, segmentation.labels.shape)
    sums = np.stack([np.bincount(of_voxel, weights=axis, minlength=n_entries) for axis in reversed(places)], axis=1)
    n_leaves = np.bincount(region_of_leaf[1:], minlength=n_entries)
    regions = sorted(state.regions, key=lambda number: (-n_voxels[number], number))
    return [
        Region(
            number=number,
            name=state.names.get(number, ""),
            n_leaves=int(n_leaves[number]),
            n_voxels=int(n_voxels[number]),
            volume_A3=float(n_voxels[number] * segmentation.pixel_size_A**3),
            center_xyz_px=tuple((sums[number] / n_voxels[number]).tolist()),
            shown=number not in state.hidden,
            selected=number in state.selected,
        )
        for number in regions
    ]


def find_regions_within(segmentation: Segmentation, state: RegionState, center_xyz_px, radius_px: float) -> frozenset[int]:
    """Return the regions with a voxel no further than ``radius_px`` from a point (3,), counted from the corner voxel."""
    center = reverse_axes(np.asarray(center_xyz_px, dtype=np.float64))
    low, high = np.ceil(center - radius_px).astype(int), np.floor(center + radius_px).astype(int) + 1
    box = tuple(slice(max(start, 0), max(stop, 0)) for start, stop in zip(low, high, strict=True))
    near = segmentation.labels[box]
    squared = [(np.arange(part.start, part.start + size) - middle) ** 2 for part, size, middle in zip(box, near.shape, center, strict=True)]
    inside = squared[0][:, None, None] + squared[1][:, None] + squared[2] <= radius_px**2
    leaves = np.unique(near[inside])
    return frozenset(state.region_of_leaf(segmentation.n_leaves)[leaves].tolist()) - {0}


def find_largest_regions(segmentation: Segmentation, state: RegionState, n: int) -> frozenset[int]:
    """Return the ``n`` regions with the most voxels."""
    return frozenset(region.number for region in list_regions(segmentation, state)[:n])


def find_regions_inside(segmentation: Segmentation, state: RegionState, inside: np.ndarray, share: float) -> frozenset[int]:
    """Return the regions of which at least ``share`` of the voxels lie where ``inside``, bool (n, n, n), holds.

    Raises
    ------
    InputError
        It is another box.
    """
    if inside.shape != segmentation.labels.shape:
        raise InputError(f"regions lie in a box of {segmentation.box_px} px, what they are to lie inside in one of {inside.shape[0]} px")
    of_voxel = state.region_of_leaf(segmentation.n_leaves)[segmentation.inside_labels]
    n_inside = np.bincount(of_voxel, weights=inside.ravel()[segmentation.inside_px], minlength=state.next_number)
    enough = n_inside >= share * np.bincount(of_voxel, minlength=state.next_number)
    return frozenset(number for number in state.regions if enough[number])
