"""The fulcrum stays put in the image; any other point does not."""

import numpy as np

from triskelion.geometry.fulcrum import cross_matrix, image_of_point, rotate_about_fulcrum, shift_of_origin
from triskelion.geometry.rotations import random_rotations, rotvec_to_matrix

N = 10
RNG = np.random.default_rng(1)
ROTATIONS, NEW_ROTATIONS = random_rotations(N, RNG), random_rotations(N, RNG)
SHIFTS = RNG.normal(0, 5, (N, 2))
FULCRUM = np.array([20.0, -7.0, 3.0])


def test_the_image_of_a_point_is_where_the_pose_takes_it():
    expected = [(rotation @ FULCRUM)[:2] + shift for rotation, shift in zip(ROTATIONS, SHIFTS, strict=True)]
    np.testing.assert_allclose(image_of_point(ROTATIONS, SHIFTS, FULCRUM), expected)
    np.testing.assert_allclose(shift_of_origin(ROTATIONS, np.array(expected), FULCRUM), SHIFTS)


def test_rotation_about_the_fulcrum_keeps_its_image_and_moves_others():
    shifts = rotate_about_fulcrum(ROTATIONS, SHIFTS, NEW_ROTATIONS, FULCRUM)
    np.testing.assert_allclose(image_of_point(NEW_ROTATIONS, shifts, FULCRUM), image_of_point(ROTATIONS, SHIFTS, FULCRUM))
    other = FULCRUM + np.array([0, 40, 0])
    assert np.linalg.norm(image_of_point(NEW_ROTATIONS, shifts, other) - image_of_point(ROTATIONS, SHIFTS, other), axis=1).max() > 5
    # t' = t + P((R - R') f)
    np.testing.assert_allclose(shifts, SHIFTS + ((ROTATIONS - NEW_ROTATIONS) @ FULCRUM)[:, :2])


def test_rotating_there_and_back_returns():
    there = rotate_about_fulcrum(ROTATIONS, SHIFTS, NEW_ROTATIONS, FULCRUM)
    np.testing.assert_allclose(rotate_about_fulcrum(NEW_ROTATIONS, there, ROTATIONS, FULCRUM), SHIFTS)


def test_the_true_fulcrum_is_the_point_that_poses_agree_on():
    """Of domain poses made by turning about a point, only that point (along the hinge's axes) is left unmoved."""
    hinge = rotvec_to_matrix(RNG.normal(0, 0.2, (N, 3)))
    turned = ROTATIONS @ hinge
    shifts = rotate_about_fulcrum(ROTATIONS, SHIFTS, turned, FULCRUM)
    # least squares for f in t' - t = P((R - R') f)
    difference = (ROTATIONS - turned)[:, :2].reshape(-1, 3)
    found = np.linalg.lstsq(difference, (shifts - SHIFTS).ravel(), rcond=None)[0]
    np.testing.assert_allclose(found, FULCRUM, atol=1e-9)


def test_cross_matrix():
    v, w = RNG.normal(size=(2, N, 3))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", cross_matrix(v), w), np.cross(v, w))
