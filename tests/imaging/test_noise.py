"""sigma2 is the variance per real component: half of a pixel's, whatever the colour of the noise, the group and the multiplication by a CTF."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, OPTICS, PIXEL_A, ctf_of, draw_poses, make_particles

from triskelion.data.images import ArrayImages
from triskelion.data.particles import Particles
from triskelion.fourier.filters import apply_shell_gain
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.transforms import fourier_to_image, image_to_fourier
from triskelion.imaging.forward import Grid
from triskelion.imaging.noise import NoiseSums, image_noise
from triskelion.imaging.stream import ImageStream

N, NOISE_SD = 2000, 1.7
DISC = fourier_disc(BOX_PX)
GRID = Grid(BOX_PX, PIXEL_A)
WHITE = NOISE_SD * np.random.default_rng(1).standard_normal((N, BOX_PX, BOX_PX)).astype(np.float32)
PARTICLES = make_particles(draw_poses(N, 1), 1)


def noise_of(particles: Particles, pixels: np.ndarray) -> np.ndarray:
    """sigma2 (groups, shells) of all images."""
    return image_noise(ImageStream(particles, ArrayImages(pixels), GRID, DISC), np.arange(len(particles)))


def test_white_noise_has_half_the_variance_of_a_pixel():
    sigma2 = noise_of(PARTICLES, WHITE)
    assert sigma2.shape == (1, BOX_PX // 2)
    np.testing.assert_allclose(sigma2, NOISE_SD**2 / 2, rtol=0.02)
    assert sigma2.mean() == pytest.approx(NOISE_SD**2 / 2, rel=0.003)


def test_coloured_noise_is_found_shell_by_shell():
    gain = 0.4 + np.exp(-((np.arange(BOX_PX // 2 + 1) - 6) ** 2) / 20)
    coloured = apply_shell_gain(torch.from_numpy(WHITE), torch.from_numpy(gain), dimensions=2).numpy()
    sigma2 = noise_of(PARTICLES, coloured)[0]
    power = np.interp(np.hypot(DISC.kx, DISC.ky), np.arange(len(gain)), gain) ** 2
    mean_power = (np.bincount(DISC.shell, power) / np.maximum(np.bincount(DISC.shell), 1))[1:]
    np.testing.assert_allclose(sigma2[1:], NOISE_SD**2 / 2 * mean_power, rtol=0.04)


def test_every_group_has_its_own_noise():
    groups = np.arange(N) % 2
    particles = make_particles(draw_poses(N, 1), 1, (OPTICS, replace(OPTICS, name="other")), optics_group=groups)
    pixels = WHITE * np.where(groups == 0, 1.0, 2.0)[:, None, None]
    sigma2 = noise_of(particles, pixels)
    np.testing.assert_allclose(sigma2, NOISE_SD**2 / 2 * np.array([[1.0], [4.0]]) * np.ones((2, BOX_PX // 2)), rtol=0.04)


def test_noise_multiplied_by_the_ctf_is_that_of_the_images_before():
    particles = PARTICLES.with_optics((replace(OPTICS, ctf_premultiplied=True),))
    coefficients = DISC.gather(image_to_fourier(torch.from_numpy(WHITE))) * torch.from_numpy(ctf_of(PARTICLES, DISC))
    multiplied = fourier_to_image(DISC.scatter(coefficients), BOX_PX).numpy()
    np.testing.assert_allclose(noise_of(particles, multiplied), NOISE_SD**2 / 2, rtol=0.03)


def test_shells_the_images_do_not_have_get_the_noise_of_their_neighbours():
    coarse = replace(OPTICS, pixel_size_A=8.0, box_px=24)
    particles = make_particles(draw_poses(200, 1), 1, (coarse,))
    pixels = np.random.default_rng(2).standard_normal((200, 24, 24))
    sigma2 = noise_of(particles, pixels)[0]
    assert np.isfinite(sigma2).all() and (sigma2 > 0).all()
    np.testing.assert_allclose(sigma2[13:], sigma2[12])


def test_only_the_images_that_are_asked_for_count():
    stream = ImageStream(PARTICLES, ArrayImages(np.where(np.arange(N)[:, None, None] < 1000, WHITE, np.nan)), GRID, DISC)
    np.testing.assert_allclose(image_noise(stream, np.arange(0, 1000, 3)), NOISE_SD**2 / 2, rtol=0.05)


def test_few_images_borrow_from_neighbouring_shells_and_blocks_add_up():
    stream = ImageStream(PARTICLES, ArrayImages(WHITE), GRID, DISC)
    images = stream.load(np.arange(40))
    whole, parts = NoiseSums(1, DISC), NoiseSums(1, DISC)
    whole.add(images, images.coefficients)
    for part in (stream.load(np.arange(25, 40)), stream.load(np.arange(25))):
        parts.add(part, part.coefficients)
    np.testing.assert_allclose(parts.variance(), whole.variance(), rtol=1e-12)
    raw = np.bincount(DISC.shell, (images.coefficients.abs() ** 2).numpy().mean(0)) / np.maximum(np.bincount(DISC.shell), 1) / 2
    scatter = [np.std(values[1:] / (NOISE_SD**2 / 2)) for values in (raw, whole.variance()[0])]
    assert scatter[1] < 0.8 * scatter[0]
