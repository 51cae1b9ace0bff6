"""Chance is called chance as often as it should be, and differences are found."""

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.resolution.curves import FscCurves
from triskelion.resolution.settings_test import choose_band_A, compare_settings, score_curves


def draw_scores(generator, settings, subset_sd=0.1, chance_sd=0.01, n_subsets=3):
    settings = np.asarray(settings)[:, None]
    return settings + subset_sd * generator.standard_normal(n_subsets) + chance_sd * generator.standard_normal((len(settings), n_subsets))


def test_chance_is_taken_for_a_difference_in_one_of_twenty():
    generator = np.random.default_rng(1)
    found = [compare_settings(draw_scores(generator, np.zeros(5))).is_noise for _ in range(1000)]
    assert np.mean(found) == pytest.approx(0.95, abs=0.02)


def test_a_difference_is_found_although_subsets_differ_more():
    generator = np.random.default_rng(2)
    tests = [compare_settings(draw_scores(generator, [0.5, 0.5, 0.58, 0.6])) for _ in range(50)]
    assert all(test.is_noise is False for test in tests)
    assert np.mean([test.best == 3 for test in tests]) > 0.9
    assert np.mean([test.as_good[2] for test in tests]) > 0.5 and not any(test.as_good[0] for test in tests)
    assert np.median([test.chance_sd for test in tests]) == pytest.approx(0.01 / np.sqrt(3), rel=0.3)


def test_one_subset_or_one_setting_leaves_chance_unknown():
    for scores in ([[0.5], [0.6]], [[0.5, 0.6]]):
        test = compare_settings(np.array(scores))
        assert test.is_noise is None and test.as_good.sum() == 1


def test_settings_that_failed_are_left_out():
    test = compare_settings(np.array([[0.9, np.nan], [0.5, 0.51], [0.6, 0.61]]))
    assert test.best == 2 and np.isnan(test.means[0])
    with pytest.raises(InputError, match="no setting ran on all subsets"):
        compare_settings(np.array([[0.9, np.nan]]))


def test_the_score_is_the_mean_over_the_band():
    frequency = np.arange(33) / (64 * 2.0)
    curves = FscCurves(64, 2.0, frequency, {"corrected": np.linspace(1, 0, 33)})
    assert score_curves(curves, (16.0, 8.0)) == pytest.approx(np.linspace(1, 0, 33)[8:17].mean())
    with pytest.raises(InputError, match="no shell lies between"):
        score_curves(curves, (8.1, 8.05))


def test_the_band_follows_the_resolutions_and_ends_at_nyquist():
    assert choose_band_A(np.array([8.0, 9.0, 12.0, np.inf]), 2.0) == (27.0, 6.75)
    assert choose_band_A(np.array([4.1]), 2.0)[1] == 4.0
    with pytest.raises(InputError, match="wanted from coarse to fine"):
        choose_band_A(np.array([8.0]), 2.0, coarse_A=5.0, fine_A=6.0)
