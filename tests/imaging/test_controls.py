"""Control images: noise of the variance that was asked for, the same in any order; images from which the domain is gone and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import (
    BOX_PX,
    OPTICS,
    PIXEL_A,
    atoms,
    ctf_of,
    disturb,
    draw_poses,
    exact_slices,
    hinge_head,
    make_particles,
    render,
    true_map,
)

from triskelion.data.images import ArrayImages
from triskelion.data.particles import Particles
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.controls import pure_noise, without_domain
from triskelion.imaging.forward import Grid
from triskelion.imaging.stream import ImageStream
from triskelion.kernels import cpu

N, SEED = 2000, 7
DISC = fourier_disc(BOX_PX)
SHELLS = int(DISC.shell[-1]) + 1
SIGMA2 = (1 + np.cos(np.arange(SHELLS) / 3) / 2)[None]  # a colour of its own


def stream_of(particles: Particles, pixels: np.ndarray | None = None) -> ImageStream:
    images = np.zeros((len(particles), BOX_PX, BOX_PX)) if pixels is None else pixels
    return ImageStream(particles, ArrayImages(images), Grid(BOX_PX, PIXEL_A), DISC)


@pytest.fixture(scope="module")
def particles() -> Particles:
    return make_particles(draw_poses(N, 1), 1)


def noise_of(particles: Particles, seed: int = SEED) -> np.ndarray:
    """Coefficients (n, m) of all images."""
    sigma2 = np.repeat(SIGMA2, len(particles.optics), axis=0) * (1 + np.arange(len(particles.optics)))[:, None]
    return pure_noise(stream_of(particles), sigma2, seed).load(np.arange(len(particles))).coefficients.numpy()


def shell_means(values: np.ndarray) -> np.ndarray:
    """Means over images and over the coefficients of each shell, shell 0 first."""
    return np.bincount(DISC.shell, values.mean(0)) / np.maximum(np.bincount(DISC.shell), 1)


def test_each_component_has_the_variance_of_its_shell(particles):
    noise = noise_of(particles)
    for part in (np.real(noise), np.imag(noise)):
        assert abs(part.mean()) < 0.01
        np.testing.assert_allclose(shell_means(part**2)[1:], SIGMA2[0, 1:], rtol=0.05)
    assert abs((np.real(noise) * np.imag(noise)).mean()) < 0.01


def test_every_group_has_its_own_variance():
    groups = np.arange(N) % 2
    particles = make_particles(draw_poses(N, 1), 1, (OPTICS, replace(OPTICS, name="other")), optics_group=groups)
    power = np.abs(noise_of(particles)) ** 2 / 2
    for group in (0, 1):
        np.testing.assert_allclose(shell_means(power[groups == group])[1:], (1 + group) * SIGMA2[0, 1:], rtol=0.05)


def test_nothing_of_the_images_is_left(particles):
    pixels = np.random.default_rng(3).standard_normal((N, BOX_PX, BOX_PX))
    noisy = pure_noise(stream_of(particles, pixels), SIGMA2, SEED).load(np.arange(N)).coefficients.numpy()
    np.testing.assert_array_equal(noisy, noise_of(particles))


def test_the_order_of_rows_tables_and_blocks_does_not_matter(particles):
    whole, rows = noise_of(particles), np.array([30, 2, 111])
    stream = pure_noise(stream_of(particles), SIGMA2, SEED)
    np.testing.assert_array_equal(stream.load(rows).coefficients.numpy(), whole[rows])
    blocks = list(stream.blocks(rows))
    np.testing.assert_array_equal(np.concatenate([images.coefficients.numpy() for _, images in blocks]), whole[rows])
    order = np.random.default_rng(4).permutation(N)
    np.testing.assert_array_equal(noise_of(particles.select(order)), whole[order])


def test_another_seed_gives_other_noise(particles):
    one, other = noise_of(particles), noise_of(particles, SEED + 1)
    assert abs(np.vdot(one, other)) < 0.02 * np.vdot(one, one).real


def test_premultiplied_images_get_noise_multiplied_by_their_ctf(particles):
    multiplied = particles.with_optics((replace(OPTICS, ctf_premultiplied=True),))
    ctf = ctf_of(particles, DISC).astype(np.float32)
    np.testing.assert_allclose(noise_of(multiplied), noise_of(particles) * ctf, atol=1e-5)


@pytest.mark.parametrize("premultiplied", [False, True])
def test_the_domain_is_taken_out_and_the_body_is_left_alone(premultiplied):
    """From images without noise at the true poses: less than a hundredth of the head's power is left, in each half."""
    body = draw_poses(60, 2)
    head = hinge_head(body, 6.0, 2)
    particles = make_particles(disturb(body, 1.5, 0.5, 2), 2, (replace(OPTICS, ctf_premultiplied=premultiplied),))
    ctf = ctf_of(particles, DISC)
    transfer = ctf**2 if premultiplied else ctf
    of_head, of_body = (transfer * exact_slices(atoms(name), poses, DISC) for name, poses in (("head", head), ("body", body)))
    stream = stream_of(particles, render(of_head + of_body, DISC))
    volume = prepare_slices(true_map("head"), int(DISC.shell[-1]))
    left = without_domain(stream, (volume, volume), (head.rotations, head.shifts_px), cpu).load(np.arange(60)).coefficients.numpy() - of_body
    halves = particles["half_set"]
    for half in (0, 1):
        assert (np.abs(left[halves == half]) ** 2).sum() < 0.01 * (np.abs(of_head[halves == half]) ** 2).sum()


def test_each_half_loses_the_domain_of_its_own_half():
    poses = draw_poses(20, 3)
    particles = make_particles(poses, 3)
    disc_shell = int(DISC.shell[-1])
    volumes = prepare_slices(true_map("head"), disc_shell), prepare_slices(np.zeros_like(true_map("head")), disc_shell)
    rows = np.array([5, 2, 9, 4])
    changed = without_domain(stream_of(particles), volumes, (poses.rotations, poses.shifts_px), cpu).load(rows).coefficients
    power = changed.abs().square().sum(1)
    of_b = torch.from_numpy(particles["half_set"][rows] == 1)
    assert (power[of_b] == 0).all()
    assert (power[~of_b] > 0).all()
