"""Levels: enclosed volumes counted, noise that is known, maps with and without solvent."""

import numpy as np
import pytest
from tests.masks.test_segment import make_blobs

from triskelion.errors import InputError
from triskelion.masks import density_level
from triskelion.masks.density_level import Solvent


def make_noise(sd: float, seed: int, box_px: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, (box_px,) * 3).astype(np.float32)


def test_a_level_by_volume_encloses_it():
    noise = make_noise(1.0, 1, 20)
    for n_voxels in (1, 100, 7999):
        level = density_level.level_of_volume(noise, 1.5, n_voxels * 1.5**3)
        assert np.count_nonzero(noise >= level) == n_voxels
    assert density_level.volume_of_mass_A3(100) == pytest.approx(121_000)
    for volume_A3 in (1.0, 8000 * 1.5**3):
        with pytest.raises(InputError, match="more than a voxel and less than the box"):
            density_level.level_of_volume(noise, 1.5, volume_A3)


@pytest.mark.parametrize("masked", [False, True])
def test_solvent_is_found_beside_a_particle(masked):
    z, y, x = np.mgrid[:48, :48, :48] - 24
    squared = z**2 + y**2 + x**2
    density = 5.0 * (squared < 11**2) + make_noise(1.0, 2) - 0.5
    if masked:
        density[squared > 23**2] = 0
    solvent = density_level.measure_solvent(density)
    assert solvent.mean == pytest.approx(-0.5, abs=0.05)
    assert solvent.sd == pytest.approx(1.0, rel=0.05)


def test_half_maps_tell_the_noise_even_where_solvent_is_flat():
    particle = 20 * make_blobs((24, 24, 24), box_px=48, width_px=6)
    half_a, half_b = particle + make_noise(1.0, 3), particle + make_noise(1.0, 4)
    assert density_level.measure_half_map_noise(half_a, half_b) == pytest.approx(np.sqrt(0.5), rel=0.03)


def test_the_automatic_level_stands_above_noise_and_above_the_halo():
    noisy = 4 * make_blobs((24, 24, 24), box_px=48, width_px=6) + make_noise(0.5, 5)
    solvent = density_level.measure_solvent(noisy)
    level = density_level.choose_level(noisy, solvent)
    assert level == pytest.approx(2.5, rel=0.1)  # 5 sd: the typical density is lower
    assert np.count_nonzero(make_noise(0.5, 6) >= level) <= 1
    clean = 4 * make_blobs((24, 24, 24), box_px=48, width_px=6)
    level = density_level.choose_level(clean, Solvent(0.0, 1e-6))
    # the typical density of a Gaussian is its height / 2^1.5
    assert level == pytest.approx(0.4 * 4 / 2**1.5, rel=0.02)
    assert density_level.choose_level(np.zeros((8, 8, 8)), density_level.measure_solvent(np.zeros((8, 8, 8)))) == 0


def test_a_level_in_the_noise_is_said():
    solvent = Solvent(0.1, 0.02)
    assert density_level.noise_warning(0.161, solvent) is None
    assert "lies in the noise: solvent has density 0.1 ± 0.02" in str(density_level.noise_warning(0.159, solvent))
    assert "take 0.2 or more" in str(density_level.noise_warning(0.159, solvent))
