"""Points of a ball's surface, from outside, from inside and along lines of sight."""

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.masks.surface import find_surface, first_surface_point, nearest_surface_point

N, CENTER, RADIUS_PX = 48, np.array([20.0, 24.0, 28.0]), 9.0
Z, Y, X = np.mgrid[:N, :N, :N]
BALL = (X - CENTER[0]) ** 2 + (Y - CENTER[1]) ** 2 + (Z - CENTER[2]) ** 2 <= RADIUS_PX**2


def test_the_surface_is_the_outer_shell():
    surface = find_surface(BALL)
    distance = np.linalg.norm(surface - CENTER, axis=1)
    assert distance.max() <= RADIUS_PX and distance.min() > RADIUS_PX - 1.8
    assert {tuple(point) for point in surface} == {
        (x, y, z)
        for z, y, x in np.argwhere(BALL)
        if not all(BALL[z + a, y + b, x + c] for a, b, c in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)]))
    }


def test_a_block_that_fills_the_box_has_its_faces_as_surface():
    assert len(find_surface(np.ones((5, 5, 5), bool))) == 5**3 - 3**3


@pytest.mark.parametrize("point", [(45, 24, 28), (3.2, 40, 1), (23, 24.2, 28)])
def test_the_nearest_point_lies_on_the_way_from_the_centre(point: tuple):
    away = np.array(point) - CENTER
    truth = CENTER + RADIUS_PX * away / np.linalg.norm(away)
    assert np.linalg.norm(nearest_surface_point(BALL, point) - truth) < 1.2


def test_a_line_of_sight_meets_the_near_side_first():
    assert np.array_equal(first_surface_point(BALL, (-100, 24, 28), (3, 0, 0)), [11, 24, 28])
    assert np.array_equal(first_surface_point(BALL, (100, 24, 28), (-1, 0, 0)), [29, 24, 28])
    oblique = first_surface_point(BALL, CENTER + 50 * np.array([1, 1, 1]), (-1, -1, -1))
    assert np.linalg.norm(oblique - (CENTER + RADIUS_PX / 3**0.5)) < 1.2


def test_a_line_that_misses_finds_the_nearest_point():
    assert np.array_equal(first_surface_point(BALL, (-100, 24, 44), (1, 0, 0)), [20, 24, 37])


def test_what_is_no_line_or_no_surface_is_refused():
    with pytest.raises(InputError, match="direction of a line is 0,0,0"):
        first_surface_point(BALL, (0, 0, 0), (0, 0, 0))
    with pytest.raises(InputError, match="behind the point"):
        first_surface_point(BALL, (100, 24, 28), (1, 0, 0))
    with pytest.raises(InputError, match="there is no voxel"):
        nearest_surface_point(np.zeros((5, 5, 5), bool), (1, 1, 1))
