"""Watershed: who belongs to which maximum, on maps where that is known."""

import numpy as np
import pytest

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.masks.segment import climb_to_maxima, find_watershed_regions, neighbor_offsets


def make_blobs(*centers_xyz_px: tuple[float, float, float], box_px: int = 24, width_px: float = 3.0) -> np.ndarray:
    z, y, x = np.mgrid[:box_px, :box_px, :box_px]
    squared = [(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 for cx, cy, cz in centers_xyz_px]
    return np.sum([np.exp(-0.5 * r2 / width_px**2) for r2 in squared], axis=0).astype(np.float32)


def test_two_equal_blobs_part_half_way():
    labels = find_watershed_regions(Volume(make_blobs((6, 12, 12), (17, 12, 12)), 2.0), 0.3).labels
    assert set(np.unique(labels)) == {0, 1, 2}
    inside = labels > 0
    left = np.broadcast_to(np.arange(24) < 11.5, labels.shape)
    assert len(np.unique(labels[inside & left])) == len(np.unique(labels[inside & ~left])) == 1


def test_voxels_are_those_that_reach_the_level_the_largest_region_first():
    density = make_blobs((5, 5, 5), (16, 16, 16), (17, 14, 16))
    segmentation = find_watershed_regions(Volume(density, 2.0), 0.3)
    np.testing.assert_array_equal(segmentation.labels > 0, density >= 0.3)
    assert (np.diff(segmentation.n_voxels[1:]) <= 0).all()
    assert (segmentation.level, segmentation.pixel_size_A, segmentation.n_nodes) == (0.3, 2.0, segmentation.n_leaves)


def test_every_voxel_belongs_to_the_maximum_it_climbs_to():
    density = np.random.default_rng(3).normal(size=(14, 14, 14)).astype(np.float32)
    labels = find_watershed_regions(Volume(density, 1.0), 0.2).labels
    voxels = np.argwhere(labels)
    ends = climb_to_maxima(density, voxels)
    np.testing.assert_array_equal(labels[tuple(ends.T)], labels[tuple(voxels.T)])
    n_maxima = sum(density[tuple(v)] == density[tuple(slice(max(c - 1, 0), c + 2) for c in v)].max() for v in voxels)
    assert labels.max() == n_maxima


def test_a_plateau_is_one_region():
    density = np.zeros((10, 10, 10))
    density[2:7, 3:8, 1:9] = 1
    assert find_watershed_regions(Volume(density, 1.0), 0.5).n_leaves == 1


def test_corners_touch():
    density = np.zeros((6, 6, 6))
    density[2, 2, 2], density[3, 3, 3] = 1, 2
    assert find_watershed_regions(Volume(density, 1.0), 0.5).n_leaves == 1


def test_offsets_lead_to_the_neighbours_in_order():
    array = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    around = array[1:4, 2:5, 3:6]
    np.testing.assert_array_equal(array[2, 3, 4] + neighbor_offsets(array.shape), around.ravel())


@pytest.mark.parametrize(("level", "taken"), [(2.0, "nothing"), (-1.0, "all")])
def test_a_level_that_takes_all_or_nothing_is_refused(level, taken):
    with pytest.raises(InputError, match=f"takes in {taken} of the map, whose densities run from"):
        find_watershed_regions(Volume(make_blobs((12, 12, 12)), 1.0), level)
