"""Radial filters against closed forms."""

import math

import numpy as np
import pytest
import torch

from triskelion.errors import InputError
from triskelion.fourier.filters import (
    apply_gain,
    apply_shell_gain,
    b_factor_gain,
    butterworth_gain,
    fourier_radius,
    gaussian_blur,
    interpolate_shell_gain,
    lowpass,
)
from triskelion.fourier.shells import shell_indices


def gaussian(box_px: int, sigma_px: float, dimensions: int = 3, offset_px=(0.0, 0.0, 0.0)) -> torch.Tensor:
    """A normalised Gaussian about voxel n // 2 plus an offset (x, y[, z]), float64."""
    axes = [torch.arange(box_px, dtype=torch.float64) - box_px // 2 - offset for offset in offset_px[:dimensions]]
    factors = [torch.exp(-(axis**2) / (2 * sigma_px**2)) / math.sqrt(2 * math.pi * sigma_px**2) for axis in axes]
    product = factors[0]
    for factor in factors[1:]:
        product = factor.reshape(-1, *[1] * product.ndim) * product
    return product


@pytest.mark.parametrize("box_px", [32, 33])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_blurred_gaussian_is_the_wider_gaussian_in_place(box_px: int, dimensions: int):
    offset = (1.3, -0.7, 2.1)
    blurred = gaussian_blur(gaussian(box_px, 1.5, dimensions, offset), 2.0, 4.0, dimensions)  # 4 Å are 2 px
    assert torch.allclose(blurred, gaussian(box_px, 2.5, dimensions, offset), atol=1e-7)


def test_b_factor_undoes_the_gaussian_with_the_same_fall_off():
    # exp(-B f²/4) is a Gaussian of variance B / (8 pi²) Å²
    b_factor_A2, pixel_size_A = 60.0, 1.2
    sigma_px = math.sqrt(b_factor_A2 / (8 * math.pi**2)) / pixel_size_A
    sharp = apply_gain(gaussian(33, math.hypot(1.5, sigma_px)), pixel_size_A, lambda f: b_factor_gain(f, b_factor_A2))
    assert torch.allclose(sharp, gaussian(33, 1.5), atol=1e-8)


def test_butterworth_is_half_the_power_at_its_cutoff_and_falls_by_its_order():
    gain = butterworth_gain(torch.tensor([0.0, 0.05, 0.1, 0.2], dtype=torch.float64), 0.1, order=8)
    assert gain[0] == 1
    assert gain[1] == pytest.approx(1, abs=1e-5)
    assert gain[2] ** 2 == pytest.approx(0.5)
    assert gain[3] == pytest.approx(2.0**-8, rel=1e-4)


@pytest.mark.parametrize("box_px", [24, 25])
def test_lowpass_leaves_low_shells_and_removes_high_ones(box_px: int):
    x = torch.arange(box_px, dtype=torch.float64) * 2 * math.pi / box_px
    slow, fast = torch.cos(2 * x).expand(box_px, box_px, -1), torch.cos(10 * x).expand(box_px, box_px, -1)
    filtered = lowpass(slow + fast, 1.0, box_px / 5)
    assert torch.allclose(filtered, slow, atol=6e-3)  # (10 / 5)^-8 of the fast wave is left


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("box_px", [10, 11])
def test_radius_rounds_to_the_shell(box_px: int, dimensions: int):
    assert torch.equal((fourier_radius(box_px, dimensions) + 0.5).floor().to(torch.int64), shell_indices(box_px, dimensions))


def test_shell_gain_is_linear_between_shells_and_constant_beyond():
    values = interpolate_shell_gain(torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0.0, 0.25, 1.0, 1.5, 2.0, 7.3], dtype=torch.float64))
    assert values.tolist() == [1.0, 1.5, 3.0, 2.5, 2.0, 2.0]


def test_shell_gain_of_one_shell_scales():
    image = torch.from_numpy(np.random.default_rng(1).standard_normal((9, 9)))
    assert torch.allclose(apply_shell_gain(image, torch.tensor([2.0]), dimensions=2), 2 * image)


def test_impossible_filters_are_refused():
    with pytest.raises(InputError, match="positive length"):
        lowpass(torch.zeros(4, 4, 4), 1.0, 0.0)
    with pytest.raises(InputError, match="0 or more"):
        gaussian_blur(torch.zeros(4, 4, 4), 1.0, -1.0)
