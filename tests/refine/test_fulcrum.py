"""The fulcrum comes back from poses that turn about it, with the uncertainty that it has."""

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.geometry.fulcrum import image_of_point, rotate_about_fulcrum, shift_of_origin
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix
from triskelion.refine.fulcrum import FulcrumEstimate, PoseErrors, remove_prior, suggest_fulcrum
from triskelion.refine.prior import PosePrior

FULCRUM_PX = np.array([-12.2, 7.5, 2.9])
CENTER_PX = np.array([-16.0, 11.0, 4.0])
WIDTHS_DEG = np.array([4.0, 6.0, 8.0])


class Hinge:
    """Poses of ``n`` particles that turn about ``FULCRUM_PX``, whose image moves by ``shift_px`` per axis besides."""

    def __init__(self, n: int, seed: int, widths_deg: np.ndarray = WIDTHS_DEG, shift_px: float = 0.0):
        self.generator = np.random.default_rng(seed)
        self.consensus = random_rotations(n, self.generator), self.generator.normal(0, 2, (n, 2))
        self.turns = np.deg2rad(self.generator.normal(0, 1, (n, 3)) * widths_deg)
        self.rotations = self.consensus[0] @ rotvec_to_matrix(self.turns)
        self.shifts_px = rotate_about_fulcrum(*self.consensus, self.rotations, FULCRUM_PX) + self.generator.normal(0, 1, (n, 2)) * shift_px

    def estimate(self, **options) -> FulcrumEstimate:
        return suggest_fulcrum(self.rotations, self.shifts_px, *self.consensus, **options)

    def disturb(self, turn_deg: float, shift_px: float) -> PoseErrors:
        """Add errors to the poses about the domain's centre; return their covariances."""
        n = len(self.rotations)
        centers_px = image_of_point(self.rotations, self.shifts_px, CENTER_PX) + self.generator.normal(0, shift_px, (n, 2))
        self.rotations = self.rotations @ rotvec_to_matrix(np.deg2rad(self.generator.normal(0, turn_deg, (n, 3))))
        self.shifts_px = shift_of_origin(self.rotations, centers_px, CENTER_PX)
        return PoseErrors(np.tile(np.diag([np.deg2rad(turn_deg) ** 2] * 3 + [shift_px**2] * 2), (n, 1, 1)), CENTER_PX)


def test_without_noise_it_comes_back_exactly():
    found = Hinge(50, 1).estimate()
    np.testing.assert_allclose(found.fulcrum_xyz_px, FULCRUM_PX, atol=1e-9)
    assert found.sd_xyz_px.max() < 1e-6
    assert found.shift_sd_px < 1e-6
    assert found.n_used == 50


def test_errors_are_as_large_as_the_standard_deviations_say():
    """Over 40 seeds: chi² of 3 has mean 3, here to four standard deviations of the mean; none is beyond 4 sd along any axis."""
    hinges = [Hinge(300, seed, shift_px=1.0).estimate(seed=seed) for seed in range(40)]
    z = np.array([(found.fulcrum_xyz_px - FULCRUM_PX) / found.sd_xyz_px for found in hinges])
    assert np.abs(z).max() < 4
    assert (np.abs(z) < 3).mean() > 0.97
    assert (z**2).sum(1).mean() == pytest.approx(3, abs=4 * np.sqrt(6 / 40))
    assert np.mean([found.shift_sd_px for found in hinges]) == pytest.approx(1.0, rel=0.03)


def test_widths_of_the_hinge_and_what_they_suggest():
    found = Hinge(3000, 2, shift_px=0.5).estimate()
    np.testing.assert_allclose(found.hinge_sd_deg, [8, 6, 4], rtol=0.06)
    np.testing.assert_allclose(np.abs(found.hinge_axes), np.eye(3)[::-1], atol=0.1)
    assert found.rotation_extent_deg == pytest.approx(20, rel=0.06)
    assert found.shift_extent_px == pytest.approx(1.25, rel=0.06)


def test_turns_about_one_axis_leave_the_fulcrum_open_along_it():
    found = Hinge(300, 3, np.array([0.0, 0.0, 8.0]), shift_px=0.3).estimate()
    assert np.isinf(found.sd_xyz_px[2]) and np.isinf(found.axis_sd_px[2])
    np.testing.assert_allclose(np.abs(found.axes[2]), [0, 0, 1], atol=1e-3)
    assert (found.sd_xyz_px[:2] < 1).all()
    assert (np.abs(found.fulcrum_xyz_px - FULCRUM_PX)[:2] < 4 * found.sd_xyz_px[:2]).all()


def test_turns_that_are_errors_determine_nothing_once_their_covariance_is_known():
    hinge = Hinge(1000, 4, np.array([0.0, 0.0, 8.0]), shift_px=0.3)
    errors = hinge.disturb(1.5, 0.2)
    assert np.isfinite(hinge.estimate().sd_xyz_px).all()  # taken as they are, they point at the domain's centre
    found = hinge.estimate(errors=errors)
    assert np.isinf(found.axis_sd_px[2])
    assert abs(found.axes[2] @ [0, 0, 1]) > 0.99
    np.testing.assert_allclose(found.fulcrum_xyz_px[:2], FULCRUM_PX[:2], atol=4 * found.axis_sd_px[1] + 0.1)


def test_known_errors_of_the_poses_do_not_draw_it_to_the_domain_s_centre():
    hinge = Hinge(4000, 5, np.full(3, 6.0), shift_px=0.3)
    errors = hinge.disturb(3.0, 0.3)
    drawn, found = hinge.estimate(), hinge.estimate(errors=errors)
    bias = (drawn.fulcrum_xyz_px - FULCRUM_PX) @ (CENTER_PX - FULCRUM_PX) / np.sum((CENTER_PX - FULCRUM_PX) ** 2)
    assert bias == pytest.approx(9 / (36 + 9), abs=0.03)  # the share of errors in the variance of the turns
    assert (np.abs(found.fulcrum_xyz_px - FULCRUM_PX) < 3.5 * found.sd_xyz_px).all()
    np.testing.assert_allclose(found.hinge_sd_deg, 6, rtol=0.05)
    assert found.shift_sd_px == pytest.approx(0.3, abs=0.1)


def test_outliers_do_no_harm():
    hinge = Hinge(600, 6, shift_px=0.5)
    hinge.shifts_px[:60] += hinge.generator.normal(0, 15, (60, 2))
    found = hinge.estimate()
    assert found.n_used < 560
    assert (np.abs(found.fulcrum_xyz_px - FULCRUM_PX) < 3.5 * found.sd_xyz_px).all()
    assert found.shift_sd_px == pytest.approx(0.5, rel=0.15)


def test_a_prior_about_another_point_is_undone():
    """Poses at the maximum of a posterior whose prior is about the box centre; without it they are those of the images alone."""
    n = 2000
    hinge = Hinge(n, 7, np.full(3, 6.0), shift_px=0.3)
    errors = hinge.disturb(2.0, 0.3)
    prior = PosePrior(hinge.consensus[0], hinge.consensus[1], -CENTER_PX, np.eye(3) * np.deg2rad(6.0) ** 2, 1.5**2)
    by_images = np.linalg.inv(errors.covariance)
    best = hinge.rotations, image_of_point(hinge.rotations, hinge.shifts_px, CENTER_PX)
    rotations, centers_px = best
    for _ in range(6):  # Gauss-Newton on a quadratic likelihood about the poses of the images
        _, gradient, matrix = prior.terms(np.arange(n), rotations, centers_px)
        off = np.concatenate([_rotvec(rotations, best[0]), best[1] - centers_px], axis=1)
        step = np.linalg.solve(by_images + matrix, (np.einsum("nij,nj->ni", by_images, off) + gradient)[..., None])[..., 0]
        rotations, centers_px = rotations @ rotvec_to_matrix(step[:, :3]), centers_px + step[:, 3:]
    _, _, matrix = prior.terms(np.arange(n), rotations, centers_px)
    drawn = suggest_fulcrum(rotations, shift_of_origin(rotations, centers_px, CENTER_PX), *hinge.consensus)
    rows, rotations, centers_px, covariance = remove_prior(prior, rotations, centers_px, np.linalg.inv(by_images + matrix))
    assert len(rows) == n
    np.testing.assert_allclose(covariance, errors.covariance, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(rotations, best[0], atol=2e-3)
    consensus = (values[rows] for values in hinge.consensus)
    found = suggest_fulcrum(rotations, shift_of_origin(rotations, centers_px, CENTER_PX), *consensus, PoseErrors(covariance, CENTER_PX))
    assert (np.abs(found.fulcrum_xyz_px - FULCRUM_PX) < 3.5 * found.sd_xyz_px).all()
    assert np.linalg.norm(found.fulcrum_xyz_px - FULCRUM_PX) < 0.3 * np.linalg.norm(drawn.fulcrum_xyz_px - FULCRUM_PX)


def _rotvec(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return matrix_to_rotvec(np.swapaxes(start, 1, 2) @ end)


def test_poses_of_which_the_images_say_too_little_are_left_out():
    prior = PosePrior(np.tile(np.eye(3), (3, 1, 1)), np.zeros((3, 2)), np.zeros(3), np.eye(3) * 0.1**2, 1.0)
    precision = np.linalg.inv(np.diag([0.1**2] * 3 + [1.0] * 2)) + np.array([100.0, 1.0, 0.0])[:, None, None] * np.eye(5)
    rows, *_ = remove_prior(prior, prior.consensus_rotations, np.zeros((3, 2)), np.linalg.inv(precision))
    np.testing.assert_array_equal(rows, [0])


def test_the_same_seed_gives_the_same_standard_deviations():
    hinge = Hinge(200, 8, shift_px=1.0)
    np.testing.assert_array_equal(hinge.estimate(seed=3).sd_xyz_px, hinge.estimate(seed=3).sd_xyz_px)


def test_poses_that_did_not_turn_and_too_few_are_refused():
    hinge = Hinge(20, 9)
    with pytest.raises(InputError, match="nothing has turned"):
        suggest_fulcrum(*hinge.consensus, *hinge.consensus)
    with pytest.raises(InputError, match="9 particles are too few"):
        suggest_fulcrum(*(values[:9] for values in (hinge.rotations, hinge.shifts_px, *hinge.consensus)))
