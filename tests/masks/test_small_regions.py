"""Small regions go, or go to the neighbour they touch most."""

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.masks.small_regions import count_contacts, drop_small_regions, join_small_regions, least_voxels


@pytest.fixture
def segmentation() -> Segmentation:
    """Along x: 1 (27 voxels), 3 (9 voxels, a sheet against 1), 2 (18 voxels, touching 3 along an edge only); 4 and 5, one voxel each, apart."""
    labels = np.zeros((12, 12, 12), dtype=np.int32)
    labels[1:4, 1:4, 1:4] = 1
    labels[1:4, 1:4, 4] = 3
    labels[1:4, 4:7, 5:7] = 2
    labels[9, 9, 9], labels[10, 10, 10] = 4, 5
    return Segmentation(labels, np.zeros(6), np.zeros(6), 2.0, 1.0)


def test_contacts_are_pairs_of_neighbouring_voxels(segmentation):
    contacts = count_contacts(segmentation)
    # two sheets of 3 x 3 face to face: (3 + 2 * 2)^2 pairs; an edge of 3 against another: 3 + 2 * 2
    assert {node: dict(near) for node, near in contacts.items()} == {1: {3: 49}, 3: {1: 49, 2: 7}, 2: {3: 7}, 4: {5: 1}, 5: {4: 1}}


def test_groups_touch_as_one(segmentation):
    contacts = count_contacts(segmentation.with_groups([([1, 2], 1)]))
    assert contacts[3] == {6: 56}


def test_small_regions_are_dropped_with_all_that_is_in_them(segmentation):
    grouped = segmentation.with_groups([([4, 5], 1), ([1, 3], 2)])
    kept = drop_small_regions(grouped, 3)
    np.testing.assert_array_equal(kept.labels, np.where(segmentation.labels > 3, 0, segmentation.labels))
    assert kept.parent.tolist() == [0, 4, 0, 4, 0]
    assert kept.step.tolist() == [0, 0, 0, 0, 2]


def test_small_regions_join_the_neighbour_with_most_contact(segmentation):
    joined = join_small_regions(segmentation, 10)
    assert joined.leaves_of(4).tolist() == [1, 3]
    assert joined.roots().tolist() == [2, 4]
    assert joined.n_voxels.tolist() == [0, 27, 18, 9, 36]


def test_joining_goes_on_until_all_are_large_enough(segmentation):
    joined = join_small_regions(segmentation, 40)
    assert joined.leaves_of(int(joined.roots()[0])).tolist() == [1, 2, 3]
    small = join_small_regions(segmentation, 2)
    assert [small.leaves_of(int(root)).tolist() for root in small.roots()] == [[1], [2], [3], [4, 5]]
    assert join_small_regions(segmentation, 1000).n_leaves == 0
    assert join_small_regions(segmentation, 1).n_nodes == 5


def test_names_go_with_their_regions(segmentation):
    named = Segmentation(segmentation.labels, segmentation.parent, segmentation.step, 2.0, 1.0, {4: "dust", 3: "sheet"})
    assert drop_small_regions(named.keep_roots([2, 3, 4]), 5).names == {2: "sheet"}


@pytest.mark.parametrize(("n_voxels", "volume_A3", "expected"), [(1, 0, 1), (5, 8.0, 5), (1, 8.0, 1), (1, 8.1, 2), (1, 1000, 125)])
def test_both_minima_hold(n_voxels, volume_A3, expected):
    assert least_voxels(2.0, n_voxels, volume_A3) == expected
