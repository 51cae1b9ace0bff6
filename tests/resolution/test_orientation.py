"""Directions, and how they are covered."""

import numpy as np
import pytest
import torch

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier
from triskelion.geometry.rotations import random_rotations, rotvec_to_matrix
from triskelion.resolution.orientation import (
    conical_fsc_area_ratio,
    direction_angles_deg,
    half_sphere_directions,
    posterior_precision,
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
    assert conical_fsc_area_ratio(*halves_with_noise(torch.ones_like), n_directions=40) > 0.8
    assert conical_fsc_area_ratio(*halves_with_noise(lambda cosine: 1 + 30.0 * (cosine > 0.8)), n_directions=40) < 0.4
