"""The committed numbers, and the closed form of what the atoms behind them look like in Fourier space."""

from pathlib import Path

import numpy as np
import pytest

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.geometry.euler import relion_to_matrix
from triskelion.geometry.rotations import matrix_to_rotvec

ATOM_SIGMA_A, PIXEL_SIZE_A = 5.0, 4.0  # as in make_reference.py


@pytest.fixture(scope="session")
def reference():
    """Load one of the .npz files of this folder by its name."""

    def load(name: str) -> dict[str, np.ndarray]:
        with np.load(Path(__file__).parent / f"{name}.npz") as file:
            return dict(file)

    return load


@pytest.fixture(scope="session")
def sum_of_atoms():
    """Explicit transform of atoms seen in a pose: sum_a w_a g(f) exp(-2 pi i f.(P R x_a + t)), f = k / (box pixel size)."""

    def compute(atoms_A, weights, matrix, shift_A, kx, ky, box_px, pixel_size_A=PIXEL_SIZE_A, sigma_A=0.0) -> np.ndarray:
        frequency = np.stack([kx, ky], -1) / (box_px * pixel_size_A)
        positions = (atoms_A @ matrix.T)[:, :2] + shift_A
        envelope = np.exp(-2 * np.pi**2 * sigma_A**2 * (frequency**2).sum(-1))
        return envelope * (np.exp(-2j * np.pi * frequency @ positions.T) @ weights)

    return compute


@pytest.fixture(scope="session")
def gaussian_weights():
    """Sum over voxels of a Gaussian atom of unit height, for the maps and projections of make_reference.py."""

    def compute(weights: np.ndarray) -> np.ndarray:
        return weights * (np.sqrt(2 * np.pi) * ATOM_SIGMA_A / PIXEL_SIZE_A) ** 3

    return compute


@pytest.fixture(scope="session")
def density_map():
    """Gaussian atoms on a grid, [z, y, x]."""

    def compute(atoms_A: np.ndarray, weights: np.ndarray, box_px: int, pixel_size_A: float = PIXEL_SIZE_A) -> np.ndarray:
        axis = (np.arange(box_px) - box_px // 2) * pixel_size_A
        x, y, z = (np.exp(-((axis[:, None] - atoms_A[:, i]) ** 2) / (2 * ATOM_SIGMA_A**2)) for i in range(3))
        return np.einsum("a,za,ya,xa->zyx", weights, z, y, x).astype(np.float32)

    return compute


@pytest.fixture(scope="session")
def relion_particles():
    """Table of particles from the columns of a reference file, as the STAR file gave them to RELION."""

    def build(numbers: dict[str, np.ndarray], optics: tuple[OpticsGroup, ...], optics_group=0, rows=slice(None)) -> Particles:
        n = len(numbers["angles_deg"][rows])
        return Particles.build(
            optics,
            uid=np.arange(n),
            image_path=np.full(n, "stack"),
            image_index=np.arange(n),
            optics_group=np.broadcast_to(optics_group, n),
            rotvec_rad=matrix_to_rotvec(relion_to_matrix(numbers["angles_deg"][rows])),
            shift_A=-numbers["origins_A"][rows],
            defocus_u_A=numbers["rlnDefocusU"][rows],
            defocus_v_A=numbers["rlnDefocusV"][rows],
            defocus_angle_rad=np.deg2rad(numbers["rlnDefocusAngle"][rows]),
            phase_shift_rad=np.deg2rad(numbers["rlnPhaseShift"][rows]),
            ctf_bfactor_A2=numbers["rlnCtfBfactor"][rows],
            ctf_scale=numbers["rlnCtfScalefactor"][rows],
        )

    return build
