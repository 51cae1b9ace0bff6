"""What becomes of the corners of a reconstruction; the rest is held to RELION in tests/reference."""

import numpy as np
import pytest

from triskelion.maps.corners import level_corners


@pytest.mark.parametrize("box_px", [24, 25])
def test_corners_are_levelled_and_the_sphere_stays(box_px):
    rng = np.random.default_rng(1)
    array = rng.standard_normal((box_px,) * 3).astype(np.float32) + 2
    line = np.arange(box_px) - box_px // 2
    radius = np.sqrt(line[:, None, None] ** 2 + line[None, :, None] ** 2 + line[None, None, :] ** 2)
    levelled = level_corners(array)
    np.testing.assert_array_equal(levelled[radius <= box_px // 2], array[radius <= box_px // 2])
    corners = levelled[radius > box_px // 2 + 3]
    assert np.ptp(corners) == 0
    assert corners[0] == pytest.approx(array[radius > box_px // 2 + 1.5].mean(), abs=0.02)
    assert levelled.dtype == np.float32
