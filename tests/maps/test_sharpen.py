"""Sharpening restores the fall-off that was put in, and does not amplify noise."""

from functools import cache

import numpy as np
import pytest
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import apply_gain, b_factor_gain
from triskelion.maps.sharpen import sharpen
from triskelion.resolution.fsc import compute_fsc_curves, fsc
from triskelion.resolution.guinier import mean_amplitudes

BOX_PX, PIXEL_A, B_FACTOR_A2 = 64, 1.5, 100.0


@cache
def make_halves() -> tuple[Volume, Volume, Volume]:
    """Two noisy half maps with a fall-off of 100 Å², and the truth without."""
    radius = np.sqrt(sum((axis - BOX_PX // 2) ** 2 for axis in np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]))
    truth = ((np.random.default_rng(1).standard_normal((BOX_PX,) * 3) + 0.3) * (radius < 18)).astype(np.float32)
    blurred = apply_gain(torch.from_numpy(truth), PIXEL_A, lambda f: b_factor_gain(f, -B_FACTOR_A2)).numpy()
    noisy = [Volume(blurred + 0.2 * np.random.default_rng(seed).standard_normal(blurred.shape), PIXEL_A) for seed in (2, 3)]
    return noisy[0], noisy[1], Volume(truth, PIXEL_A)


def test_the_fall_off_is_found_and_undone():
    half_a, half_b, truth = make_halves()
    curves = compute_fsc_curves(half_a, half_b)
    sharp = sharpen(half_a, half_b, curves)
    assert sharp.b_factor_A2 == pytest.approx(B_FACTOR_A2, rel=0.1)
    assert sharp.guinier is not None and sharp.guinier.b_factor_A2 == sharp.b_factor_A2
    particle = (truth.array != 0).astype(np.float32)
    restored = mean_amplitudes(Volume(sharp.volume.array * particle, PIXEL_A)) / mean_amplitudes(truth)
    shells = slice(8, int(0.8 * curves.crossing().shell))
    assert np.allclose(restored[shells], 1, atol=0.15)
    assert fsc(sharp.volume, truth, Mask(particle, PIXEL_A))[shells].min() > 0.8


def test_a_typed_b_factor_is_used():
    half_a, half_b, _ = make_halves()
    curves = compute_fsc_curves(half_a, half_b)
    plain, sharp = (sharpen(half_a, half_b, curves, b_factor_A2=b) for b in (0.0, 80.0))
    assert (plain.b_factor_A2, sharp.b_factor_A2) == (0.0, 80.0)
    frequency = curves.frequency_per_A[5:20]
    ratio = mean_amplitudes(sharp.volume)[5:20] / mean_amplitudes(plain.volume)[5:20]
    assert np.allclose(ratio, np.exp(80 * frequency**2 / 4), rtol=0.05)


def test_noise_is_not_sharpened():
    halves = [Volume(np.random.default_rng(seed).standard_normal((32,) * 3), 2.0) for seed in (4, 5)]
    mask = Mask(np.ones((32,) * 3), 2.0)
    curves = compute_fsc_curves(halves[0], halves[1], mask)
    sharp = sharpen(halves[0], halves[1], curves, mask)
    assert sharp.b_factor_A2 == 0 and sharp.guinier is None
    assert mean_amplitudes(sharp.volume)[8:].max() < 0.05


def test_a_mask_on_another_grid_is_refused():
    half_a, half_b, _ = make_halves()
    with pytest.raises(InputError, match="the mask has box 20 px"):
        sharpen(half_a, half_b, compute_fsc_curves(half_a, half_b), Mask(np.ones((20,) * 3), PIXEL_A))
