"""Grouping by scale space: what merges when is known for blobs of known distance, and for Segger's own result."""

import numpy as np
import pytest
from tests.masks.test_segment import make_blobs

from triskelion.conventions import reverse_axes
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.masks.scale_space import group_regions
from triskelion.masks.segment import find_watershed_regions


def find_merging_sd(distance_px: float, width_px: float) -> float:
    """Two equal Gaussians have one maximum once their standard deviation reaches half their distance."""
    return float(np.sqrt((distance_px / 2) ** 2 - width_px**2))


@pytest.mark.parametrize("distance_px", [5, 7, 9])
def test_two_blobs_join_when_their_maxima_do(distance_px):
    volume = Volume(make_blobs((15 - distance_px // 2, 15, 15), (15 - distance_px // 2 + distance_px, 15, 15), box_px=32, width_px=1.5), 2.0)
    tree = group_regions(find_watershed_regions(volume, 0.2), volume, n_steps=12, step_size_px=0.5)
    assert (tree.n_leaves, tree.n_nodes) == (2, 3)
    assert 0.5 * (tree.step[3] - 1) < find_merging_sd(distance_px, 1.5) + 0.25
    assert 0.5 * tree.step[3] > find_merging_sd(distance_px, 1.5) - 0.25


def test_the_tree_is_kept_and_a_longer_run_only_goes_on():
    rng = np.random.default_rng(2)
    volume = Volume(make_blobs(*rng.uniform(6, 26, (30, 3)), box_px=32, width_px=1.2), 1.0)
    leaves = find_watershed_regions(volume, 0.3)
    short, long = (group_regions(leaves, volume, steps) for steps in (2, 5))
    assert short.n_nodes < long.n_nodes
    np.testing.assert_array_equal(long.step[: short.n_nodes + 1], short.step)
    np.testing.assert_array_equal(long.nodes_at_step(2), short.roots())
    np.testing.assert_array_equal(long.labels, leaves.labels)
    at_each = [len(long.nodes_at_step(step)) for step in range(6)]
    assert at_each[0] == leaves.n_leaves
    assert (np.diff(at_each) <= 0).all()


def test_grouping_does_not_depend_on_where_the_map_lies_in_its_box():
    rng = np.random.default_rng(4)
    array = make_blobs(*rng.uniform(8, 22, (12, 3)), box_px=32, width_px=1.5)
    shifted = np.roll(array, (3, -2, 4), axis=(0, 1, 2))
    first, second = (group_regions(find_watershed_regions(Volume(a, 1.0), 0.4), Volume(a, 1.0)) for a in (array, shifted))
    assert first.step.tolist() == second.step.tolist()
    np.testing.assert_array_equal(np.roll(first.labels, (3, -2, 4), axis=(0, 1, 2)) > 0, second.labels > 0)


def test_nothing_to_group():
    volume = Volume(make_blobs((12, 12, 12)), 1.0)
    one = find_watershed_regions(volume, 0.5)
    assert group_regions(one, volume).n_nodes == 1
    empty = Segmentation(np.zeros((24, 24, 24)), np.zeros(1), np.zeros(1), 1.0, 9.0)
    assert group_regions(empty, volume).n_nodes == 0
    with pytest.raises(InputError, match="the smoothing step is 0 px"):
        group_regions(one, volume, step_size_px=0)


def test_members_maxima_follow_the_ridge():
    """Unequal blobs: the small one, on the slope of the large one, is swallowed early; a distant third stays alone."""
    array = make_blobs((8, 12, 12), width_px=2.0) + 0.5 * make_blobs((13, 12, 12), width_px=1.2) + make_blobs((20, 20, 20), width_px=1.5)
    volume = Volume(array, 1.0)
    tree = group_regions(find_watershed_regions(volume, 0.25), volume, n_steps=3)
    near = {tuple(place) for place in reverse_axes(tree.measure(volume).maximum_xyz_px[tree.leaves_of(int(tree.n_nodes))])}
    assert near == {(12, 12, 8), (12, 12, 13)}
    assert len(tree.roots()) == 2
