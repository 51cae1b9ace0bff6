"""Directions of equal area and the grid of rotations made of them."""

import numpy as np
import pytest

from triskelion.geometry.healpix import cover_rotations, directions_of_unit, healpix_directions, n_side_of_step, rotations_along
from triskelion.geometry.rotations import random_rotations, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import expand_poses, parse_symmetry

HALF_TURN = rotvec_to_matrix([0, 0, np.pi])


def nearest_deg(rotations: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Angle (degrees) from each rotation to the grid."""
    largest_trace = (rotations.reshape(-1, 9) @ grid.reshape(-1, 9).T).max(1)
    return np.rad2deg(np.arccos(np.clip((largest_trace - 1) / 2, -1, 1)))


@pytest.mark.parametrize("n_side", [1, 2, 5, 8])
def test_there_are_12_n_side_squared_unit_vectors_that_come_in_pairs(n_side):
    directions = healpix_directions(n_side)
    assert len(directions) == 12 * n_side**2
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-14)
    for mirrored in (-directions, directions * [1, 1, -1], directions @ rotvec_to_matrix([0, 0, np.pi / 2])):
        assert (directions @ mirrored.T).max(0).min() > 1 - 1e-12  # point, equator, quarter turn
    np.testing.assert_allclose(directions.T @ directions / len(directions), np.eye(3) / 3, atol=0.05 / n_side**2)


def test_directions_stand_for_equal_areas():
    """Of many evenly spread points (a Fibonacci spiral) each direction is the nearest of equally many, to what its cell's shape allows."""
    i = np.arange(400_000) + 0.5
    z, azimuth = 1 - 2 * i / len(i), np.pi * (1 + np.sqrt(5)) * i
    points = np.stack([np.sqrt(1 - z * z) * np.cos(azimuth), np.sqrt(1 - z * z) * np.sin(azimuth), z], 1).astype(np.float32)
    directions = healpix_directions(4)
    counts = np.bincount(np.concatenate([(part @ directions.T.astype(np.float32)).argmax(1) for part in np.array_split(points, 20)]))
    np.testing.assert_allclose(counts / counts.mean(), 1, atol=0.12)  # nearest is not quite the same as inside the pixel


@pytest.mark.parametrize(("step_deg", "n_side"), [(60, 1), (15, 4), (10, 6), (7.5, 8), (7.33, 8), (5, 12)])
def test_n_side_follows_the_step(step_deg, n_side):
    assert n_side_of_step(step_deg) == n_side


def test_rotations_look_along_their_directions():
    directions = healpix_directions(2)
    rotations = rotations_along(directions, 6)
    np.testing.assert_allclose(rotations[..., 2, :], np.broadcast_to(directions[:, None], (48, 6, 3)), atol=1e-12)
    np.testing.assert_allclose(rotation_difference_deg(rotations[:, 1:], rotations[:, :-1]), 30, atol=1e-6)
    np.testing.assert_allclose(rotation_difference_deg(HALF_TURN @ rotations[:, 0], rotations[:, -1]), 30, atol=1e-6)


@pytest.mark.parametrize("name", ["C1", "C3", "D2", "O"])
def test_no_rotation_is_farther_from_a_grid_than_its_cells_allow(name):
    group = parse_symmetry(name)
    grid = cover_rotations(15.0, group)
    assert len(grid) <= 192 * 12 / len(group) * (1 if name == "C1" else 1 + len(group) ** 0.5)
    with_mates = expand_poses(np.concatenate([grid, HALF_TURN @ grid]), group.rotations)
    assert nearest_deg(random_rotations(2000, np.random.default_rng(3)), with_mates).max() < 15.0


def test_the_unit_of_a_group_needs_fewer_directions():
    sizes = {name: len(directions_of_unit(6, parse_symmetry(name))) for name in ("C1", "C2", "D7", "I")}
    assert sizes["C1"] == 432 and 216 <= sizes["C2"] < 300 and 31 <= sizes["D7"] < 80 and 8 <= sizes["I"] < 25
