"""The formulae of docs/conventions.md against arithmetic done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triskelion.conventions import (
    box_center_px,
    centered_A_to_corner_px,
    corner_px_to_centered_A,
    resolution_to_shell,
    reverse_axes,
    shell_frequency_per_A,
    shell_of_radius,
    shell_to_resolution_A,
)

boxes = st.integers(2, 1000)
pixel_sizes = st.floats(0.1, 20)


@pytest.mark.parametrize(("box_px", "center"), [(4, 2), (5, 2), (380, 190), (381, 190)])
def test_the_centre_is_voxel_n_over_2_where_numpy_puts_the_zero_frequency(box_px, center):
    assert box_center_px(box_px) == center
    assert np.fft.fftshift(np.fft.fftfreq(box_px))[center] == 0


def test_a_vector_reversed_indexes_the_array():
    array = np.zeros((4, 5, 6))
    x, y, z = 5, 4, 3
    array[z, y, x] = 1
    assert array[tuple(reverse_axes((x, y, z)))] == 1
    assert reverse_axes(np.arange(6).reshape(2, 3)).tolist() == [[2, 1, 0], [5, 4, 3]]


def test_the_tutorials_fulcrum_in_px_and_in_A():
    corner_A = np.array([249.5, 250.1, 253.3])  # as published for box 380, 1.4 Å/px, counted in Å from the corner voxel
    xyz_px = np.array([178.2, 178.6, 180.9])
    np.testing.assert_allclose(corner_px_to_centered_A(xyz_px, 380, 1.4), corner_A - 190 * 1.4, atol=0.08)


@given(boxes, pixel_sizes)
def test_positions_return_and_the_centre_is_zero(box_px, pixel_size_A):
    xyz_px = np.array([0.0, box_px // 2, box_px - 1.5])
    xyz_A = corner_px_to_centered_A(xyz_px, box_px, pixel_size_A)
    assert xyz_A[1] == 0
    np.testing.assert_allclose(centered_A_to_corner_px(xyz_A, box_px, pixel_size_A), xyz_px, atol=1e-9)


def test_shells_are_half_open():
    assert shell_of_radius([0, 0.499, 0.5, 1.499, 1.5, 7.0]).tolist() == [0, 0, 1, 1, 2, 7]


def test_resolution_of_a_shell_by_hand():
    assert shell_to_resolution_A(100, 380, 1.4) == pytest.approx(5.32)
    assert shell_to_resolution_A(0, 380, 1.4) == math.inf
    assert shell_frequency_per_A(190, 380, 1.4) == pytest.approx(1 / 2.8)  # Nyquist


@given(boxes, pixel_sizes, st.integers(1, 500))
def test_shell_and_resolution_are_inverse(box_px, pixel_size_A, shell):
    resolution_A = shell_to_resolution_A(shell, box_px, pixel_size_A)
    assert resolution_to_shell(resolution_A, box_px, pixel_size_A) == pytest.approx(shell)
    assert shell_frequency_per_A(shell, box_px, pixel_size_A) == pytest.approx(1 / resolution_A)
