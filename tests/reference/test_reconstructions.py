"""Maps by relion_reconstruct, from images that are made again here from the same atoms, poses and CTFs."""

import numpy as np
import pytest
import torch

from triskelion.data.images import ImageSource
from triskelion.data.particles import OpticsGroup, Particles
from triskelion.fourier.shells import fourier_disc, shell_sum
from triskelion.fourier.slices import HermitianSums
from triskelion.fourier.transforms import fourier_to_image, volume_to_fourier
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.ctf import compute_ctf
from triskelion.imaging.forward import Grid, load_images
from triskelion.kernels import reference as kernels
from triskelion.kernels.interface import BackProjection
from triskelion.maps.reconstruct import solve_map

BOX_PX, PIXEL_SIZE_A, ATOM_SIGMA_A = 24, 4.0, 5.0
LAST_SHELL = 10  # 0.83 of Nyquist; beyond it the atoms' Gaussian has fallen below 1e-2, and interpolation errors show


class GroupedImages(ImageSource):
    """Images of optics groups that differ in box."""

    def __init__(self, images: list[np.ndarray]):
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def read(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([self._images[row] for row in rows]).astype(np.float32)


def make_group(box_px: int, pixel_size_A: float, cs_mm: float = 2.7) -> OpticsGroup:
    return OpticsGroup(f"box {box_px}", pixel_size_A, box_px, voltage_kV=300.0, cs_mm=cs_mm, amplitude_contrast=0.1)


def simulate_images(numbers, particles: Particles, sum_of_atoms, weights: np.ndarray, with_ctf: bool) -> GroupedImages:
    """Exact images in each group's own box and pixels; values are densities, as make_reference.py has them."""
    images = []
    for row in range(len(particles)):
        group = particles.optics[particles["optics_group"][row]]
        n, apix = group.box_px, group.pixel_size_A
        ky, kx = np.meshgrid(np.fft.fftfreq(n, 1 / n), np.arange(n // 2 + 1), indexing="ij")
        kx, ky = kx.ravel(), ky.ravel()
        matrix, shift_A = rotvec_to_matrix(particles["rotvec_rad"][row]), particles["shift_A"][row]
        plane = sum_of_atoms(numbers["atoms_A"], weights, matrix, shift_A, kx, ky, n, apix, ATOM_SIGMA_A) * (PIXEL_SIZE_A / apix) ** 2 / n
        if with_ctf:
            plane = plane * compute_ctf(particles, np.array([row]), n, apix, kx, ky).numpy()[0]
        images.append(fourier_to_image(torch.from_numpy(plane.reshape(n, n // 2 + 1)), n).numpy())
    return GroupedImages(images)


def reconstruct(particles: Particles, source: ImageSource, box_px: int = BOX_PX) -> np.ndarray:
    disc = fourier_disc(box_px)
    images = load_images(particles, source, Grid(box_px, PIXEL_SIZE_A), disc)
    weighted = images.weighted(images.coefficients, np.ones((len(particles.optics), int(disc.shell[-1]) + 1)))
    sums, rows = BackProjection.empty(int(disc.shell[-1])), np.arange(len(particles))
    kernels.insert(sums, rotvec_to_matrix(particles["rotvec_rad"]), particles["shift_A"] / PIXEL_SIZE_A, weighted, rows, disc)
    return solve_map(HermitianSums.of(sums), box_px)


def fourier_shell_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    f, g = (volume_to_fourier(torch.from_numpy(m.astype(np.float32))) for m in (first, second))
    cross, p, q = (shell_sum(values, len(first), 3) for values in ((f * g.conj()).real, f.abs() ** 2, g.abs() ** 2))
    return (cross / (p * q).sqrt()).numpy()[1 : LAST_SHELL + 1]


def inside_sphere(map_: np.ndarray) -> np.ndarray:
    """Mask a map softly within the sphere that the box holds: corners are levelled."""
    half_px = len(map_) // 2
    line = np.arange(len(map_)) - half_px
    radius = np.sqrt(line[:, None, None] ** 2 + line[None, :, None] ** 2 + line[None, None, :] ** 2)
    return map_ * (0.5 + 0.5 * np.cos(np.pi * np.clip((radius - half_px + 3) / 3, 0, 1)))


def amplitude(map_: np.ndarray, truth: np.ndarray) -> float:
    """Scale of a map against the truth, their means left out (RELION discards the mean)."""
    a, b = map_ - map_.mean(), truth - truth.mean()
    return float((a * b).sum() / (b * b).sum())


def check_maps(ours: np.ndarray, relion: np.ndarray, truth: np.ndarray) -> None:
    ours, relion, truth = map(inside_sphere, (ours, relion, truth))
    assert fourier_shell_correlation(relion, truth).min() > 0.99, "the reference itself"
    assert fourier_shell_correlation(ours, truth).min() > 0.99
    assert fourier_shell_correlation(ours, relion).min() > 0.99
    # 240 images leave gaps between slices near Nyquist; RELION's own scale is 1.016
    assert amplitude(ours, truth) == pytest.approx(1, abs=0.03)
    assert amplitude(ours, relion) == pytest.approx(1, abs=0.03)


def test_reconstruction_with_ctf(reference, relion_particles, sum_of_atoms, gaussian_weights, density_map):
    numbers = reference("reconstructions")
    particles = relion_particles(numbers, (make_group(BOX_PX, PIXEL_SIZE_A),))
    source = simulate_images(numbers, particles, sum_of_atoms, gaussian_weights(numbers["weights"]), with_ctf=True)
    truth = density_map(numbers["atoms_A"], numbers["weights"], BOX_PX)
    check_maps(reconstruct(particles, source), numbers["map_ctf"].astype(np.float32), truth)


def test_two_optics_groups_with_different_pixel_sizes(reference, relion_particles, sum_of_atoms, gaussian_weights, density_map):
    """24 px at 4 Å and 30 px at 3.2 Å: coefficients meet at equal frequency in 1/Å and pixel values count as densities."""
    numbers = reference("reconstructions")
    optics = (make_group(BOX_PX, PIXEL_SIZE_A), make_group(30, 3.2))
    particles = relion_particles(numbers, optics, optics_group=np.arange(len(numbers["angles_deg"])) % 2)
    source = simulate_images(numbers, particles, sum_of_atoms, gaussian_weights(numbers["weights"]), with_ctf=False)
    truth = density_map(numbers["atoms_A"], numbers["weights"], BOX_PX)
    flat = [OpticsGroup(g.name, g.pixel_size_A, g.box_px, 300.0, 0.0, 1.0) for g in optics]  # CTF = sin(asin(1)) = 1
    zeros = np.zeros(len(particles))
    without_ctf = particles.with_optics(tuple(flat)).with_columns(
        **{name: zeros for name in ("defocus_u_A", "defocus_v_A", "phase_shift_rad", "ctf_bfactor_A2")}, ctf_scale=zeros + 1
    )
    check_maps(reconstruct(without_ctf, source), numbers["map_groups"].astype(np.float32), truth)


def test_an_odd_box_is_reconstructed_as_well(reference, relion_particles, sum_of_atoms, gaussian_weights, density_map):
    """RELION is no guide here (PROVENANCE.md): the truth is."""
    box_px = BOX_PX + 1
    numbers = reference("reconstructions")
    particles = relion_particles(numbers, (make_group(box_px, PIXEL_SIZE_A),))
    source = simulate_images(numbers, particles, sum_of_atoms, gaussian_weights(numbers["weights"]), with_ctf=True)
    truth = inside_sphere(density_map(numbers["atoms_A"], numbers["weights"], box_px))
    ours = inside_sphere(reconstruct(particles, source, box_px))
    assert fourier_shell_correlation(ours, truth).min() > 0.99
    assert amplitude(ours, truth) == pytest.approx(1, abs=0.03)
