import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.plots.defocus import collect_defocus
from triskelion.plots.histogram import choose_edges, collect_histogram
from triskelion.plots.pose_change import collect_pose_change
from triskelion.plots.pose_error import collect_pose_error
from triskelion.plots.posterior_sd import collect_posterior_sd
from triskelion.plots.predicted_error import collect_predicted_error
from triskelion.plots.scale import collect_scale

N = 1000


def draw_errors(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4, 2, N)


def check(histogram: dict, values: np.ndarray) -> None:
    assert sum(histogram["counts"]) == len(values)
    np.testing.assert_array_equal(np.histogram(values, histogram["edges"])[0], histogram["counts"])
    assert histogram["median"] == pytest.approx(np.median(values), rel=1e-5)


def test_all_particles_are_counted_in_every_histogram():
    a, b = draw_errors(0), draw_errors(1)
    check(collect_scale(a), a)
    sd = collect_posterior_sd(a, b)
    check(sd["rotation_deg"], a)
    check(sd["shift_A"], b)
    defocus = collect_defocus(1e4 * a, 1e4 * b)
    check(defocus["defocus_um"], (1e4 * a + 1e4 * b) / 2e4)
    check(defocus["astigmatism_A"], np.abs(1e4 * a - 1e4 * b))
    error = collect_pose_error({"before": a, "after": b}, {"before": b})
    check(error["rotation_deg"]["before"], a)
    check(error["rotation_deg"]["after"], b)
    check(error["shift_A"]["before"], b)


def test_predicted_errors_are_counted_and_averaged_by_viewing_direction():
    a, b = draw_errors(2), draw_errors(3)
    data = collect_predicted_error({"first": a, "last": b}, np.tile(np.eye(3), (N, 1, 1)), prior_deg=50.0, right_deg=2.0, wrong_percent=1.0)
    check(data["histograms"]["first"], a)
    check(data["histograms"]["last"], b)
    assert data["histograms"]["last"]["edges"][-1] == 50
    seen = [value for value in data["by_direction_deg"] if value is not None]
    np.testing.assert_allclose(seen, b.mean(), rtol=1e-5)  # all look along z: one cell, and the opposite one
    assert len(seen) == 2


def test_share_of_lost_poses_counts_errors_over_8_degrees():
    data = collect_pose_error({"before": [7.9, 8.1, 20, 1]})
    assert data["rotation_deg"]["before"]["share_lost"] == 0.5
    assert data["shift_A"] is None


def test_poses_that_moved_anywhere_stand_in_the_last_bin():
    turn = np.append(np.linspace(0, 2, 999), 170.0)
    data = collect_pose_change(turn, turn, rotation_extent_deg=None, shift_extent_A=None)["rotation_deg"]
    assert sum(data["counts"]) == 1000 and data["edges"][-1] < 2.1
    assert data["median"] == pytest.approx(np.median(turn), rel=1e-5)
    assert data["extent"] is None and data["share_at_extent"] is None


def test_share_at_the_extent():
    rotation, shift = np.linspace(0, 30, 301), np.full(301, 2.0)
    shift[:3] = 10.0
    data = collect_pose_change(rotation, shift, rotation_extent_deg=30, shift_extent_A=10)
    check(data["rotation_deg"], rotation)
    check(data["shift_A"], shift)
    assert data["rotation_deg"]["share_at_extent"] == pytest.approx(7 / 301, rel=1e-5)  # 29.4 ... 30
    assert data["shift_A"]["share_at_extent"] == pytest.approx(3 / 301, rel=1e-5)
    assert data["shift_A"]["edges"][-1] == 10


def test_changes_beyond_the_extent_are_still_counted():
    rotation = np.array([1.0, 45.0])
    data = collect_pose_change(rotation, rotation, rotation_extent_deg=30, shift_extent_A=10)
    check(data["rotation_deg"], rotation)
    assert data["rotation_deg"]["share_at_extent"] == 0.5


def test_edges_reach_at_least_from_start_to_end():
    np.testing.assert_allclose(choose_edges([0.5], start=0, end=2, n_bins=4), [0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(choose_edges([-1, 5], start=0, end=2, n_bins=2), [-1, 2, 5])


def test_equal_values_fall_into_one_bin():
    values = np.full(5, 3.0)
    histogram = collect_histogram(values, choose_edges(values))
    check(histogram, values)
    assert max(histogram["counts"]) == 5


def test_no_particles_is_refused():
    with pytest.raises(InputError, match="no particles"):
        collect_scale([])
