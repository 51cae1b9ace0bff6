"""Folds and the filter of references."""

import numpy as np
import pytest
from tests.refine.scene import BOX_PX, true_map

from triskelion.data.volume import Mask, Volume
from triskelion.refine.reference import deal_folds, filter_map, wiener_gain
from triskelion.resolution.fsc import compute_fsc_curves


def test_folds_share_out_all_particles():
    rows = np.arange(3, 40, 2)
    folds = deal_folds(rows, 5)
    assert len(folds) == 5
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), rows)
    assert np.ptp([len(fold) for fold in folds]) <= 1
    assert [len(fold) for fold in deal_folds(np.arange(3), 5)] == [1, 1, 1]


def test_the_wiener_gain_of_half_maps_is_signal_over_signal_and_noise():
    """Signal white in a sphere, noise white with a known ratio of powers: S / (S + N) in every shell."""
    rng = np.random.default_rng(1)
    radius = np.sqrt(sum((axis - 24) ** 2 for axis in np.mgrid[:48, :48, :48]))
    signal, noise_power = rng.standard_normal((48,) * 3) + 0.5, 1.5
    halves = [Volume(signal + np.sqrt(noise_power) * rng.standard_normal((48,) * 3), 3.0) for _ in range(2)]
    gain = wiener_gain(compute_fsc_curves(halves[0], halves[1], Mask((radius < 20).astype(float), 3.0)))
    assert gain.shape == (25,)
    assert gain.min() >= 0 and gain.max() <= 1
    assert gain[6:24].mean() == pytest.approx(1 / (1 + noise_power), rel=0.05)


def test_filtering_multiplies_shells():
    array = true_map("body")
    np.testing.assert_allclose(filter_map(array, np.full(BOX_PX // 2 + 1, 0.25)), array / 4, atol=1e-5)
    low = filter_map(array, (np.arange(BOX_PX // 2 + 1) < 4).astype(float))
    assert low.dtype == np.float32 and 0.3 < np.linalg.norm(low) / np.linalg.norm(array) < 0.999
