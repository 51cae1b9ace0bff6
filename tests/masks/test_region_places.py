"""Sizes and places of regions against counting, and selections by place against brute force."""

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.errors import InputError
from triskelion.masks.region_places import find_largest_regions, find_regions_inside, find_regions_within, list_regions
from triskelion.masks.regions import Edit, label_regions, replay_edits


def scattered(seed: int = 0) -> Segmentation:
    """Forty leaves, each of some voxels anywhere, in eight groups."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(-40, 41, (15, 15, 15)).clip(0)
    return Segmentation(labels, np.r_[0, 41 + np.arange(40) % 8, np.zeros(8)], np.r_[0, np.zeros(40), np.ones(8)], 1.5, 0.1, {41: "head"})


def edited() -> tuple[Segmentation, np.ndarray, list]:
    segmentation = scattered()
    state = replay_edits(segmentation, [Edit("delete", (48,)), Edit("ungroup", (41,)), Edit("group", (42, 1)), Edit("hide", (43,))]).state
    return segmentation, label_regions(segmentation, state), [state]


def test_sizes_and_centres_are_those_of_the_voxels():
    segmentation, labels, (state,) = edited()
    listed = list_regions(segmentation, state)
    assert {region.number for region in listed} == set(np.unique(labels)) - {0}
    assert [region.n_voxels for region in listed] == sorted((region.n_voxels for region in listed), reverse=True)
    for region in listed:
        voxels = np.argwhere(labels == region.number)
        assert region.n_voxels == len(voxels) and region.volume_A3 == pytest.approx(len(voxels) * 1.5**3)
        assert np.allclose(region.center_xyz_px, voxels.mean(0)[::-1])
        assert region.shown == (region.number != 43)
    assert next(region.n_leaves for region in listed if region.number == 49) == 6  # five of 42, and 1


@pytest.mark.parametrize(("center", "radius_px"), [((7, 7, 7), 1.0), ((3.2, 11.5, 0.4), 2.7), ((-4, 7, 20), 6.5), ((7, 7, 7), 99)])
def test_regions_near_a_point_are_those_of_a_full_search(center: tuple, radius_px: float):
    segmentation, labels, (state,) = edited()
    distance = np.sqrt(((np.argwhere(labels >= 0) - np.array(center)[::-1]) ** 2).sum(1)).reshape(labels.shape)
    assert find_regions_within(segmentation, state, center, radius_px) == set(labels[distance <= radius_px].tolist()) - {0}


def test_largest_and_inside():
    segmentation, labels, (state,) = edited()
    sizes = np.bincount(labels.ravel())[1:]
    assert min(sizes[number - 1] for number in find_largest_regions(segmentation, state, 3)) == np.sort(sizes)[-3]
    inside = np.random.default_rng(1).random(labels.shape) < 0.5
    found = find_regions_inside(segmentation, state, inside, 0.5)
    assert found == {number for number in state.regions if inside[labels == number].mean() >= 0.5} and 0 < len(found) < len(state.regions)
    with pytest.raises(InputError, match="a box of 15 px, what they are to lie inside in one of 4 px"):
        find_regions_inside(segmentation, state, np.ones((4, 4, 4), bool), 0.5)
