"""A tree small enough to be drawn: leaves 1 2 3 4, group 5 = 1 + 2 (step 1), group 6 = 5 + 3 (step 3); 4 stays alone."""

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import InputError

PARENT = [0, 5, 5, 6, 0, 6, 0]
STEP = [0, 0, 0, 0, 0, 1, 3]


def make_labels() -> np.ndarray:
    labels = np.zeros((6, 6, 6), dtype=np.int32)
    for leaf in (1, 2, 3, 4):
        labels[leaf, 1 : leaf + 1, 2] = leaf  # leaf voxels in a row along y at z = leaf, x = 2
    return labels


@pytest.fixture
def segmentation() -> Segmentation:
    return Segmentation(make_labels(), np.array(PARENT), np.array(STEP), 2.0, 0.1, {6: "head"})


def test_the_tree_is_walked_up_and_down(segmentation):
    assert (segmentation.box_px, segmentation.n_leaves, segmentation.n_nodes) == (6, 4, 6)
    assert segmentation.roots().tolist() == [4, 6]
    assert segmentation.members_of(6).tolist() == [3, 5]
    assert segmentation.members_of(4).tolist() == []
    assert segmentation.leaves_of(6).tolist() == [1, 2, 3]
    assert segmentation.leaves_of(2).tolist() == [2]


@pytest.mark.parametrize(("step", "nodes"), [(0, [1, 2, 3, 4]), (1, [3, 4, 5]), (2, [3, 4, 5]), (3, [4, 6]), (9, [4, 6])])
def test_every_step_is_a_partition(segmentation, step, nodes):
    assert segmentation.nodes_at_step(step).tolist() == nodes
    np.testing.assert_array_equal(segmentation.labels_of(nodes) > 0, segmentation.labels > 0)


def test_voxels_carry_the_largest_chosen_node(segmentation):
    labels = segmentation.labels_of([1, 5])
    np.testing.assert_array_equal(labels, 5 * np.isin(make_labels(), [1, 2]))
    assert labels.dtype == np.int32
    assert not segmentation.labels_of([]).any()
    with pytest.raises(InputError, match="there is no region 7, 0: regions are 1 to 4, groups up to 6"):
        segmentation.labels_of([7, 1, 0])


def test_sizes_centres_and_maxima_of_regions_and_groups(segmentation):
    density = make_labels() + 0.1 * np.mgrid[:6, :6, :6][1]
    table = segmentation.measure(Volume(density, 2.0))
    assert table.n_voxels.tolist() == [0, 1, 2, 3, 4, 3, 6]
    assert table.volume_A3.tolist() == [0, 8, 16, 24, 32, 24, 48]
    np.testing.assert_allclose(table.center_xyz_px[[2, 5]], [[2, 1.5, 2], [2, 4 / 3, 5 / 3]])
    np.testing.assert_allclose(table.maximum, [0, 1.1, 2.2, 3.3, 4.4, 2.2, 3.3], rtol=1e-6)
    assert table.maximum_xyz_px[[0, 4, 6]].tolist() == [[0, 0, 0], [2, 4, 4], [2, 3, 3]]
    with pytest.raises(InputError, match="the segmentation has box 6 px at 2"):
        segmentation.measure(Volume(density, 3.0))


def test_a_map_without_regions_is_a_segmentation_too():
    empty = Segmentation(np.zeros((4, 4, 4)), np.zeros(1), np.zeros(1), 2.0, 1.0)
    assert (empty.n_leaves, empty.n_nodes, empty.roots().tolist()) == (0, 0, [])
    assert empty.measure(Volume(np.zeros((4, 4, 4)), 2.0)).n_voxels.tolist() == [0]
    assert not empty.labels_of([]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.where(make_labels() == 2, 0, make_labels())}, "each with voxels, got labels from 1 to 4 for 6 nodes"),
        ({"labels": np.where(make_labels() == 2, -1, make_labels())}, "each with voxels, got labels from -1 to 4"),
        ({"labels": 10 * make_labels()}, "got labels from 10 to 40 for 6 nodes"),
        ({"labels": np.zeros((3, 4, 4))}, "wanted a cube"),
        ({"parent": [0, 5, 5, 5, 0, 6, 0], "labels": make_labels() % 4}, "every group of a segmentation has members"),
        ({"parent": [0, 3, 5, 6, 0, 6, 0]}, "leaves have none"),
        ({"parent": [0, 5, 5, 6, 0, 3, 0]}, "larger number than its members"),
        ({"parent": [0, 5, 5, 6, 0, 7, 0]}, "larger number than its members, and exists"),
        ({"step": [0, 0, 0, 0, 0, 4, 3]}, "formed at the step of its latest member"),
        ({"step": [0, 0]}, "one parent and one step per node"),
        ({"names": {9: "foot"}}, "the name 'foot' is given to node 9, which does not exist"),
    ],
)
def test_what_is_no_segmentation_is_refused(change, message):
    given = {"labels": make_labels(), "parent": PARENT, "step": STEP, "pixel_size_A": 2.0, "level": 0.1, **change}
    given |= {name: np.array(given[name]) for name in ("parent", "step")}
    with pytest.raises(InputError, match=message):
        Segmentation(**given)
