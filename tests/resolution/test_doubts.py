"""Every doubt is raised where its cause was planted, and none where the half maps are as they should be."""

import re

import numpy as np
import pytest
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.fourier.filters import lowpass
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier
from triskelion.masks.automatic import spherical_mask
from triskelion.resolution.doubts import doubt_curves, doubt_half_maps
from triskelion.resolution.fsc import compute_fsc_curves

N, PIXEL_A = 48, 3.0
Z, Y, X = np.mgrid[:N, :N, :N] - N // 2
RADIUS = np.sqrt(X**2 + Y**2 + Z**2)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((N, N, N)).astype(np.float32)


def particle(lowpass_A: float = 12.0) -> np.ndarray:
    """A ball full of detail down to a resolution."""
    detail = np.where(RADIUS < 13, 1 + noise(1), 0).astype(np.float32)
    return 4 * lowpass(torch.from_numpy(detail), PIXEL_A, lowpass_A).numpy()


def doubts(first: np.ndarray, second: np.ndarray, mask: Mask | None = None) -> list[str]:
    halves = Volume(first, PIXEL_A), Volume(second, PIXEL_A)
    return doubt_curves(compute_fsc_curves(*halves, mask)) + doubt_half_maps(*halves)


def good_halves() -> tuple[np.ndarray, np.ndarray]:
    return particle() + noise(2), particle() + noise(3)


def test_good_half_maps_raise_no_doubt():
    assert doubts(*good_halves()) == []
    assert doubts(*good_halves(), Mask(np.clip((17 - RADIUS) / 4, 0, 1), PIXEL_A)) == []


def test_noise_that_both_halves_share():
    shared = 0.3 * noise(7)
    (doubt,) = doubts(*(half + shared for half in good_halves()))
    share = float(re.search(r"does not go to 0 but to ([\d.]+)", doubt)[1])
    assert share == pytest.approx(0.09 / 1.09, abs=0.03)


def test_half_maps_that_were_masked():
    (doubt,) = [each for each in doubts(*(half * (RADIUS < 16) for half in good_halves())) if "exactly 0" in each]
    outside = (RADIUS >= 16) & (spherical_mask(N, PIXEL_A).array > 0.5)
    share = outside.sum() / (spherical_mask(N, PIXEL_A).array > 0.5).sum()
    assert f"{100 * share:.0f} % of the voxels are exactly 0" in doubt


def test_half_maps_of_unequal_noise():
    first, second = good_halves()
    (doubt,) = doubts(first, particle() + 2 * noise(3))
    assert "differs by a factor of 2.0" in doubt
    assert "factor of 3.0" in doubts(first, 3 * second)[0]


def test_a_curve_that_comes_back():
    first, second = (volume_to_fourier(torch.from_numpy(half)) for half in good_halves())
    k = torch.from_numpy(np.sqrt(sum(np.square(f) for f in np.meshgrid(*(N * np.fft.fftfreq(N),) * 2, N * np.fft.rfftfreq(N), indexing="ij"))))
    same = volume_to_fourier(torch.from_numpy(2 * noise(9))) * ((k > 17.5) & (k < 20.5))
    found = doubts(*(fourier_to_volume(each + same, N).numpy() for each in (first, second)))
    assert any(f"comes back above 0.286 at {N * PIXEL_A / 18:.1f} Å" in doubt for doubt in found)


def test_a_mask_so_small_that_chance_reaches_the_threshold():
    small = Mask(np.clip((5 - RADIUS) / 2, 0, 1), PIXEL_A)
    assert any("reached by chance" in doubt for doubt in doubts(*good_halves(), small))


@pytest.mark.parametrize("n", [31, 32])
def test_any_box_will_do(n):
    halves = [Volume(noise(seed)[:n, :n, :n], PIXEL_A) for seed in (1, 2)]
    assert doubt_half_maps(*halves) == []
