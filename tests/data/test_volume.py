"""Maps and masks: what they refuse, and that grids must agree."""

import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError


def test_a_map_is_float32_and_knows_its_box():
    volume = Volume(np.zeros((6, 6, 6)), 1.4)
    assert (volume.array.dtype, volume.box_px) == (np.float32, 6)


@pytest.mark.parametrize(
    ("array", "pixel_size_A", "message"),
    [
        (np.zeros((4, 4, 5)), 1.4, r"shape \(4, 4, 5\), wanted a cube"),
        (np.zeros((4, 4)), 1.4, "wanted a cube"),
        (np.zeros((4, 4, 4)), 0.0, "pixel size 0.0"),
        (np.zeros((4, 4, 4)), float("nan"), "pixel size nan"),
        (np.full((4, 4, 4), np.nan), 1.4, "64 values that are NaN or infinite"),
    ],
)
@pytest.mark.parametrize("kind", [Volume, Mask])
def test_impossible_grids_are_refused(kind, array, pixel_size_A, message):
    with pytest.raises(InputError, match=message):
        kind(array, pixel_size_A)


@pytest.mark.parametrize(("low", "high", "message"), [(0.0, 2.0, "from 0 to 2"), (-1.0, 1.0, "from -1 to 1"), (0.0, 0.4, "the mask is empty")])
def test_what_is_no_mask_is_refused(low, high, message):
    array = np.full((4, 4, 4), low)
    array[1, 1, 1] = high
    with pytest.raises(InputError, match=message):
        Mask(array, 1.4)


def test_rounding_beyond_0_and_1_is_clipped():
    mask = Mask(np.linspace(-5e-5, 1 + 5e-5, 64).reshape(4, 4, 4), 1.4)
    assert (mask.array.min(), mask.array.max()) == (0, 1)


def test_the_centre_of_a_mask_is_counted_from_the_corner_as_xyz():
    array = np.zeros((8, 8, 8))
    array[1, 2, 5] = array[1, 2, 6] = 1
    np.testing.assert_allclose(Mask(array, 1.4).center_xyz_px, (5.5, 2, 1))


def test_a_rounded_pixel_size_is_the_same_grid():
    require_same_grid(Volume(np.zeros((4, 4, 4)), 1.4), Mask(np.ones((4, 4, 4)), 1.4005), "map", "mask")


@pytest.mark.parametrize(("box_px", "pixel_size_A"), [(6, 1.4), (4, 1.41)])
def test_different_grids_are_told_with_both(box_px, pixel_size_A):
    other = Mask(np.ones((box_px,) * 3), pixel_size_A)
    with pytest.raises(InputError, match=rf"map has box 4 px at 1.4 Å/px, mask has box {box_px} px at {pixel_size_A} Å/px"):
        require_same_grid(Volume(np.zeros((4, 4, 4)), 1.4), other, "map", "mask")
