"""Two regions of known resolutions come out at them; what is outside the mask, and what is noise, is not resolved."""

import numpy as np
import pytest
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import butterworth_gain
from triskelion.masks.dilate import distance_outside
from triskelion.masks.soft_edge import cosine_edge
from triskelion.resolution.local import choose_bands, local_correlations, measure_local_resolution

BOX_PX, PIXEL_A = 72, 3.0
Z, Y, X = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX] - BOX_PX // 2
PARTICLE = X**2 + (Y / 0.7) ** 2 + (Z / 0.7) ** 2 < 30**2
MASK = Mask(cosine_edge(distance_outside(PARTICLE, 4.0), 1, 4), PIXEL_A)
FINE_A, COARSE_A = 9.0, 18.0
CORE = PARTICLE & (abs(X) > 9)  # further from the border than windows reach


def low_pass(array: np.ndarray, cut_A: float) -> np.ndarray:
    frequency = np.sqrt(sum(axis**2 for axis in np.meshgrid(*[np.fft.fftfreq(BOX_PX, PIXEL_A)] * 3, indexing="ij")))
    return np.fft.ifftn(np.fft.fftn(array) * butterworth_gain(torch.from_numpy(frequency), 1 / cut_A).numpy()).real


def make_halves(signal_to_noise: float, seed: int = 0) -> tuple[Volume, Volume, np.ndarray]:
    """White density, left of the middle low-passed to 9 Å, right of it to 18 Å; and the FSC = 0.5 resolution that is true of each half."""
    generator = np.random.default_rng(seed)
    density = np.where(PARTICLE, generator.standard_normal((BOX_PX,) * 3), 0)
    signal = np.where(X < 0, low_pass(density, FINE_A), low_pass(density, COARSE_A))
    halves = [Volume(signal + generator.standard_normal(signal.shape) / signal_to_noise**0.5, PIXEL_A) for _ in range(2)]
    # of white density FSC = S g² / (S g² + 1), and g² = 1 / (1 + (f / f_c)^16)
    true_A = np.where(X < 0, FINE_A, COARSE_A) * (signal_to_noise - 1) ** (-1 / 16)
    return halves[0], halves[1], true_A


def test_two_planted_resolutions():
    half_a, half_b, true_A = make_halves(20.0)
    found_A = measure_local_resolution(half_a, half_b, MASK).array
    ratio = found_A[CORE] / true_A[CORE]
    assert np.percentile(ratio, (2, 98)) == pytest.approx((1, 1), abs=0.15)
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    assert (found_A[MASK.array == 0] == np.float32(40)).all()


def test_exchanging_halves_changes_nothing_and_scale_neither():
    half_a, half_b, _ = make_halves(5.0)
    found = measure_local_resolution(half_a, half_b, MASK)
    changed = measure_local_resolution(Volume(3 * half_b.array, PIXEL_A), Volume(3 * half_a.array, PIXEL_A), MASK)
    assert found.array == pytest.approx(changed.array, rel=1e-3)


def test_noise_is_not_resolved_and_equal_maps_are_to_nyquist():
    generator = np.random.default_rng(1)
    half_a, half_b = (Volume(generator.standard_normal((BOX_PX,) * 3), PIXEL_A) for _ in range(2))
    found_A = measure_local_resolution(half_a, half_b, MASK).array
    assert np.mean(found_A[PARTICLE] == np.float32(40)) > 0.98
    same_A = measure_local_resolution(half_a, half_a, MASK).array
    assert (same_A[PARTICLE] == np.float32(2 * PIXEL_A)).all()


def test_a_correlation_is_made_of_as_many_values_in_every_band():
    generator = np.random.default_rng(2)
    half_a, half_b = (Volume(generator.standard_normal((BOX_PX,) * 3), PIXEL_A) for _ in range(2))
    spread = [float(curve[PARTICLE].std()) for curve in local_correlations(half_a, half_b, MASK, choose_bands(PIXEL_A))]
    # by chance: 1 / sqrt(n); solvent left out at coarse bands, and corners of Fourier space at the finest, make fewer
    assert max(spread[3:-2]) < 0.12 and min(spread[3:-2]) > 0.05


def test_wrong_input():
    half_a, half_b, _ = make_halves(5.0)
    with pytest.raises(InputError, match="between 0 and 1"):
        measure_local_resolution(half_a, half_b, MASK, threshold=1.0)
    with pytest.raises(InputError, match="mask"):
        measure_local_resolution(half_a, half_b, Mask(MASK.array[:64, :64, :64], PIXEL_A))
