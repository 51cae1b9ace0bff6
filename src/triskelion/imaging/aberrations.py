"""Aberrations of the objective lens beyond defocus, astigmatism and Cs: even ones change the CTF, odd ones move phases.

Coefficients multiply Zernike polynomials in spatial frequency (1/Å, not normalised by Nyquist), ordered as RELION 3.1 orders
``rlnEvenZernike`` and ``rlnOddZernike``: by degree n, within a degree by azimuthal order m = -n, -n + 2, ..., n, where m < 0 stands for
sin(|m| phi) and m >= 0 for cos(m phi). Zivanov, Nakane & Scheres (2020) IUCrJ 7, 253-267. Signs were measured on RELION 3.1.3:
tests/reference/PROVENANCE.md.
"""

from collections.abc import Iterable
from math import factorial

import numpy as np
import torch
from torch import Tensor

from triskelion.data.particles import OpticsGroup
from triskelion.errors import InputError

IDENTITY_MAGNIFICATION = (1.0, 0.0, 0.0, 1.0)
MAGNIFICATION_TOLERANCE = 1e-4


def electron_wavelength_A(voltage_kV: float) -> float:
    """Relativistic wavelength (Å): h / sqrt(2 m e V (1 + e V / (2 m c²)))."""
    volts = 1e3 * voltage_kV
    return 12.2643247 / float(np.sqrt(volts * (1 + 0.978466e-6 * volts)))


def check_supported(optics: Iterable[OpticsGroup]) -> None:
    """Refuse optics that the image model cannot express.

    Raises
    ------
    InputError
        Where a group has an anisotropic magnification (rlnMagMat00 ... 11 off the identity by more than 1e-4).
    """
    for group in optics:
        if np.abs(np.subtract(group.magnification, IDENTITY_MAGNIFICATION)).max() > MAGNIFICATION_TOLERANCE:
            matrix = " ".join(f"{value:g}" for value in group.magnification)
            raise InputError(
                f"optics group {group.name!r} has an anisotropic magnification (rlnMagMat {matrix}), which is not supported: "
                "extract its particles with the magnification corrected, or set the matrix to 1 0 0 1 to ignore it"
            )


def even_orders(n_coefficients: int) -> list[tuple[int, int]]:
    """(n, m) of the even coefficients: (0,0), (2,-2), (2,0), (2,2), (4,-4), ..."""
    return _orders(n_coefficients, first_degree=0)


def odd_orders(n_coefficients: int) -> list[tuple[int, int]]:
    """(n, m) of the odd coefficients: (1,-1), (1,1), (3,-3), (3,-1), (3,1), (3,3), ..."""
    return _orders(n_coefficients, first_degree=1)


def _orders(n_coefficients: int, first_degree: int) -> list[tuple[int, int]]:
    orders, degree = [], first_degree
    while len(orders) < n_coefficients:
        orders += [(degree, m) for m in range(-degree, degree + 1, 2)]
        degree += 2
    return orders[:n_coefficients]


def zernike(n: int, m: int, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
    """Zernike polynomial of degree n and azimuthal order m, un-normalised: R_n^|m|(rho) times cos(m phi) or, for m < 0, sin(|m| phi)."""
    order, rho, phi = abs(m), np.hypot(fx, fy), np.arctan2(fy, fx)
    radial = np.zeros_like(rho)
    for k in range((n - order) // 2 + 1):
        denominator = factorial(k) * factorial((n + order) // 2 - k) * factorial((n - order) // 2 - k)
        radial += (-1) ** k * factorial(n - k) / denominator * rho ** (n - 2 * k)
    return radial * (np.cos(m * phi) if m >= 0 else np.sin(-m * phi))


def symmetric_phase(group: OpticsGroup, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
    """Even aberrations (rad, float64) at frequencies (1/Å); subtracted from chi in CTF = sin(chi + asin(w))."""
    phase = np.zeros(np.shape(fx))
    for coefficient, (n, m) in zip(group.even_zernike, even_orders(len(group.even_zernike)), strict=True):
        if coefficient:
            phase += coefficient * zernike(n, m, fx, fy)
    return phase


def antisymmetric_phase(group: OpticsGroup, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
    """Phase (rad, float64) that odd aberrations have added to the images at frequencies (1/Å).

    Odd Zernike terms plus the axial coma of a beam tilt tau (rad), -2 pi Cs lambda² f² (tau . f): the term of the wave aberration
    pi/2 Cs lambda³ f⁴ that is linear in the tilt. They add up where both are given; RELION 3.1 lets the tilt replace coefficients
    3 and 4, which its own files leave 0.
    """
    phase = np.zeros(np.shape(fx))
    for coefficient, (n, m) in zip(group.odd_zernike, odd_orders(len(group.odd_zernike)), strict=True):
        if coefficient:
            phase += coefficient * zernike(n, m, fx, fy)
    tilt_x_rad, tilt_y_rad = np.multiply(group.beam_tilt_xy_mrad, 1e-3)
    cs_A = 1e7 * group.cs_mm
    coma = 2 * np.pi * cs_A * electron_wavelength_A(group.voltage_kV) ** 2
    return phase - coma * (fx**2 + fy**2) * (tilt_x_rad * fx + tilt_y_rad * fy)


def demodulation_phase(group: OpticsGroup, box_px: int, pixel_size_A: float, kx: np.ndarray, ky: np.ndarray) -> Tensor | None:
    """Return the factor that takes odd aberrations out of image coefficients.

    Parameters
    ----------
    group : OpticsGroup
    box_px, pixel_size_A : int, float
        Box (px) and pixel size (Å) whose product is the unit of the indices.
    kx, ky : ndarray, shape (m,)
        Fourier indices in units of 1 / (box_px * pixel_size_A).

    Returns
    -------
    Tensor, complex64 (m,), or None
        To be multiplied by image coefficients; None where the group has no odd aberration.
    """
    if not any(group.odd_zernike) and not any(group.beam_tilt_xy_mrad):
        return None
    phase = antisymmetric_phase(group, kx / (box_px * pixel_size_A), ky / (box_px * pixel_size_A))
    return torch.from_numpy(np.exp(-1j * phase).astype(np.complex64))
