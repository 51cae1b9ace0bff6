"""The sign of the protein is found under CTF, shifts and noise, and not invented."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triskelion.data.images import ArrayImages
from triskelion.data.particles import OpticsGroup, Particles
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.transforms import fourier_to_image
from triskelion.imaging.contrast_sign import detect_contrast_sign
from triskelion.imaging.ctf import compute_ctf

BOX, PIXEL_A, N = 40, 6.0, 80


def make_set(premultiplied=False, snr=0.05):
    """Images of a ball 40 Å off the box centre, its place undone by the shift, with CTF and white noise."""
    generator = np.random.default_rng(1)
    optics = OpticsGroup("opticsGroup1", PIXEL_A, BOX, 300.0, 2.7, 0.1, ctf_premultiplied=premultiplied)
    angle = generator.uniform(0, 2 * np.pi, N)
    shift_A = 40 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    defocus = generator.uniform(8000, 25000, N)
    particles = Particles.build(
        (optics,),
        uid=np.arange(N),
        image_path=["memory"] * N,
        image_index=np.arange(N),
        rotvec_rad=np.zeros((N, 3)),
        shift_A=shift_A,
        defocus_u_A=defocus,
        defocus_v_A=defocus,
    )
    disc = fourier_disc(BOX)
    frequency = np.hypot(disc.kx, disc.ky) / (BOX * PIXEL_A)
    ball = np.exp(-2 * (np.pi * frequency * 45) ** 2)
    phase = np.exp(-2j * np.pi / (BOX * PIXEL_A) * (shift_A[:, :1] * disc.kx + shift_A[:, 1:] * disc.ky))
    ctf = compute_ctf(particles, np.arange(N), BOX, PIXEL_A, disc.kx, disc.ky).numpy()
    clean = fourier_to_image(disc.scatter(torch.from_numpy(ball * phase * ctf ** (2 if premultiplied else 1))), BOX).numpy()
    noise = clean.std() / np.sqrt(snr) * generator.standard_normal(clean.shape)
    return particles, (clean + noise).astype(np.float32)


@pytest.mark.parametrize("premultiplied", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_is_found(sign, premultiplied):
    particles, images = make_set(premultiplied)
    evidence = detect_contrast_sign(particles, ArrayImages(sign * images), np.arange(N))
    assert evidence.sign == sign
    assert abs(evidence.z) > 8 and evidence.n_images == N


def test_shifts_matter():
    particles, images = make_set()
    right = detect_contrast_sign(particles, ArrayImages(images), np.arange(N)).z
    wrong = detect_contrast_sign(particles.with_columns(shift_A=-particles["shift_A"]), ArrayImages(images), np.arange(N)).z
    assert wrong < 0.6 * right


def test_noise_alone_has_no_sign():
    particles, images = make_set()
    noise = np.random.default_rng(2).standard_normal(images.shape).astype(np.float32)
    assert detect_contrast_sign(particles, ArrayImages(noise), np.arange(N)).sign == 0
    assert detect_contrast_sign(particles, ArrayImages(noise), np.arange(1)).sign == 0


def test_ice_gradients_do_not_matter():
    particles, images = make_set()
    gradient = 0.5 * images.std() * np.linspace(-1, 1, BOX, dtype=np.float32)
    evidence = detect_contrast_sign(particles, ArrayImages(images + gradient), np.arange(N))
    assert evidence.sign == 1


def test_real_images_are_bright(shared_dir):
    from triskelion.io.particle_star import read_particles
    from triskelion.io.stacks import ParticleImages

    folder = shared_dir / "data" / "real_ribosome"
    particles = read_particles(folder / "particles.star")
    rows = np.arange(0, len(particles), 5)
    assert detect_contrast_sign(particles, ParticleImages(particles, folder), rows).z > 8
    inverted = particles.with_optics((replace(particles.optics[0], image_sign=-1),))
    assert detect_contrast_sign(inverted, ParticleImages(inverted, folder), rows).z < -8
