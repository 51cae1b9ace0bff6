"""Interfaces of shapes whose interface is known."""

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.masks.contact import find_contact

N = 40
Z, Y, X = np.mgrid[:N, :N, :N]


def cube(x0: int, x1: int, y0: int = 10, y1: int = 21, z0: int = 12, z1: int = 17) -> np.ndarray:
    return (x0 <= X) & (x1 > X) & (y0 <= Y) & (y1 > Y) & (z0 <= Z) & (z1 > Z)


def test_the_contact_of_two_blocks_is_the_middle_of_the_face_they_share():
    contact = find_contact(cube(5, 15), cube(15, 30, 14, 21))
    # 15 and 14 are the planes that touch; neighbours reach one voxel beyond the shared face in y: 13 to 20 of the first
    assert contact.gap_px == 0
    assert np.allclose(contact.center_xyz_px, [14.5, ((13 + 20) / 2 + 17) / 2, 14])
    assert contact.n_voxels == 8 * 5 + 7 * 5
    assert np.allclose(find_contact(cube(15, 30, 14, 21), cube(5, 15)).center_xyz_px, contact.center_xyz_px)


def test_parts_that_do_not_touch_have_a_gap_and_a_centre_half_way():
    contact = find_contact(cube(3, 9), cube(20, 30))
    assert contact.gap_px == 12 and contact.n_voxels == 2 * 2 * 55  # two layers of each
    assert np.allclose(contact.center_xyz_px, [14, 15, 14])


def test_corners_touch():
    assert find_contact(cube(5, 10, 5, 10, 5, 10), cube(10, 15, 10, 15, 10, 15)).gap_px == 0


def test_brute_force_over_scattered_voxels():
    rng = np.random.default_rng(3)
    labels = rng.choice(3, (12, 12, 12), p=[0.9, 0.05, 0.05])
    first, second = np.argwhere(labels == 1), np.argwhere(labels == 2)
    distance = np.sqrt(((first[:, None] - second) ** 2).sum(-1))
    touching = distance <= 1.74
    center = (first[touching.any(1)].mean(0) + second[touching.any(0)].mean(0)) / 2
    contact = find_contact(labels == 1, labels == 2)
    assert np.allclose(contact.center_xyz_px, center[::-1])
    assert contact.n_voxels == touching.any(1).sum() + touching.any(0).sum()


def test_nothing_and_overlap_are_refused():
    with pytest.raises(InputError, match="one of them is empty"):
        find_contact(cube(3, 3), cube(5, 9))
    with pytest.raises(InputError, match="share 110 voxels"):
        find_contact(cube(3, 9), cube(7, 12))
