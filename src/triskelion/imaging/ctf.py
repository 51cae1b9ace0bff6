"""The contrast transfer function, with RELION's signs (held to its numbers in tests/reference)."""

import numpy as np
import torch
from torch import Tensor

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.imaging.aberrations import electron_wavelength_A, symmetric_phase


def compute_ctf(particles: Particles, rows: np.ndarray, box_px: int, pixel_size_A: float, kx: np.ndarray, ky: np.ndarray) -> Tensor:
    """Compute the CTF of particles at chosen Fourier coefficients.

    CTF = scale exp(-B f² / 4) sin(chi + phase shift + asin(w)), with chi = pi lambda df(angle) f² - pi/2 Cs lambda³ f⁴ - even
    aberrations; df > 0 is underfocus and protein is bright, so the CTF starts at +w. Frequencies f are those of the indices, whatever
    box and pixel size the optics groups have.

    Parameters
    ----------
    particles : Particles
    rows : ndarray, int (n,)
        Rows of the table, of any optics groups.
    box_px, pixel_size_A : int, float
        Box (px) and pixel size (Å) whose product is the unit of the indices.
    kx, ky : ndarray, shape (m,)
        Fourier indices in units of 1 / (box_px * pixel_size_A).

    Returns
    -------
    Tensor, float32, shape (n, m)
    """
    fx, fy = np.asarray(kx) / (box_px * pixel_size_A), np.asarray(ky) / (box_px * pixel_size_A)
    rows = np.asarray(rows)
    ctf = torch.empty((len(rows), len(fx)), dtype=torch.float32)
    groups = particles["optics_group"][rows]
    for index in np.unique(groups):
        members = np.flatnonzero(groups == index)
        terms, basis = _phase_terms(particles, rows[members], particles.optics[index]), _phase_basis(particles.optics[index], fx, fy)
        # row by row, so that the float64 phase of one particle stays in the cache
        for member, term in zip(members, terms, strict=True):
            _sine_of_turns(term @ basis, ctf[member])
    return _scale_and_damp(ctf, particles, rows, torch.from_numpy((fx**2 + fy**2).astype(np.float32)))


def _phase_terms(particles: Particles, rows: np.ndarray, group: OpticsGroup) -> Tensor:
    """Weights, in turns, of the columns of ``_phase_basis`` for each particle, float64 (n, 6).

    df(angle) f² = U (f . u)² + V (f . v)², u the direction of defocus U and v across it, is a quadratic form in f.
    """
    wavelength_A = electron_wavelength_A(group.voltage_kV)
    angle, u, v = (particles[name][rows] for name in ("defocus_angle_rad", "defocus_u_A", "defocus_v_A"))
    mean, half_difference = (u + v) / 2, (u - v) / 2
    quadratic = [mean + half_difference * np.cos(2 * angle), mean - half_difference * np.cos(2 * angle), 2 * half_difference * np.sin(2 * angle)]
    constant = particles["phase_shift_rad"][rows] + np.arcsin(group.amplitude_contrast)
    spherical = -np.pi / 2 * 1e7 * group.cs_mm * wavelength_A**3
    fixed = np.ones_like(mean)
    terms = np.stack([*(np.pi * wavelength_A * q for q in quadratic), spherical * fixed, constant, -fixed], axis=1)
    return torch.from_numpy(terms / (2 * np.pi))


def _phase_basis(group: OpticsGroup, fx: np.ndarray, fy: np.ndarray) -> Tensor:
    """Functions of the frequency that every phase of this optics group is a sum of, float64 (6, m)."""
    basis = [fx**2, fy**2, fx * fy, (fx**2 + fy**2) ** 2, np.ones_like(fx), symmetric_phase(group, fx, fy)]
    return torch.from_numpy(np.stack(basis))


def _sine_of_turns(turns: Tensor, out: Tensor) -> None:
    """Write sin(2 pi turns) to ``out`` (float32): phases of hundreds of rad lose their whole turns while still in float64."""
    out.copy_(turns.sub_(turns.round())).mul_(2 * np.pi).sin_()


def _scale_and_damp(ctf: Tensor, particles: Particles, rows: np.ndarray, frequency2: Tensor) -> Tensor:
    """Multiply the CTF (n, m) by scale exp(-B f² / 4), in place; a factor that is 1 everywhere costs nothing."""
    b_factor, scale = (torch.from_numpy(particles[name][rows].astype(np.float32))[:, None] for name in ("ctf_bfactor_A2", "ctf_scale"))
    if bool((b_factor != 0).any()):
        ctf.mul_(torch.exp(-b_factor / 4 * frequency2))
    if bool((scale != 1).any()):
        ctf.mul_(scale)
    return ctf
