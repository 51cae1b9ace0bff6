"""Poses of domains that hinge on the body."""

import numpy as np
import pytest

from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.simulate.experiment import Experiment, disturb_poses, draw_particles
from triskelion.simulate.hinges import draw_hinges, hinge_poses

EXPERIMENT = Experiment(n_particles=400, box_px=32, pixel_size_A=5.0, snr=1.0, seed=3)


def test_domain_pose_images_the_domain_as_the_body_pose_images_the_turned_atoms():
    body = draw_particles(EXPERIMENT, ("stack.mrcs",))
    hinges = draw_hinges([0.0, 30.0], len(body), 1)[:, 1]
    fulcrum = np.array([20.0, -35.0, 11.0])
    atoms = np.random.default_rng(0).normal(0, 40, (50, 3))
    domain = hinge_poses(body, hinges, fulcrum)
    place = lambda poses, row, points: points @ rotvec_to_matrix(poses["rotvec_rad"][row])[:2].T + poses["shift_A"][row]
    for row in range(20):
        turned = (atoms - fulcrum) @ hinges[row].T + fulcrum
        assert place(domain, row, atoms) == pytest.approx(place(body, row, turned), abs=1e-9)
        assert place(domain, row, fulcrum) == pytest.approx(place(body, row, fulcrum), abs=1e-9)


def test_hinges_have_the_spread_asked_for():
    rotvec_deg = np.rad2deg(matrix_to_rotvec(draw_hinges([0.0, 3.0, 10.0], 2000, 0)))
    assert rotvec_deg.std(axis=0) == pytest.approx(np.array([[0.0] * 3, [3.0] * 3, [10.0] * 3]), rel=0.06)


def test_a_hinge_does_not_depend_on_how_many_particles_there_are():
    assert draw_hinges([0.0, 7.0], 5, 0).tobytes() == draw_hinges([0.0, 7.0], 9, 0)[:5].tobytes()


def test_given_poses_have_the_error_asked_for():
    body = draw_particles(EXPERIMENT, ("stack.mrcs",))
    given = disturb_poses(body, EXPERIMENT)
    turn = rotvec_to_matrix(given["rotvec_rad"]) @ np.swapaxes(rotvec_to_matrix(body["rotvec_rad"]), 1, 2)
    angle_deg = np.rad2deg(np.linalg.norm(matrix_to_rotvec(turn), axis=1))
    assert np.sqrt((angle_deg**2).mean()) == pytest.approx(1.5, rel=0.1)
    moved_px = np.linalg.norm(given["shift_A"] - body["shift_A"], axis=1) / EXPERIMENT.pixel_size_A
    assert np.sqrt((moved_px**2).mean()) == pytest.approx(1.0, rel=0.1)
    assert (given["consensus_rotvec_rad"] == given["rotvec_rad"]).all() and (given["consensus_shift_A"] == given["shift_A"]).all()


def test_half_sets_are_equal_and_random():
    particles = draw_particles(EXPERIMENT, ("stack.mrcs",))
    assert len(particles.rows_of_half(0)) == len(particles.rows_of_half(1)) == 200
    assert 60 < (particles["half_set"][:200] == 0).sum() < 140
    assert len(np.unique(particles["uid"])) == 400
