"""Composite maps: nothing missing, nothing twice, halves apart, one scale of grey."""

import numpy as np
import pytest
import torch

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import gaussian_blur
from triskelion.maps.composite import Focused, compose, match_grey_scale, share_voxels

N, PIXEL_SIZE_A = 40, 4.0
Z, Y, X = np.mgrid[:N, :N, :N].astype(np.float32)


def soft_ball(center_x: float, radius: float) -> np.ndarray:
    distance = np.sqrt((X - center_x) ** 2 + (Y - 20) ** 2 + (Z - 20) ** 2)
    return (0.5 + 0.5 * np.cos(np.pi * np.clip((distance - radius) / 4, 0, 1))).astype(np.float32)


DENSITY = gaussian_blur(torch.from_numpy(np.random.default_rng(1).standard_normal((N, N, N)).astype(np.float32)), 1.0, 1.2).numpy()
HEAD, FOOT = soft_ball(12, 7), soft_ball(24, 8)  # they overlap


@pytest.mark.parametrize("without_rest", [True, False])
def test_maps_that_agree_make_the_same_map(without_rest):
    """As local refinement leaves them, focused maps hold the mask's part of the density: nothing is missing or twice at edges and in overlaps."""
    focused = [Focused((DENSITY * (mask if without_rest else 1),) * 2, mask, without_rest) for mask in (HEAD, FOOT)]
    composite = compose(DENSITY, [each.average for each in focused], [1.0, 1.0], share_voxels(focused))
    np.testing.assert_allclose(composite, DENSITY, atol=1e-5)


def test_each_domain_comes_from_its_own_map():
    focused = [Focused((np.full_like(DENSITY, value),) * 2, mask, False) for value, mask in ((2.0, HEAD), (3.0, FOOT))]
    shares = share_voxels(focused)
    composite = compose(np.ones_like(DENSITY), [each.average for each in focused], [1.0, 0.5], shares)
    assert composite[20, 20, 8] == pytest.approx(2.0)
    assert composite[20, 20, 28] == pytest.approx(1.5)  # times its scale of grey
    assert composite[2, 2, 2] == 1.0
    assert (shares.source[20, 20, 8], shares.source[20, 20, 28], shares.source[2, 2, 2]) == (1, 2, 0)
    assert (np.abs(np.diff(composite, axis=2)) < 0.8).all()  # no seam


def test_a_half_of_the_composite_holds_that_half_only():
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((4, N, N, N)).astype(np.float32)
    focused = Focused((noise[2], noise[3]), HEAD, True)
    shares = share_voxels([focused])
    half_a, half_b = (compose(noise[half], [focused.halves[half]], [1.0], shares) for half in (0, 1))
    assert abs(np.corrcoef(half_a.ravel(), half_b.ravel())[0, 1]) < 0.02
    changed = Focused((noise[2], 0 * noise[3]), HEAD, True)
    np.testing.assert_array_equal(compose(noise[0], [changed.halves[0]], [1.0], share_voxels([changed])), half_a)


def test_the_grey_scale_is_found_although_the_consensus_is_blurred():
    consensus = gaussian_blur(torch.from_numpy(DENSITY), PIXEL_SIZE_A, 5.0).numpy()
    focused = Focused((0.4 * DENSITY,) * 2, HEAD, False)
    assert match_grey_scale(focused, Volume(consensus, PIXEL_SIZE_A)) == pytest.approx(2.5, rel=0.1)
    noise = np.random.default_rng(3).standard_normal((N, N, N)).astype(np.float32)
    noisy = Focused((0.4 * DENSITY + 0.1 * noise, 0.4 * DENSITY - 0.1 * noise), HEAD, False)
    assert match_grey_scale(noisy, Volume(DENSITY, PIXEL_SIZE_A)) == pytest.approx(2.5, rel=0.05)


def test_maps_with_nothing_in_common_keep_their_scale():
    assert match_grey_scale(Focused((-DENSITY,) * 2, HEAD, False), Volume(DENSITY, PIXEL_SIZE_A)) == 1.0


def test_no_focused_map_is_refused():
    with pytest.raises(InputError, match="at least one"):
        share_voxels([])
