"""The prior: its derivatives, its inverse, and the widths estimated from poses."""

import numpy as np
import pytest
from tests.refine.scene import draw_poses

from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.refine.domain import Domain
from triskelion.refine.prior import FLOOR_ROTATION_DEG, FLOOR_SHIFT_A, PosePrior, estimate_widths, first_prior
from triskelion.refine.state import Settings, Start

LEVER = np.array([-6.0, 2.0, 3.0])
N = 12
ROWS = np.arange(N)


def make_prior(n: int = N, rotation_sd_deg=(4.0, 7.0, 10.0), shift_sd_px: float = 1.2) -> PosePrior:
    """A prior about random consensus poses whose axes are neither those of the map nor equally wide."""
    consensus = draw_poses(n, 21)
    axes = rotvec_to_matrix([0.5, -0.2, 0.8])
    covariance = axes @ np.diag(np.deg2rad(rotation_sd_deg) ** 2) @ axes.T
    return PosePrior(consensus.rotations, consensus.shifts_px, LEVER, covariance, shift_sd_px**2)


def draw_deviations(prior: PosePrior, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    turns = rng.multivariate_normal(np.zeros(3), prior.rotation_covariance, n)
    return turns, rng.normal(0, np.sqrt(prior.shift_variance_px2), (n, 2))


def test_pose_at_is_the_inverse_of_deviation():
    prior = make_prior()
    turns, moves = draw_deviations(prior, N, 1)
    back = prior.deviation(ROWS, *prior.pose_at(ROWS, turns, moves))
    np.testing.assert_allclose(back[0], turns, atol=1e-9)
    np.testing.assert_allclose(back[1], moves, atol=1e-9)


def test_a_turn_about_the_fulcrum_does_not_count_as_a_shift():
    prior = make_prior()
    rotations, centers = prior.pose_at(ROWS, np.full((N, 3), 0.2), np.zeros((N, 2)))
    np.testing.assert_allclose(image_of_point(rotations, centers, LEVER), prior.consensus_images, atol=1e-9)
    assert np.linalg.norm(centers - prior.pose_at(ROWS, np.zeros((N, 3)), np.zeros((N, 2)))[1], axis=1).max() > 0.5


def test_value_is_the_log_density():
    prior = make_prior()
    turns, moves = draw_deviations(prior, N, 2)
    value, _, _ = prior.terms(ROWS, *prior.pose_at(ROWS, turns, moves))
    np.testing.assert_allclose(value, np.diag(prior.log_density(turns, moves)), rtol=1e-6)
    expected = -0.5 * (np.einsum("ni,ij,nj->n", turns, np.linalg.inv(prior.rotation_covariance), turns) + (moves**2).sum(1) / 1.2**2)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_gradient_and_matrix_against_finite_differences():
    prior, h = make_prior(), 1e-4
    rotations, centers = prior.pose_at(ROWS, *(3 * deviation for deviation in draw_deviations(prior, N, 3)))
    precision = np.zeros((5, 5))
    precision[:3, :3], precision[3:, 3:] = np.linalg.inv(prior.rotation_covariance), np.eye(2) / prior.shift_variance_px2

    def at(axis: int, length: float) -> tuple[np.ndarray, np.ndarray]:
        d = np.zeros(5)
        d[axis] = length
        return rotations @ rotvec_to_matrix(d[:3]), centers + d[3:]

    numeric = np.stack([(prior.terms(ROWS, *at(a, h))[0] - prior.terms(ROWS, *at(a, -h))[0]) / (2 * h) for a in range(5)], 1)
    slope = np.stack(
        [np.subtract(*(np.concatenate(prior.deviation(ROWS, *at(a, sign * h)), axis=1) for sign in (1, -1))) / (2 * h) for a in range(5)], 2
    )
    _, gradient, matrix = prior.terms(ROWS, rotations, centers)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4 * np.abs(numeric).max())
    expected = np.einsum("nia,ij,njb->nab", slope, precision, slope)
    np.testing.assert_allclose(matrix, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_infinite_widths_are_no_prior():
    start = Start(np.arange(3), np.zeros(3), *[value for _ in range(2) for value in vars(draw_poses(3, 1)).values()], (np.zeros(1),) * 2, np.zeros(1))
    prior = first_prior(start, Domain(np.zeros(1), np.zeros(3), LEVER), Settings(use_prior=False), 3.0, np.zeros((3, 2)))
    turned = start.rotations @ rotvec_to_matrix([0.5, 0, 0])
    for term in prior.terms(np.arange(3), turned, start.shifts_px + 5):
        assert (term == 0).all()
    assert np.isinf(prior.rotation_sd_deg)


def test_first_widths_follow_from_the_extents():
    poses = draw_poses(3, 1)
    start = Start(np.arange(3), np.zeros(3), *[value for _ in range(2) for value in vars(poses).values()], (np.zeros(1),) * 2, np.zeros(1))
    offsets = np.array([[1.0, 0.0], [0.0, -2.0], [3.0, 4.0]])
    prior = first_prior(start, Domain(np.zeros(1), np.zeros(3), LEVER), Settings(rotation_extent_deg=20), 3.0, offsets)
    assert prior.rotation_sd_deg == pytest.approx(8)
    assert np.sqrt(prior.shift_variance_px2) * 3.0 == pytest.approx(np.hypot(2.5, 3.0))
    np.testing.assert_allclose(prior.consensus_images, image_of_point(poses.rotations, poses.shifts_px, LEVER) - offsets)


def test_known_widths_are_recovered_in_spite_of_outliers():
    n = 4000
    prior = make_prior(n)
    turns, moves = draw_deviations(prior, n, 4)
    rng = np.random.default_rng(5)
    lost = rng.choice(n, n // 50, replace=False)
    turns[lost], moves[lost] = rng.uniform(-1, 1, (len(lost), 3)), rng.uniform(-8, 8, (len(lost), 2))
    poses = prior.pose_at(np.arange(n), turns, moves)
    rotation, shift = estimate_widths(prior, *poses, np.zeros((n, 5, 5)), 3.0)
    axes = np.linalg.eigh(prior.rotation_covariance)[1]
    found, known = (np.sqrt(np.diag(axes.T @ covariance @ axes)) for covariance in (rotation, prior.rotation_covariance))
    np.testing.assert_allclose(found, known, rtol=0.05)
    assert np.sqrt(shift) == pytest.approx(1.2, rel=0.05)


def test_the_uncertainty_of_poses_counts_as_width():
    """Poses that shrink towards the consensus as their posteriors widen say the same about the width."""
    n = 4000
    prior = make_prior(n, (6.0, 6.0, 6.0), 1.0)
    posterior = np.diag(np.r_[np.full(3, np.deg2rad(4.0) ** 2), np.full(2, 0.6**2)])
    turns, moves = draw_deviations(prior, n, 6)
    shrink = np.sqrt(1 - np.array([4 / 6, 0.6 / 1.0]) ** 2)
    rotations, centers = prior.pose_at(np.arange(n), turns * shrink[0], moves * shrink[1])
    # the posterior is that of the fulcrum: about the centre, a turn also moves the centre
    to_fulcrum = np.zeros((n, 5, 5))
    to_fulcrum[:] = np.eye(5)
    for axis in range(3):
        small = rotations @ rotvec_to_matrix(1e-6 * np.eye(3)[axis])
        to_fulcrum[:, 3:, axis] = (image_of_point(small, centers, LEVER) - image_of_point(rotations, centers, LEVER)) / 1e-6
    from_fulcrum = np.linalg.inv(to_fulcrum)
    covariances = from_fulcrum @ posterior @ np.swapaxes(from_fulcrum, 1, 2)
    rotation, shift = estimate_widths(prior, rotations, centers, covariances, 3.0)
    assert np.rad2deg(np.sqrt(np.trace(rotation) / 3)) == pytest.approx(6, rel=0.05)
    assert np.sqrt(shift) == pytest.approx(1, rel=0.05)


def test_widths_never_fall_below_the_floors():
    prior = make_prior()
    poses = prior.pose_at(ROWS, np.zeros((N, 3)), np.zeros((N, 2)))
    rotation, shift = estimate_widths(prior, *poses, np.zeros((N, 5, 5)), 3.0)
    np.testing.assert_allclose(np.linalg.eigvalsh(rotation), np.deg2rad(FLOOR_ROTATION_DEG) ** 2)
    assert np.sqrt(shift) * 3.0 == pytest.approx(FLOOR_SHIFT_A)
