"""Half maps that drifted apart are brought together: a known motion is found, and poses show the moved map where they showed the map."""

import numpy as np
import pytest
from tests.refine.scene import HEAD_CENTER_PX, SETTINGS, atoms, density_of, draw_poses, make_means, make_scene

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.refine.frames import find_drift, move_map, move_poses
from triskelion.refine.local import LocalRefinement

POINTS = (atoms("head") - HEAD_CENTER_PX) * 1.6
TURN, SHIFT = rotvec_to_matrix(np.deg2rad([1.2, -0.7, 0.9])), np.array([0.3, -0.2, 0.4])
BOX, SIGMA = 48, 1.6


@pytest.mark.parametrize("box_px", [BOX, BOX + 1])
def test_a_known_motion_is_found(box_px):
    mask = (density_of(POINTS, box_px, 4.0) > 0.5).astype(np.float32)
    first, second = density_of(POINTS @ TURN.T + SHIFT, box_px, SIGMA), 2.5 * density_of(POINTS, box_px, SIGMA)
    turn, shift = find_drift(first, second, mask, 3.0, 12.0)
    assert rotation_difference_deg(turn, TURN) < 0.02
    np.testing.assert_allclose(shift, SHIFT, atol=0.005)


@pytest.mark.parametrize("second", [np.zeros((BOX,) * 3, np.float32), -density_of(POINTS, BOX, SIGMA)], ids=["nothing", "the opposite"])
def test_maps_that_have_nothing_in_common_stay(second):
    mask = (density_of(POINTS, BOX, 4.0) > 0.5).astype(np.float32)
    turn, shift = find_drift(density_of(POINTS, BOX, SIGMA), second, mask, 3.0, 12.0)
    np.testing.assert_array_equal(turn, np.eye(3))
    np.testing.assert_array_equal(shift, 0)


def test_a_map_is_moved_as_points_are():
    moved = move_map(density_of(POINTS, BOX, SIGMA), TURN, SHIFT)
    expected = density_of(POINTS @ TURN.T + SHIFT, BOX, SIGMA)
    assert np.abs(moved - expected).max() < 0.01 * expected.max()


def test_poses_show_the_moved_map_where_they_showed_the_map():
    poses = draw_poses(5, 1)
    rotations, centers = move_poses(poses.rotations, poses.shifts_px, TURN, SHIFT)
    images = np.einsum("nij,aj->nai", poses.rotations, POINTS)[..., :2] + poses.shifts_px[:, None]
    again = np.einsum("nij,aj->nai", rotations, POINTS @ TURN.T + SHIFT)[..., :2] + centers[:, None]
    np.testing.assert_allclose(again, images, atol=1e-9)


def test_only_half_b_is_moved_and_only_as_a_whole():
    scene = make_scene(40, 0.4)
    refinement = LocalRefinement(scene.inputs(SETTINGS), make_means())
    result = refinement.run_iteration()
    joined = refinement.join_halves(result)
    half = scene.start.half_set
    np.testing.assert_allclose(joined.rotations[half == HALF_A], result.rotations[half == HALF_A], atol=1e-12)
    turns = matrix_to_rotvec(np.swapaxes(joined.rotations, 1, 2) @ result.rotations)[half == HALF_B]
    assert np.ptp(turns, axis=0).max() < 1e-9 and np.abs(turns).max() > 1e-6
