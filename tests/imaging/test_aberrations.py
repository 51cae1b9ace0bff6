"""Lens aberrations against what they mean: a shift, a defocus, a tilted wave aberration. Signs: tests/reference."""

import numpy as np
import pytest
import torch
from scipy import constants

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.errors import InputError
from triskelion.fourier.transforms import fourier_to_image, image_to_fourier
from triskelion.imaging.aberrations import (
    antisymmetric_phase,
    check_supported,
    demodulation_phase,
    electron_wavelength_A,
    even_orders,
    odd_orders,
    symmetric_phase,
    zernike,
)
from triskelion.imaging.ctf import compute_ctf

BOX_PX, PIXEL_SIZE_A = 32, 2.0


def make_group(**more) -> OpticsGroup:
    return OpticsGroup("krios", PIXEL_SIZE_A, BOX_PX, voltage_kV=300.0, cs_mm=2.7, amplitude_contrast=0.1, **more)


def half_plane(box_px: int) -> tuple[np.ndarray, np.ndarray]:
    ky, kx = np.meshgrid(np.fft.fftfreq(box_px, 1 / box_px), np.arange(box_px // 2 + 1), indexing="ij")
    return kx.ravel().astype(int), ky.ravel().astype(int)


@pytest.mark.parametrize("voltage_kV", [100.0, 200.0, 300.0])
def test_wavelength_is_relativistic(voltage_kV: float):
    energy_J = 1e3 * voltage_kV * constants.e
    wanted_A = 1e10 * constants.h / np.sqrt(2 * constants.m_e * energy_J * (1 + energy_J / (2 * constants.m_e * constants.c**2)))
    # the constants in use among cryo-EM programs, kept for the sake of equal CTFs, are 6e-6 off CODATA's
    assert electron_wavelength_A(voltage_kV) == pytest.approx(wanted_A, rel=1e-5)


def test_orders_run_by_degree_then_azimuth():
    assert even_orders(9) == [(0, 0), (2, -2), (2, 0), (2, 2), (4, -4), (4, -2), (4, 0), (4, 2), (4, 4)]
    assert odd_orders(6) == [(1, -1), (1, 1), (3, -3), (3, -1), (3, 1), (3, 3)]


def test_polynomials_are_orthogonal_on_the_unit_disc():
    line = (np.arange(400) + 0.5) / 200 - 1
    x, y = np.meshgrid(line, line)
    inside = x**2 + y**2 <= 1
    orders = even_orders(9) + odd_orders(6)
    values = np.array([zernike(n, m, x[inside], y[inside]) for n, m in orders])
    gram = values @ values.T / inside.sum()
    norms = [1 / ((n + 1) * (1 if m == 0 else 2)) for n, m in orders]
    # the rim of the disc is a staircase of pixels: an error of about one pixel in 400
    np.testing.assert_allclose(gram, np.diag(norms), atol=3e-3)


def test_an_odd_term_of_first_degree_is_a_shift_that_demodulation_takes_back():
    shift_xy_px = np.array([3, -2])
    frequency_unit = 1 / (BOX_PX * PIXEL_SIZE_A)
    # phase -2 pi f.t: coefficients of sin phi (y) and cos phi (x)
    group = make_group(odd_zernike=tuple(-2 * np.pi * PIXEL_SIZE_A * shift_xy_px[::-1].astype(float)))
    kx, ky = half_plane(BOX_PX)
    image = np.zeros((BOX_PX, BOX_PX), np.float32)
    image[BOX_PX // 2 - 2, BOX_PX // 2 + 3] = 1
    factor = demodulation_phase(group, BOX_PX, PIXEL_SIZE_A, kx, ky)
    assert factor is not None and factor.dtype == torch.complex64
    np.testing.assert_allclose(np.angle(factor[1]), -antisymmetric_phase(group, kx[1:2] * frequency_unit, ky[1:2] * frequency_unit), atol=1e-6)
    coefficients = image_to_fourier(torch.from_numpy(image)) * factor.reshape(BOX_PX, -1)
    centered = fourier_to_image(coefficients, BOX_PX).numpy()
    wanted = np.zeros_like(image)
    wanted[BOX_PX // 2, BOX_PX // 2] = 1
    np.testing.assert_allclose(centered, wanted, atol=1e-5)


def test_no_odd_aberration_needs_no_factor():
    kx, ky = half_plane(BOX_PX)
    assert demodulation_phase(make_group(odd_zernike=(0.0,) * 6, even_zernike=(1.0, 2.0)), BOX_PX, PIXEL_SIZE_A, kx, ky) is None


def test_beam_tilt_is_the_odd_part_of_a_tilted_spherical_aberration():
    tilt_mrad = (0.02, -0.01)
    group = make_group(beam_tilt_xy_mrad=tilt_mrad)
    fx, fy = np.array([0.1, 0.2, 0.05, 0.3]), np.array([0.0, -0.15, 0.25, 0.1])
    wavelength_A = electron_wavelength_A(300.0)

    def aberration(sign: int) -> np.ndarray:
        x, y = (f + sign * 1e-3 * tilt / wavelength_A for f, tilt in zip((fx, fy), tilt_mrad, strict=True))
        return np.pi / 2 * 2.7e7 * wavelength_A**3 * (x**2 + y**2) ** 2

    # half the difference holds the term linear in the tilt and, a thousand times smaller here, the cubic one
    np.testing.assert_allclose(antisymmetric_phase(group, fx, fy), (aberration(-1) - aberration(1)) / 2, rtol=1e-3, atol=1e-6)


def test_an_even_term_of_second_degree_is_a_change_of_defocus():
    coefficient = 6.0
    kx, ky = half_plane(BOX_PX)
    change_A = -2 * coefficient / (np.pi * electron_wavelength_A(300.0))

    def ctf(group: OpticsGroup, defocus_A: float, phase_shift_rad: float) -> np.ndarray:
        columns = {"uid": [0], "image_path": ["a"], "image_index": [0], "rotvec_rad": [[0, 0, 0]], "phase_shift_rad": [phase_shift_rad]}
        particles = Particles.build((group,), **columns, defocus_u_A=[defocus_A], defocus_v_A=[defocus_A])
        return compute_ctf(particles, np.array([0]), BOX_PX, PIXEL_SIZE_A, kx, ky).numpy()

    # 2 rho² - 1, subtracted from chi
    with_zernike = ctf(make_group(even_zernike=(0.0, 0.0, coefficient)), 15000.0, 0.0)
    np.testing.assert_allclose(with_zernike, ctf(make_group(), 15000.0 + change_A, coefficient), atol=1e-5)


def test_parities():
    rng = np.random.default_rng(0)
    group = make_group(odd_zernike=tuple(rng.normal(size=6)), even_zernike=tuple(rng.normal(size=9)), beam_tilt_xy_mrad=(0.3, 0.2))
    fx, fy = rng.uniform(-0.3, 0.3, (2, 50))
    np.testing.assert_allclose(symmetric_phase(group, -fx, -fy), symmetric_phase(group, fx, fy), atol=1e-12)
    np.testing.assert_allclose(antisymmetric_phase(group, -fx, -fy), -antisymmetric_phase(group, fx, fy), atol=1e-12)


def test_anisotropic_magnification_is_refused_by_name():
    check_supported([make_group(magnification=(1.00005, 0.0, -0.00005, 1.0))])
    with pytest.raises(InputError, match="'krios' has an anisotropic magnification"):
        check_supported([make_group(), make_group(magnification=(1.0018, -0.0007, -0.0008, 1.0004))])
