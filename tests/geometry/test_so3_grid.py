"""Rotations around the identity: complete, symmetric, nothing far from a neighbour."""

import numpy as np
import pytest

from triskelion.geometry.rotations import random_rotations, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.so3_grid import local_rotation_grid


def test_the_identity_comes_first_and_every_rotation_has_its_inverse():
    grid = local_rotation_grid(np.deg2rad(30), np.deg2rad(12))
    np.testing.assert_array_equal(grid[0], 0)
    assert np.linalg.norm(grid, axis=1).max() <= np.deg2rad(30) + 1e-9
    rounded = {tuple(row) for row in np.rint(grid / np.deg2rad(12)).astype(int)}
    assert len(rounded) == len(grid)
    assert {(-x, -y, -z) for x, y, z in rounded} == rounded


def test_no_rotation_inside_is_further_than_half_a_cell():
    step, extent = np.deg2rad(12), np.deg2rad(48)
    grid = rotvec_to_matrix(local_rotation_grid(extent, step))
    directions = np.random.default_rng(1).standard_normal((200, 3))
    lengths = np.random.default_rng(2).uniform(0, extent - step, (200, 1))
    probes = rotvec_to_matrix(directions / np.linalg.norm(directions, axis=1, keepdims=True) * lengths)
    nearest = rotation_difference_deg(probes[:, None], grid[None]).min(1)
    assert nearest.max() <= 12 * np.sqrt(3) / 2


@pytest.mark.parametrize(("extent", "step"), [(0.0, 0.2), (0.1, 0.2), (0.1, 0.0)])
def test_an_extent_below_the_step_leaves_the_identity(extent, step):
    np.testing.assert_array_equal(local_rotation_grid(extent, step), np.zeros((1, 3)))


def test_random_rotations_are_rotations():
    matrices = random_rotations(50, np.random.default_rng(1))
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, 1, 2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
