"""Euler angles, the sign of shifts and the box centre: RELION's projections and exact sums against this package's conventions."""

import numpy as np
import pytest
import torch

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.fourier.transforms import fourier_to_image, image_to_fourier, volume_to_fourier
from triskelion.geometry.euler import relion_to_matrix
from triskelion.geometry.rotations import random_rotations
from triskelion.imaging.forward import phase_of_shift
from triskelion.kernels import reference as kernels

BOX_PX, PIXEL_SIZE_A, ATOM_SIGMA_A = 32, 4.0, 5.0
POSES = range(6)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float((first.conj() * second).sum().real / np.linalg.norm(first) / np.linalg.norm(second))


def relative_error(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(values - truth) / np.linalg.norm(truth))


def on_disc(image: np.ndarray) -> np.ndarray:
    """Unnormalised coefficients (sums over pixels) of an image on the disc below Nyquist."""
    n = image.shape[-1]
    return fourier_disc(n).gather(image_to_fourier(torch.from_numpy(image))).numpy() * n


@pytest.mark.parametrize("pose", POSES)
def test_relion_projections_follow_our_angles_shifts_and_centre(reference, sum_of_atoms, gaussian_weights, pose):
    numbers, disc = reference("projections"), fourier_disc(BOX_PX)
    matrix, shift_A = relion_to_matrix(numbers["angles_deg"][pose]), -numbers["origins_A"][pose]
    atoms_A, weights = numbers["atoms_A"], gaussian_weights(numbers["weights"])
    truth = sum_of_atoms(atoms_A, weights, matrix, shift_A, disc.kx, disc.ky, BOX_PX, sigma_A=ATOM_SIGMA_A)
    projected = on_disc(numbers["images"][pose])
    # RELION interpolates linearly at padding 2: up to 5 % of the amplitude, hardly any phase
    assert correlation(projected, truth) > 0.999
    assert relative_error(projected, truth) < 0.06


def test_other_conventions_would_be_noticed(reference, sum_of_atoms, gaussian_weights):
    numbers, disc, pose = reference("projections"), fourier_disc(BOX_PX), 4
    matrix, origin_A = relion_to_matrix(numbers["angles_deg"][pose]), numbers["origins_A"][pose]
    atoms_A, weights = numbers["atoms_A"], gaussian_weights(numbers["weights"])
    projected = on_disc(numbers["images"][pose])
    wrong = {
        "inverse rotation": (matrix.T, -origin_A),
        "shift of the other sign": (matrix, origin_A),
        "shift with x and y swapped": (matrix, -origin_A[::-1]),
        "centre one voxel off": (matrix, -origin_A + PIXEL_SIZE_A),
        "mirrored": (matrix @ np.diag([1, 1, -1]), -origin_A),
    }
    for what, (other_matrix, shift_A) in wrong.items():
        other = sum_of_atoms(atoms_A, weights, other_matrix, shift_A, disc.kx, disc.ky, BOX_PX, sigma_A=ATOM_SIGMA_A)
        assert correlation(projected, other) < 0.95, what


@pytest.mark.parametrize("box_px", [32, 33])
def test_exact_nufft_sums_follow_our_angles_shifts_and_disc(reference, sum_of_atoms, box_px):
    numbers, disc = reference("exact_sums"), fourier_disc(box_px)
    for angles_deg, origin_A, plane in zip(numbers["angles_deg"], numbers["origins_A"], numbers[f"box_{box_px}"], strict=True):
        ours = sum_of_atoms(numbers["atoms_A"], numbers["weights"], relion_to_matrix(angles_deg), -origin_A, disc.kx, disc.ky, box_px)
        # rounding of the file to complex64
        assert relative_error(disc.gather(torch.from_numpy(plane)).numpy(), ours) < 1e-6


@pytest.mark.parametrize("box_px", [32, 33])
def test_transforms_take_the_centre_to_be_voxel_half_n(sum_of_atoms, box_px):
    """A narrow Gaussian at a point given in px from voxel n // 2, in images and maps."""
    position_px, sigma_px = np.array([[3.3, -4.6, 2.1]]), 1.25
    line = np.arange(box_px) - box_px // 2
    x, y, z = (np.exp(-((line - p) ** 2) / (2 * sigma_px**2)) / (np.sqrt(2 * np.pi) * sigma_px) for p in position_px[0])
    disc, one = fourier_disc(box_px), np.ones(1)
    truth = sum_of_atoms(position_px, one, np.eye(3), np.zeros(2), disc.kx, disc.ky, box_px, 1.0, sigma_px)
    # aliasing of the Gaussian at Nyquist, exp(-2 (pi sigma / 2)²) = 5e-4, twice that beside it
    assert relative_error(on_disc(y[:, None] * x), truth) < 2e-3
    central = volume_to_fourier(torch.from_numpy(z[:, None, None] * y[None, :, None] * x))[0] * box_px**1.5
    assert relative_error(disc.gather(central).numpy(), truth) < 2e-3


@pytest.mark.parametrize("box_px", [32, 33])
def test_a_delta_at_the_centre_does_not_move_under_any_rotation(box_px):
    array = np.zeros((box_px,) * 3, np.float32)
    array[(box_px // 2,) * 3] = 1
    disc, rotations = fourier_disc(box_px), random_rotations(20, np.random.default_rng(2))
    slices = kernels.slice(prepare_slices(array, (box_px - 1) // 2), rotations, np.ones(20), disc)
    # its transform is constant: interpolation is exact, what is left is float32
    np.testing.assert_allclose(slices.numpy(), 1 / box_px, rtol=1e-5, atol=1e-6)
    images = fourier_to_image(disc.scatter(slices), box_px).flatten(1)
    assert set(images.argmax(1).tolist()) == {box_px // 2 * (box_px + 1)}


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("box_px", [32, 33])
def test_slices_are_exact_sums(reference, sum_of_atoms, gaussian_weights, density_map, box_px, pose):
    numbers, disc = reference("projections"), fourier_disc(box_px)
    matrix, shift_A = relion_to_matrix(numbers["angles_deg"][pose]), -numbers["origins_A"][pose]
    volume = prepare_slices(density_map(numbers["atoms_A"], numbers["weights"], box_px), (box_px - 1) // 2)
    one = np.ones(1)
    ours = kernels.slice(volume, matrix[None], one, disc) * phase_of_shift(disc, shift_A[None] / PIXEL_SIZE_A, one) * box_px
    weights = gaussian_weights(numbers["weights"])
    truth = sum_of_atoms(numbers["atoms_A"], weights, matrix, shift_A, disc.kx, disc.ky, box_px, sigma_A=ATOM_SIGMA_A)
    # trilinear interpolation at padding 2 of a density that fills the box: engine.md gives 5 %
    assert correlation(ours.numpy()[0], truth) > 0.999
    assert relative_error(ours.numpy()[0], truth) < 0.06
    if box_px == BOX_PX:
        assert correlation(ours.numpy()[0], on_disc(numbers["images"][pose])) > 0.999
