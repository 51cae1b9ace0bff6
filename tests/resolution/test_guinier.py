"""The B-factor that was put in comes out."""

import json

import numpy as np
import pytest
import torch

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import apply_gain, b_factor_gain
from triskelion.resolution.fsc import fsc
from triskelion.resolution.guinier import fit_guinier, fsc_weight

BOX_PX, PIXEL_A = 64, 1.5


def falling_noise(b_factor_A2: float, seed: int) -> np.ndarray:
    white = torch.from_numpy(np.random.default_rng(seed).standard_normal((BOX_PX,) * 3).astype(np.float32))
    return apply_gain(white, PIXEL_A, lambda frequency: b_factor_gain(frequency, -b_factor_A2)).numpy()


@pytest.mark.parametrize("b_factor_A2", [50.0, 150.0])
def test_an_applied_b_factor_is_found(b_factor_A2: float):
    fit = fit_guinier(Volume(falling_noise(b_factor_A2, 1), PIXEL_A), np.ones(BOX_PX // 2 + 1), 3.2)
    assert fit.b_factor_A2 == pytest.approx(b_factor_A2, rel=0.02)
    assert fit.note == "" and 9 < fit.fit_from_A <= 10
    assert json.loads(json.dumps(fit.as_dict(), allow_nan=False))["b_factor_A2"] == fit.b_factor_A2


def test_the_fsc_weight_takes_the_noise_out():
    signal = 4 * falling_noise(120.0, 2)
    noises = [0.6 * np.random.default_rng(seed).standard_normal(signal.shape).astype(np.float32) for seed in (3, 4)]
    halves = [Volume(signal + noise, PIXEL_A) for noise in noises]
    curve = fsc(*halves)
    average = Volume((halves[0].array + halves[1].array) / 2, PIXEL_A)
    weighted = fit_guinier(average, curve, 3.6)
    unweighted = fit_guinier(average, np.ones_like(curve), 3.6)
    assert weighted.b_factor_A2 == pytest.approx(120, rel=0.06)
    assert unweighted.b_factor_A2 < 105


def test_the_weight_is_the_correlation_of_the_average_with_the_truth():
    truth = falling_noise(0.0, 5)
    halves = [Volume(truth + 2 * falling_noise(0.0, seed), PIXEL_A) for seed in (6, 7)]
    average = Volume((halves[0].array + halves[1].array) / 2, PIXEL_A)
    assert fsc_weight(fsc(*halves))[10:].mean() == pytest.approx(fsc(average, Volume(truth, PIXEL_A))[10:].mean(), abs=0.01)
    assert fsc_weight(np.array([-0.5, 0, 1])).tolist() == [0, 0, 1]


def test_a_coarse_map_is_fitted_elsewhere_and_says_so():
    fit = fit_guinier(Volume(falling_noise(300.0, 8), PIXEL_A), np.ones(BOX_PX // 2 + 1), 10.5)
    assert "last third" in fit.note
    assert fit.fit_from_A == pytest.approx(BOX_PX * PIXEL_A / 7)  # shells 7 to 9 of 9.14


def test_noise_has_no_b_factor():
    with pytest.raises(InputError, match="nothing in common"):
        fit_guinier(Volume(falling_noise(0.0, 9), PIXEL_A), np.zeros(BOX_PX // 2 + 1), np.inf)
