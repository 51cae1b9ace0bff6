"""Mask base and complement base: the density inside some regions, and the density inside all others."""

from collections.abc import Collection

import numpy as np

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume, require_same_grid
from triskelion.masks.regions import RegionState


def split_density(volume: Volume, segmentation: Segmentation, state: RegionState, regions: Collection[int]) -> tuple[Volume, Volume]:
    """Return the map inside ``regions`` and the map inside the other regions, both 0 elsewhere.

    What was deleted, and what never reached the level of the segmentation, is in neither.

    Raises
    ------
    InputError
        Map and segmentation lie on different grids.
    """
    require_same_grid(volume, segmentation, "the map", "the segmentation")
    region_of_leaf = state.region_of_leaf(segmentation.n_leaves)
    chosen = np.isin(region_of_leaf, list(regions))
    other = ~chosen & (region_of_leaf > 0)
    inside, outside = (np.where(leaves[segmentation.labels], volume.array, np.float32(0)) for leaves in (chosen, other))
    return Volume(inside, volume.pixel_size_A), Volume(outside, volume.pixel_size_A)
