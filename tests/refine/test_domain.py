"""The domain: where its centre lies, how far it reaches, and its window cut out and put back."""

import numpy as np
import pytest
from tests.refine.scene import FULCRUM_PX, HEAD_CENTER_PX, domain_of_head

from triskelion.conventions import box_center_px
from triskelion.data.volume import Mask
from triskelion.refine.domain import NOTHING, Domain


def domain_at(center_zyx: tuple[int, int, int], box_px: int) -> Domain:
    """A domain of one voxel."""
    array = np.zeros((box_px,) * 3)
    array[center_zyx] = 1
    return Domain.of_mask(Mask(array, 1.0), np.zeros(3))


def test_a_domain_is_counted_from_the_box_centre():
    domain = domain_of_head()
    np.testing.assert_array_equal(domain.fulcrum_xyz_px, FULCRUM_PX)
    assert np.abs(domain.center_xyz_px - HEAD_CENTER_PX).max() <= 1
    np.testing.assert_array_equal(domain.center_xyz_px, np.rint(domain.center_xyz_px))
    np.testing.assert_array_equal(domain.lever_xyz_px, FULCRUM_PX - domain.center_xyz_px)


@pytest.mark.parametrize("box_px", [20, 21])
def test_a_mask_of_one_voxel_is_where_it_is(box_px):
    array = np.zeros((box_px,) * 3)
    array[12, 7, 3] = 1
    domain = Domain.of_mask(Mask(array, 1.0), np.array([3.0, 7.0, 12.0]))
    np.testing.assert_array_equal(domain.center_xyz_px, np.array([3, 7, 12]) - box_center_px(box_px))
    np.testing.assert_array_equal(domain.lever_xyz_px, 0)


def test_the_radius_reaches_to_the_outermost_voxel():
    domain = domain_of_head()
    inside = np.argwhere(domain.mask > NOTHING)[:, ::-1] - box_center_px(len(domain.mask))
    distance = np.linalg.norm(inside - domain.center_xyz_px, axis=1)
    assert domain.radius_px == pytest.approx(distance.max())
    # what filters leave all over the box does not count
    traces = Domain(np.maximum(domain.mask, 0.9 * NOTHING), domain.center_xyz_px, domain.fulcrum_xyz_px)
    assert traces.radius_px == domain.radius_px


@pytest.mark.parametrize("box_px", [20, 21])
@pytest.mark.parametrize("window_px", [8, 9])
@pytest.mark.parametrize("center_zyx", [(10, 8, 12), (1, 18, 10), (0, 0, 19)], ids=["inside", "near the edge", "in the corner"])
class TestWindow:
    def test_the_centre_of_the_domain_is_the_middle_of_its_window(self, box_px, window_px, center_zyx):
        array = np.arange(box_px**3, dtype=np.float32).reshape((box_px,) * 3)
        cut = domain_at(center_zyx, box_px).cut(array, window_px)
        middle = box_center_px(window_px)
        assert cut.shape == (window_px,) * 3 and cut.dtype == np.float32
        assert cut[middle, middle, middle] == array[center_zyx]

    def test_every_voxel_is_where_it_was_and_nothing_comes_round_the_edge(self, box_px, window_px, center_zyx):
        array = 1 + np.arange(box_px**3, dtype=np.float32).reshape((box_px,) * 3)
        cut = domain_at(center_zyx, box_px).cut(array, window_px)
        for place in np.ndindex(cut.shape):
            there = np.array(place) - box_center_px(window_px) + center_zyx
            is_inside = (there >= 0).all() and (there < box_px).all()
            assert cut[place] == (array[tuple(there)] if is_inside else 0)

    def test_putting_back_is_the_inverse_of_cutting(self, box_px, window_px, center_zyx):
        domain = domain_at(center_zyx, box_px)
        array = 1 + np.arange(box_px**3, dtype=np.float32).reshape((box_px,) * 3)
        cut = domain.cut(array, window_px)
        back = domain.put_back(cut)
        assert back.shape == array.shape
        np.testing.assert_array_equal(domain.cut(back, window_px), cut)
        np.testing.assert_array_equal(back[back != 0], array[back != 0])
        assert (back != 0).sum() == (cut != 0).sum()


@pytest.mark.parametrize("box_px", [20, 21])
def test_a_window_as_large_as_the_box_holds_the_whole_mask(box_px):
    """The centre is kept where a box about it does not cut the mask, however lopsided."""
    array = np.zeros((box_px,) * 3, np.float32)
    array[8:12, 8:12, 1], array[8:12, 8:12, 14:] = 0.1, 1.0
    domain = Domain.of_mask(Mask(array, 1.0), np.zeros(3))
    np.testing.assert_array_equal(domain.put_back(domain.cut(array, box_px)), array)
