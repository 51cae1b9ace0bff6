"""Pose errors: known ones, and the figures of the independent tool."""

import importlib.util
import sys

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.simulate.experiment import Experiment, disturb_poses, draw_particles
from triskelion.simulate.hinges import draw_hinges, hinge_poses
from triskelion.simulate.scoring import score_poses

EXPERIMENT = Experiment(n_particles=300, box_px=32, pixel_size_A=5.0, snr=1.0, pose_error_deg=3.0, seed=2)
CENTER_A = np.array([-70.0, 50.0, 17.0])


@pytest.fixture(scope="module")
def truth():
    return draw_particles(EXPERIMENT, ("stack.mrcs",))


@pytest.fixture(scope="module")
def disturbed(truth):
    """Errors of 3° and 1 px, and every 20th particle lost."""
    hinges = draw_hinges([0.0, 60.0], len(truth), 0)[:, 1]
    hinges[np.arange(len(truth)) % 20 > 0] = np.eye(3)
    return hinge_poses(disturb_poses(truth, EXPERIMENT), hinges, np.array([10.0, 0, 0]))


def move_frame(particles, rotvec_rad, offset_A):
    """Poses of the same images against a map that was turned and moved."""
    rotations = rotvec_to_matrix(particles["rotvec_rad"]) @ rotvec_to_matrix(np.array(rotvec_rad)).T
    shifts = particles["shift_A"] - rotations[:, :2] @ np.array(offset_A)
    return particles.with_columns(rotvec_rad=matrix_to_rotvec(rotations), shift_A=shifts)


def test_the_truth_has_no_error_in_any_frame(truth):
    for estimate in (truth, move_frame(truth, (0.3, -0.2, 0.9), (12.0, 5.0, -30.0))):
        score = score_poses(estimate, truth, CENTER_A)
        assert score.angle_deg.max() < 1e-6 and score.position_A.max() < 1e-6


def test_errors_are_as_far_as_their_covariance_says(truth):
    # turns about x three times those about z, in the frame of the refined map: only there does this covariance fit
    rng = np.random.default_rng(5)
    sd = np.array([0.06, 0.04, 0.02, 3.0, 3.0])
    refined = move_frame(truth, (0.5, 0.1, 0.2), (3.0, 4.0, 5.0))
    error = rng.standard_normal((len(truth), 5)) * sd
    true_in_frame = rotvec_to_matrix(refined["rotvec_rad"])
    rotations = true_in_frame @ np.swapaxes(rotvec_to_matrix(error[:, :3]), 1, 2)
    center = rotvec_to_matrix(np.array([0.5, 0.1, 0.2])) @ CENTER_A + [3.0, 4.0, 5.0]
    shifts = refined["shift_A"] + ((true_in_frame - rotations) @ center)[:, :2] - error[:, 3:]
    estimate = refined.with_columns(rotvec_rad=matrix_to_rotvec(rotations), shift_A=shifts)
    squares = score_poses(estimate, truth, CENTER_A).squared_distance(np.broadcast_to(np.diag(sd**2), (len(truth), 5, 5)))
    assert squares.mean() == pytest.approx(5, abs=0.5)
    assert np.mean(squares <= 4.35) == pytest.approx(0.5, abs=0.07)


def test_known_errors_come_out(truth, disturbed):
    score = score_poses(move_frame(disturbed, (0.5, 0.1, 0.2), (3.0, 4.0, 5.0)), truth, CENTER_A)
    lost = np.arange(len(truth))[np.argsort(truth["uid"])] % 20 == 0  # scores are ordered by uid
    assert np.sqrt((score.angle_deg[~lost] ** 2).mean()) == pytest.approx(3.0, rel=0.1)
    assert np.median(score.angle_deg[lost]) > 30
    assert score.figures["over_8deg_percent"] == pytest.approx(5, abs=0.7)
    moved_A = np.linalg.norm(CENTER_A) * np.deg2rad(3.0) * np.sqrt(4 / 9)  # two thirds of the turn move it, two of three axes show
    expected_A = np.sqrt(moved_A**2 + EXPERIMENT.pixel_size_A**2)
    assert np.sqrt((score.position_A[~lost] ** 2).mean()) == pytest.approx(expected_A, rel=0.1)


def test_particles_are_matched_by_uid(truth, disturbed):
    whole = score_poses(disturbed, truth, CENTER_A).figures
    shuffled = disturbed.select(np.random.default_rng(0).permutation(len(disturbed)))
    assert score_poses(shuffled, truth, CENTER_A).figures == pytest.approx(whole)
    with pytest.raises(InputError, match="no particle in common"):
        score_poses(truth.with_columns(uid=np.arange(len(truth))), truth, CENTER_A)


def test_figures_are_those_of_the_independent_tool(truth, disturbed, shared_dir, monkeypatch):
    pytest.importorskip("finufft")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("score_poses_tool", shared_dir / "tools" / "score_poses.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(tool)
    as_tool = lambda p: (np.arange(len(p)), rotvec_to_matrix(p["rotvec_rad"]), p["shift_A"])
    expected = tool.score(as_tool(disturbed), as_tool(truth), CENTER_A)
    assert score_poses(disturbed, truth, CENTER_A).figures == pytest.approx(expected, abs=1e-3)
