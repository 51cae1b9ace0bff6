"""Posteriors are widened by as much as poses differ between the maps of both halves, and by nothing that is no error of a pose."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import SETTINGS, draw_poses, make_means, make_scene

from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.refine.calibration import Calibration, _differences, _factor, _Found, calibrate_posterior
from triskelion.refine.local import LocalRefinement


def random_covariances(n: int, k: int, seed: int) -> np.ndarray:
    """Covariances (n, k, k) that differ from particle to particle, all well conditioned."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(k) + 0.3 * rng.standard_normal((n, k, k))
    return mixing @ np.swapaxes(mixing, 1, 2) * rng.uniform(0.5, 2, (n, 1, 1))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("added", [0.1, 0.5, 2.0])
def test_the_factor_is_what_one_map_adds(k: int, added: float):
    """Both maps add a variance v C to a pose of covariance C, so differences are drawn from N(0, 2 v C)."""
    n = 4000
    covariance = random_covariances(n, k, 1)
    normal = np.random.default_rng(2).standard_normal((n, k))
    difference = np.sqrt(2 * added) * np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), normal)
    assert _factor(difference, covariance) == pytest.approx(1 + added, rel=0.1)


def test_poses_that_do_not_differ_ask_for_nothing():
    assert _factor(np.zeros((10, 3)), random_covariances(10, 3, 1)) == 1


def test_a_common_turn_and_shift_of_one_map_is_no_difference():
    """The map of the other half lies turned and shifted: every pose turns about the same axis of the map, its image by the projected shift."""
    poses = draw_poses(50, 4)
    turn, shift_xyz_px = rotvec_to_matrix(np.deg2rad([1.0, -2.0, 0.5])), np.array([0.7, -0.2, 1.1])
    own = _Found(poses.rotations, poses.shifts_px)
    other = _Found(poses.rotations @ turn, poses.shifts_px + poses.rotations[:, :2] @ shift_xyz_px)
    rows = np.arange(3, 43)
    difference, compared = _differences(own, other, rows)
    np.testing.assert_allclose(difference, 0, atol=1e-7)
    np.testing.assert_array_equal(compared, rows)


def test_differences_beside_a_common_turn_are_kept_and_lost_particles_left_out():
    poses = draw_poses(200, 5)
    rng = np.random.default_rng(6)
    apart, moved = np.deg2rad(rng.normal(0, 1, (200, 3))), rng.normal(0, 0.3, (200, 2))
    apart -= np.median(apart, axis=0)
    apart[7] = np.deg2rad([0, 40, 0])
    frame = rotvec_to_matrix(np.deg2rad([2.0, 0.0, -1.0]))
    own = _Found(poses.rotations, poses.shifts_px)
    other = _Found(poses.rotations @ rotvec_to_matrix(apart) @ frame, poses.shifts_px + moved)
    difference, compared = _differences(own, other, np.arange(200))
    np.testing.assert_array_equal(compared, np.delete(np.arange(200), 7))
    kept = np.delete(np.arange(200), 7)
    assert np.rad2deg(np.abs(difference[:, :3] - apart[kept])).max() < 0.1
    assert np.abs(difference[:, 3:] - moved[kept]).max() < 0.2


def test_widening_scales_the_blocks_and_keeps_correlations():
    covariance = random_covariances(4, 5, 7)
    wide = Calibration(4.0, 9.0).widen(covariance)
    np.testing.assert_allclose(wide[:, :3, :3], 4 * covariance[:, :3, :3])
    np.testing.assert_allclose(wide[:, 3:, 3:], 9 * covariance[:, 3:, 3:])
    np.testing.assert_allclose(correlations(wide), correlations(covariance))
    np.testing.assert_array_equal(Calibration(1.0, 1.0).widen(covariance), covariance)


def correlations(covariance: np.ndarray) -> np.ndarray:
    sd = np.sqrt(np.einsum("nii->ni", covariance))
    return covariance / (sd[:, :, None] * sd[:, None, :])


def test_a_refinement_is_calibrated_without_being_moved():
    refinement = LocalRefinement(make_scene(120, 0.4).inputs(replace(SETTINGS, coarse_starts=False)), make_means())
    list(refinement.iterate())
    before = {name: np.array(value) for name, value in refinement.state().items()}
    calibration = calibrate_posterior(refinement, refinement.covariance)
    for name, value in refinement.state().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert 1 < calibration.rotation < 10
    assert 1 < calibration.position < 10
    assert calibrate_posterior(refinement, refinement.covariance) == calibration  # the folds went back as they were
