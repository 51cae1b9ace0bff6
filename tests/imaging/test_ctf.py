"""The CTF against the textbook formula written out once more, in its plainest form."""

import math

import numpy as np
import pytest

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.fourier.shells import fourier_disc
from triskelion.imaging.aberrations import electron_wavelength_A
from triskelion.imaging.ctf import compute_ctf

BOX_PX, PIXEL_SIZE_A = 192, 1.1
KRIOS = OpticsGroup("krios", PIXEL_SIZE_A, BOX_PX, voltage_kV=300.0, cs_mm=2.7, amplitude_contrast=0.1)
TALOS = OpticsGroup("talos", PIXEL_SIZE_A, BOX_PX, voltage_kV=200.0, cs_mm=1.6, amplitude_contrast=0.07, even_zernike=(0.3, 5.0, -4.0, 8.0))


def make_particles(optics=(KRIOS,), n=6, **columns) -> Particles:
    rng = np.random.default_rng(1)
    drawn = {
        "defocus_u_A": rng.uniform(8000, 40000, n),
        "defocus_v_A": rng.uniform(8000, 40000, n),
        "defocus_angle_rad": rng.uniform(-np.pi, np.pi, n),
    }
    identity = {"uid": np.arange(n), "image_path": np.full(n, "a"), "image_index": np.arange(n), "rotvec_rad": np.zeros((n, 3))}
    return Particles.build(tuple(optics), **identity, **{**drawn, **columns})


def textbook_ctf(particles: Particles, row: int, box_px: int, pixel_size_A: float, kx: int, ky: int) -> float:
    group = particles.optics[particles["optics_group"][row]]
    wavelength_A = electron_wavelength_A(group.voltage_kV)
    fx, fy = kx / (box_px * pixel_size_A), ky / (box_px * pixel_size_A)
    f = math.hypot(fx, fy)
    u, v, angle = (float(particles[name][row]) for name in ("defocus_u_A", "defocus_v_A", "defocus_angle_rad"))
    defocus = (u + v) / 2 + (u - v) / 2 * math.cos(2 * (math.atan2(fy, fx) - angle))
    chi = math.pi * wavelength_A * defocus * f**2 - math.pi / 2 * 1e7 * group.cs_mm * wavelength_A**3 * f**4
    zernike = [1, 2 * fx * fy, 2 * f**2 - 1, fx**2 - fy**2]
    chi -= sum(c * z for c, z in zip(group.even_zernike, zernike, strict=False))
    chi += float(particles["phase_shift_rad"][row]) + math.asin(group.amplitude_contrast)
    return float(particles["ctf_scale"][row]) * math.exp(-float(particles["ctf_bfactor_A2"][row]) * f**2 / 4) * math.sin(chi)


def test_every_parameter_follows_the_textbook_formula_in_two_optics_groups():
    n = 6
    particles = make_particles(
        (KRIOS, TALOS),
        n,
        optics_group=np.array([0, 1, 1, 0, 1, 0]),
        phase_shift_rad=np.linspace(0, 2, n),
        ctf_bfactor_A2=np.linspace(-20, 80, n),
        ctf_scale=np.linspace(0.5, 1.5, n),
    )
    disc = fourier_disc(BOX_PX)
    rows = np.array([4, 0, 2, 5])
    ctf = compute_ctf(particles, rows, BOX_PX, PIXEL_SIZE_A, disc.kx, disc.ky)
    assert ctf.shape == (4, len(disc)) and str(ctf.dtype) == "torch.float32"
    for i, row in enumerate(rows):
        for j in range(0, len(disc), 97):
            wanted = textbook_ctf(particles, row, BOX_PX, PIXEL_SIZE_A, int(disc.kx[j]), int(disc.ky[j]))
            assert float(ctf[i, j]) == pytest.approx(wanted, abs=1e-5)


def test_phases_of_thousands_of_radians_keep_their_precision():
    particles = make_particles(n=1, defocus_u_A=np.array([90000.0]), defocus_v_A=np.array([90000.0]), defocus_angle_rad=np.zeros(1))
    kx = np.arange(1, 400)
    ctf = compute_ctf(particles, np.array([0]), 400, 0.5, kx, 0 * kx).numpy()[0].astype(np.float64)
    f2 = (kx / 200) ** 2
    volts = 300e3
    wavelength_A = 12.2643247 / np.sqrt(volts * (1 + 0.978466e-6 * volts))
    chi = np.pi * wavelength_A * 90000 * f2 - np.pi / 2 * 2.7e7 * wavelength_A**3 * f2**2
    assert chi.max() > 4000
    # float32 rounding of a number in [-pi, pi] and of its sine
    np.testing.assert_allclose(ctf, np.sin(chi + np.arcsin(0.1)), atol=1e-6)


def test_the_defocus_angle_is_the_direction_of_defocus_u():
    u, v = np.array([30000.0]), np.array([10000.0])
    k = np.arange(1, 80)
    line = {"box_px": BOX_PX, "pixel_size_A": PIXEL_SIZE_A}
    along_x = compute_ctf(make_particles(n=1, defocus_u_A=u, defocus_v_A=v, defocus_angle_rad=np.zeros(1)), np.array([0]), **line, kx=k, ky=0 * k)
    along_y = compute_ctf(
        make_particles(n=1, defocus_u_A=u, defocus_v_A=v, defocus_angle_rad=np.full(1, np.pi / 2)), np.array([0]), **line, kx=0 * k, ky=k
    )
    round_u = compute_ctf(make_particles(n=1, defocus_u_A=u, defocus_v_A=u), np.array([0]), **line, kx=k, ky=0 * k)
    np.testing.assert_allclose(along_x, round_u, atol=1e-5)
    np.testing.assert_allclose(along_y, round_u, atol=1e-5)


def test_underfocus_starts_positive_at_the_amplitude_contrast_and_rises():
    particles = make_particles(n=1, defocus_u_A=np.full(1, 15000.0), defocus_v_A=np.full(1, 15000.0))
    k = np.arange(4)
    ctf = compute_ctf(particles, np.array([0]), 400, 2.0, k, 0 * k)[0]
    assert float(ctf[0]) == pytest.approx(0.1, abs=1e-7)
    assert bool((ctf.diff() > 0).all())


def test_frequencies_are_those_of_the_indices_whatever_the_box():
    particles = make_particles()
    k = np.arange(1, 60)
    fine = compute_ctf(particles, np.arange(6), 200, 1.5, 2 * k, -2 * k)
    coarse = compute_ctf(particles, np.arange(6), 100, 1.5, k, -k)
    np.testing.assert_allclose(fine, coarse, atol=1e-6)
