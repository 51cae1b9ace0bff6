"""Turns and errors of poses blur maps as the formulas say: known blurs are told from power alone."""

import numpy as np
import pytest
import torch

from triskelion.conventions import box_center_px
from triskelion.fourier.filters import gaussian_blur
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.refine.hinge_blur import (
    SharedPower,
    estimate_hinge,
    find_sharp_part,
    measure_pose_blur,
    measure_shared_power,
)

BOX_PX, PIXEL_A = 48, 4.0
FULCRUM_PX = np.array([-6.0, 2.0, 0.0])
PLACES = np.indices((BOX_PX,) * 3).reshape(3, -1).T[:, ::-1] - box_center_px(BOX_PX)  # (x, y, z)


def power_of(array: np.ndarray) -> np.ndarray:
    coefficients = volume_to_fourier(torch.from_numpy(array.astype(np.float32)))
    return shell_sum(coefficients.real**2 + coefficients.imag**2, BOX_PX, 3).numpy()


def make_atoms(n: int = 80) -> np.ndarray:
    """Places (n, 3) in a ball beside the fulcrum, px from the box centre."""
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((n, 3))
    return FULCRUM_PX + [8, 0, 0] + directions / np.linalg.norm(directions, axis=1, keepdims=True) * 8 * rng.uniform(0, 1, (n, 1)) ** (1 / 3)


def render(points: np.ndarray) -> np.ndarray:
    bells = [np.exp(-((np.arange(BOX_PX) - box_center_px(BOX_PX) - points[:, axis, None]) ** 2) / (2 * 0.7**2)) for axis in range(3)]
    return (np.einsum("az,ay->zya", bells[2], bells[1]).reshape(-1, len(points)) @ bells[0]).reshape((BOX_PX,) * 3).astype(np.float32)


def turned_average(points: np.ndarray, sd_deg: float, n: int = 60) -> np.ndarray:
    """Mean map of the atoms turned about the fulcrum."""
    from triskelion.geometry.rotations import rotvec_to_matrix

    turns = rotvec_to_matrix(np.deg2rad(sd_deg) * np.random.default_rng(2).standard_normal((n, 3)))
    return np.mean([render(FULCRUM_PX + (points - FULCRUM_PX) @ turn.T) for turn in turns], axis=0)


@pytest.mark.parametrize("sd_deg", [4.0, 9.0])
def test_the_turns_of_a_blurred_domain_are_told_from_its_power(sd_deg):
    sharp = render(make_atoms())
    blurred = turned_average(make_atoms(), sd_deg)
    power = SharedPower(power_of(blurred), power_of(sharp), power_of(blurred))
    found = estimate_hinge(power, sharp, FULCRUM_PX, PIXEL_A, 20, 20.0)
    assert found.rotation_sd_deg == pytest.approx(sd_deg, rel=0.25)
    shells = np.arange(5, 20)
    np.testing.assert_allclose(found.power_left[shells], power.found[shells] / power.at_rest[shells], atol=0.12)


def test_parts_at_rest_are_no_evidence_that_a_domain_is_at_rest():
    sharp = render(make_atoms())
    blurred = power_of(turned_average(make_atoms(), 9.0))
    mixed = 0.4 * power_of(sharp) + 0.6 * blurred
    power = SharedPower(mixed, power_of(sharp), mixed)
    estimates = [estimate_hinge(power, sharp, FULCRUM_PX, PIXEL_A, 20, 20.0, at_rest) for at_rest in (0.4, 0.0)]
    assert estimates[0].rotation_sd_deg == pytest.approx(9.0, rel=0.25)
    assert estimates[1].rotation_sd_deg < 0.8 * estimates[0].rotation_sd_deg


def test_a_sharp_domain_does_not_turn_and_nothing_to_go_by_means_the_widest():
    sharp = render(make_atoms())
    power = SharedPower(power_of(sharp), power_of(sharp), power_of(sharp))
    assert estimate_hinge(power, sharp, FULCRUM_PX, PIXEL_A, 20, 20.0).rotation_sd_deg <= 1.0
    nothing = SharedPower(power.found, np.zeros_like(power.found), power.found)
    assert estimate_hinge(nothing, sharp, FULCRUM_PX, PIXEL_A, 20, 20.0).rotation_sd_deg == 20.0


def test_shifts_blur_as_a_gaussian_does():
    sharp = render(make_atoms())
    blurred = gaussian_blur(torch.from_numpy(sharp), PIXEL_A, 5.0).numpy()
    left = measure_pose_blur(sharp, FULCRUM_PX, PIXEL_A, 0.0, 5.0)
    np.testing.assert_allclose(power_of(blurred)[3:15] / power_of(sharp)[3:15], left[3:15], atol=0.03)


def test_the_part_in_which_half_maps_agree_is_the_sharp_part_and_power_follows_mass():
    rng = np.random.default_rng(3)
    texture = gaussian_blur(torch.from_numpy(rng.standard_normal((BOX_PX,) * 3).astype(np.float32)), PIXEL_A, 4.0).numpy()
    left_side, right_side = (np.where((PLACES[:, 0] * side > 4).reshape((BOX_PX,) * 3), 1.0, 0.0) for side in (-1, 1))
    inside = (np.linalg.norm(PLACES, axis=1) < 18).reshape((BOX_PX,) * 3)
    sharp, smooth = (1 + 2 * texture / texture.std()) * left_side * inside, right_side * inside
    halves = tuple((sharp + smooth + 0.5 * rng.standard_normal(sharp.shape)).astype(np.float32) for _ in range(2))
    part = find_sharp_part((halves[0], halves[1]), inside.astype(np.float32), PIXEL_A, 10.0)
    assert (part * left_side).sum() > 2 * (part * right_side).sum()
    power = measure_shared_power((halves[0], halves[1]), (left_side * inside).astype(np.float32), (left_side * inside).astype(np.float32), PIXEL_A)
    np.testing.assert_allclose(power.found, power.at_rest, rtol=1e-5)
