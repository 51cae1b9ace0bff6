"""Pose changes, against poses that were changed by a known amount."""

import numpy as np
import pytest
from tests.data.test_particles import make_particles

from triskelion.data.pose_change import at_consensus, measure_pose_change
from triskelion.errors import InputError
from triskelion.geometry.fulcrum import rotate_about_fulcrum
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix
from triskelion.geometry.symmetry import parse_symmetry

N = 50
FULCRUM_A = np.array([30.0, -20, 50])


def turned_about_fulcrum(turn_deg: float):
    """Particles turned about a fulcrum since their consensus."""
    generator = np.random.default_rng(2)
    rotations, shifts = random_rotations(N, generator), generator.normal(0, 5, (N, 2))
    axes = generator.normal(size=(N, 3))
    turned = rotations @ rotvec_to_matrix(np.deg2rad(turn_deg) * axes / np.linalg.norm(axes, axis=1, keepdims=True))
    return make_particles(
        np.arange(N),
        rotvec_rad=matrix_to_rotvec(turned),
        shift_A=rotate_about_fulcrum(rotations, shifts, turned, FULCRUM_A),
        consensus_rotvec_rad=matrix_to_rotvec(rotations),
        consensus_shift_A=shifts,
    )


def test_the_angle_is_that_of_the_turn_and_the_fulcrum_does_not_move():
    particles = turned_about_fulcrum(7.0)
    angle_deg, shift_A = measure_pose_change(particles, at_consensus(particles), FULCRUM_A)
    np.testing.assert_allclose(angle_deg, 7.0, atol=1e-6)
    np.testing.assert_allclose(shift_A, 0, atol=1e-9)
    assert measure_pose_change(particles, at_consensus(particles))[1].mean() > 3  # the box centre does: 61 Å from the fulcrum


def test_symmetric_mates_are_one_pose():
    particles = turned_about_fulcrum(2.0)
    group = parse_symmetry("C4")
    mates = rotvec_to_matrix(particles["rotvec_rad"]) @ group.rotations[1]
    at_mates = particles.with_columns(rotvec_rad=matrix_to_rotvec(mates))
    np.testing.assert_allclose(measure_pose_change(at_mates, at_consensus(particles), group=group)[0], 2.0, atol=1e-6)
    assert measure_pose_change(at_mates, at_consensus(particles))[0].min() > 80


def test_two_tables_must_hold_the_same_particles():
    particles = turned_about_fulcrum(1.0)
    with pytest.raises(InputError, match="join them by uid"):
        measure_pose_change(particles, particles.select(np.arange(N)[::-1]))
