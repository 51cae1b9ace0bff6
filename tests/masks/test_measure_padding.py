"""The width of a soft edge, told from the mask alone."""

import numpy as np
import pytest

from triskelion.data.volume import Mask
from triskelion.masks.soft_edge import measure_padding_px, soft_edge

BOX_PX = 48


def ball(radius_px: float) -> np.ndarray:
    return np.sqrt(sum((axis - BOX_PX // 2) ** 2 for axis in np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX])) <= radius_px


@pytest.mark.parametrize("padding_px", [4, 8, 12])
@pytest.mark.parametrize("radius_px", [5.0, 9.3])
def test_the_padding_that_was_given_is_found(padding_px: float, radius_px: float):
    assert measure_padding_px(Mask(soft_edge(ball(radius_px), padding_px), 2.0)) == pytest.approx(padding_px, rel=0.12)


def test_a_base_of_two_pieces_has_the_same_edge():
    base = np.roll(ball(4.0), -9, axis=0) | np.roll(ball(3.0), 9, axis=2)
    assert measure_padding_px(Mask(soft_edge(base, 8), 2.0)) == pytest.approx(8, rel=0.12)


def test_a_binary_mask_has_no_padding():
    assert measure_padding_px(Mask(ball(9.0).astype(np.float32), 2.0)) == 0
