"""The plain climb is the one of local refinement: same math, written twice."""

from dataclasses import replace

import numpy as np
import pytest
from tests.kernels.climb_scene import CASES, STAGE, make_climb_scene

from triskelion.geometry import rotations
from triskelion.kernels import climb
from triskelion.refine import alignment


@pytest.mark.parametrize("case", CASES)
def test_a_climb_ends_where_local_refinement_ends(case, monkeypatch):
    scene = make_climb_scene(case, 6)
    monkeypatch.setattr(alignment, "LONGEST_TURN_RAD", scene.rules.longest_turn_rad)
    monkeypatch.setattr(alignment, "LONGEST_SHIFT_A", scene.rules.longest_shift_px * scene.posterior.pixel_size_A)
    expected = scene.posterior.evaluate(*(array.copy() for array in scene.starts), STAGE.disc)
    alignment._climb(scene.posterior, expected, STAGE)
    found = climb.climb(scene.posterior.volume, scene.posterior.images, scene.starts, scene.restraint, scene.rules, STAGE.disc)
    for name in found._fields:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=1e-6 * np.abs(getattr(expected, name)).max())


def test_the_scene_has_steps_that_fail_and_poses_at_the_extents():
    """Otherwise damping and extents would be held to nothing."""
    scene = make_climb_scene("no prior, tight extents", 6)
    arrays = (scene.posterior.volume, scene.posterior.images, scene.starts, scene.restraint)
    found = climb.climb(*arrays, scene.rules, STAGE.disc)
    undamped = climb.climb(*arrays, replace(scene.rules, damping_up=1.0), STAGE.disc)
    assert (found.value - undamped.value).max() > 0.1
    turn, shift = scene.posterior.prior.deviation(scene.starts.rows, found.rotations, found.shifts_px)
    lengths = np.linalg.norm(turn, axis=1) / scene.restraint.rotation_extent_rad, np.linalg.norm(shift, axis=1) / scene.restraint.shift_extent_px
    for length in lengths:
        assert (np.abs(length - 1) < 1e-9).any()


def test_rotation_vectors_are_those_of_geometry():
    rng = np.random.default_rng(5)
    for angle in (0.0, 1e-10, 1e-3, 1.0, 3.0, np.pi - 1e-7):
        axis = rng.standard_normal(3)
        vector = axis / np.linalg.norm(axis) * angle
        matrix = rotations.rotvec_to_matrix(vector)
        np.testing.assert_allclose(climb.rotvec_to_matrix(vector), matrix, atol=1e-14)
        np.testing.assert_allclose(climb.matrix_to_rotvec(matrix), vector, atol=1e-12 if angle < 3.1 else 1e-8)
