"""Directions, and how they are covered."""

import numpy as np
import pytest
import torch

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier
from triskelion.geometry.rotations import random_rotations, rotvec_to_matrix
from triskelion.resolution.orientation import (
    compute_conical_fsc,
    direction_angles_deg,
    half_sphere_directions,
    posterior_precision,
    sampling_compensation,
    viewing_directions,
)


def test_the_half_sphere_is_evenly_covered():
    directions = half_sphere_directions(500)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1) and (directions[:, 2] > 0).all()
    assert np.allclose(directions.T @ directions / 500, np.eye(3) / 3, atol=2e-3)
    cosines = np.abs(directions @ directions.T) - 2 * np.eye(500)
    nearest_deg = np.rad2deg(np.arccos(cosines.max(axis=1)))
    assert nearest_deg.min() > 0.45 * nearest_deg.max()  # the rim meets its own mirror image


def test_a_particle_turned_by_r_was_seen_along_its_third_row():
    # R turns the map's x axis onto z, the direction of projection
    rotation = rotvec_to_matrix([0, -np.pi / 2, 0])
    assert np.allclose(rotation @ [1, 0, 0], [0, 0, 1])
    assert np.allclose(viewing_directions(rotation[None]), [[1, 0, 0]])


def test_azimuth_and_elevation():
    azimuth, elevation = direction_angles_deg(np.array([[1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1], [0.5, 0.5, -np.sqrt(0.5)]]))
    assert np.allclose(azimuth[:3], [0, -90, 180]) and azimuth[4] == pytest.approx(45)
    assert np.allclose(elevation, [0, 0, 0, 90, -45])


def test_uniform_views_give_the_total_precision_everywhere():
    rotations = random_rotations(40_000, np.random.default_rng(1))
    precision = posterior_precision(rotations, np.full(40_000, 0.5), half_sphere_directions(100))
    assert np.allclose(precision, 20_000, rtol=0.1)


def test_one_view_determines_its_great_circle_and_nothing_else():
    directions = np.array([[1.0, 0, 0], [0, 1, 0], [np.sqrt(0.5), np.sqrt(0.5), 0], [0, 0, 1], [np.sqrt(0.5), 0, np.sqrt(0.5)]])
    precision = posterior_precision(np.eye(3)[None], np.array([2.0]), directions)
    assert (precision[:3] > 0).all() and (precision[3:] == 0).all()


def test_one_number_per_particle():
    with pytest.raises(InputError, match="1 rotations came with 2"):
        posterior_precision(np.eye(3)[None], np.ones(2), half_sphere_directions(4))


def halves_with_noise(noise_gain) -> list[Volume]:
    """The same signal in noises whose amplitude depends on the direction of the frequency."""
    n = 48
    white = lambda seed: volume_to_fourier(torch.from_numpy(np.random.default_rng(seed).standard_normal((n,) * 3).astype(np.float32)))
    z, y = (torch.fft.fftfreq(n)[(...,) + (None,) * k] for k in (2, 1))
    cosine = z.abs() / torch.sqrt(z**2 + y**2 + torch.fft.rfftfreq(n) ** 2).clamp(min=1e-9)
    return [Volume(fourier_to_volume(white(1) + noise_gain(cosine) * white(seed), n).numpy(), 2.0) for seed in (2, 3)]


def test_an_isotropic_map_has_a_ratio_near_1_and_a_missing_cone_does_not():
    assert compute_conical_fsc(*halves_with_noise(torch.ones_like), n_directions=40).area_ratio > 0.8
    conical = compute_conical_fsc(*halves_with_noise(lambda cosine: 1 + 30.0 * (cosine > 0.8)), n_directions=40)
    assert conical.area_ratio < 0.4
    assert conical.directions_xyz[conical.areas.argmin(), 2] > 0.9


CAP_DEG = 65.0  # views within this angle of the z axis are missing


def views_without_caps(n: int) -> np.ndarray:
    """Rotations of evenly spread views, none of them along z or nearly so."""
    rotations = random_rotations(round(1.3 * n / np.cos(np.deg2rad(CAP_DEG))), np.random.default_rng(6))
    return rotations[np.abs(rotations[:, 2, 2]) < np.cos(np.deg2rad(CAP_DEG))][:n]


def expected_precision(directions: np.ndarray) -> np.ndarray:
    """Precision over that of even views: what is left of the great circle across a direction, over what is left of the sphere."""
    left = np.cos(np.deg2rad(CAP_DEG))
    highest = np.sqrt(1 - directions[:, 2] ** 2)  # |z| of the great circle
    lost = 2 / np.pi * np.arccos(np.minimum(left / np.maximum(highest, 1e-9), 1))
    return (1 - lost) / left


def test_the_precision_shows_a_cap_of_views_that_is_missing():
    directions = half_sphere_directions(400)
    rotations = views_without_caps(40_000)
    precision = posterior_precision(rotations, np.full(len(rotations), 2.0), directions, half_width_deg=2.0)
    np.testing.assert_allclose(precision / (2 * len(rotations)), expected_precision(directions), rtol=0.12)
    assert directions[precision.argmin(), 2] < 0.35 and directions[precision.argmax(), 2] > 0.5  # tilted views see the poles of Fourier space


def test_conical_fscs_show_a_cap_of_views_that_is_missing():
    """White signal and noise: in a cone the FSC is S / (S + N), N inverse to the precision there."""
    n, noise = 48, 1.5
    z, y, x = np.meshgrid(*(np.fft.fftfreq(n),) * 2, np.fft.rfftfreq(n), indexing="ij")
    unit = np.stack([x, y, z], -1).reshape(-1, 3) / np.maximum(np.sqrt(x**2 + y**2 + z**2), 1e-9).reshape(-1, 1)
    gain = torch.from_numpy(np.sqrt(noise / expected_precision(unit)).reshape(x.shape).astype(np.float32))
    conical = compute_conical_fsc(*halves_with_noise(lambda cosine: gain), n_directions=60)
    points = half_sphere_directions(20_000)
    inverse = [np.mean(1 / expected_precision(points[np.abs(points @ axis) >= np.cos(np.deg2rad(20))])) for axis in conical.directions_xyz]
    expected = 1 / (1 + noise * np.array(inverse))
    fine = conical.curves[:, 8:].mean(1)  # coarser shells hold too few coefficients to be like their expectation
    np.testing.assert_allclose(fine, expected, atol=0.07)
    assert fine.min() / fine.max() == pytest.approx(expected.min() / expected.max(), abs=0.05)
    assert conical.area_ratio == pytest.approx(expected.min() / expected.max(), abs=0.1)


def test_sampling_compensation_of_views_with_a_known_one():
    directions = half_sphere_directions(5000)
    assert sampling_compensation(np.full(50, 3.0)) == pytest.approx(1)
    side_views = 1 / np.sqrt(1 - directions[:, 2] ** 2)  # all views across z: the precision goes with 1 / sin of the angle to z
    assert sampling_compensation(side_views) == pytest.approx(8 / np.pi**2, rel=5e-3)
    assert sampling_compensation(np.repeat([1.0, 0.0], [30, 70])) == pytest.approx(0.3)
    with pytest.raises(InputError, match="0 everywhere"):
        sampling_compensation(np.zeros(5))
