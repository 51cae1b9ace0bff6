"""Images cut down to a window say of a density inside it what the whole images say."""

import numpy as np
import pytest
import torch
from tests.refine.scene import Poses, density_of, draw_poses, exact_slices

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.window import LARGEST_FRACTION, choose_window_px, window_disc_shell, window_matched, window_power
from triskelion.kernels import cpu
from triskelion.kernels.interface import WeightedImages

BOX_PX, PIXEL_A, SIGMA_PX = 96, 3.0, 1.5
N = 12
DISC = fourier_disc(BOX_PX)
WAVELENGTH_A, CS_A = 0.0197, 2.7e7
POINTS = np.random.default_rng(1).uniform(-3.5, 3.5, (40, 3))
POSES = draw_poses(N, 7)
CENTERS_PX = np.random.default_rng(2).integers(-25, 25, (N, 2)).astype(float)


def ctf_power() -> np.ndarray:
    """C² of defoci of 1 to 2.5 µm, which spread what they show over most of the box."""
    f2 = (np.hypot(DISC.kx, DISC.ky) / (BOX_PX * PIXEL_A)) ** 2
    defocus_A = np.linspace(10000, 25000, N)[:, None]
    return np.sin(np.pi * WAVELENGTH_A * defocus_A * f2 - np.pi / 2 * CS_A * WAVELENGTH_A**3 * f2**2 + 0.1) ** 2


def weighted_images(window_px: int) -> WeightedImages:
    """b of noise, W of the CTF, of images whose domain lies at ``CENTERS_PX``, brought into the window."""
    rng = np.random.default_rng(3)
    b = torch.from_numpy((rng.standard_normal((N, len(DISC))) + 1j * rng.standard_normal((N, len(DISC)))).astype(np.complex64))
    window = fourier_disc(window_px, window_disc_shell(DISC, window_px, int(DISC.shell[-1])))
    power = window_power(torch.from_numpy(ctf_power().astype(np.float32)), DISC, window)
    return WeightedImages(window_matched(b, DISC, CENTERS_PX, window), power, np.ones(N))


def window_disc_of(window_px: int):
    return fourier_disc(window_px, window_disc_shell(DISC, window_px, int(DISC.shell[-1])))


def linear_term(window_px: int, poses: Poses) -> np.ndarray:
    """Re sum conj(m) b with explicit sums for m."""
    m = exact_slices(POINTS, poses, window_disc_of(window_px), SIGMA_PX)
    return np.real(np.conj(m) * weighted_images(window_px).b.numpy()).sum(1)


@pytest.mark.parametrize("window_px", [32, 35, 45])
def test_the_linear_term_of_the_likelihood_is_that_of_the_whole_image(window_px):
    """But for a constant: neither sum holds the mean, and a particle's mean does not depend on its pose."""
    others = [Poses(POSES.rotations @ rotvec_to_matrix([0.2 * i, -0.1 * i, 0.3]), POSES.shifts_px * (1 - i / 5)) for i in range(6)]
    full, window = (np.stack([linear_term(px, poses) for poses in others]) for px in (BOX_PX, window_px))
    full, window = full - full.mean(0), window - window.mean(0)
    assert np.linalg.norm(window - full) < 1e-4 * np.linalg.norm(full)


@pytest.mark.parametrize("window_px", [32, 35, 45])
def test_the_matrix_of_the_likelihood_is_that_of_the_whole_image(window_px):
    matrices = []
    for px in (BOX_PX, window_px):
        disc = window_disc_of(px)
        volume = prepare_slices(density_of(POINTS, px, SIGMA_PX), int(disc.shell[-1]), padding=4)
        matrices.append(cpu.gauss_newton(volume, POSES.rotations, POSES.shifts_px, weighted_images(px), np.arange(N), disc).matrix)
    full, window = matrices
    sd = np.sqrt(np.einsum("nii->ni", full))
    whitened = (window - full) / (sd[:, :, None] * sd[:, None, :])
    # not exact: what the CTF spreads farther than half a window is lost
    assert np.sqrt((whitened**2).mean()) < 0.02 and np.abs(whitened).max() < 0.1


@pytest.mark.parametrize("window_px", [32, 35])
def test_a_point_at_the_centre_of_the_domain_comes_to_the_middle_of_the_window(window_px):
    disc = window_disc_of(window_px)
    at_center = exact_slices(np.zeros((1, 3)), Poses(POSES.rotations, CENTERS_PX), DISC, SIGMA_PX)
    moved = window_matched(torch.from_numpy(at_center.astype(np.complex64)), DISC, CENTERS_PX, disc)
    expected = exact_slices(np.zeros((1, 3)), Poses(POSES.rotations, np.zeros((N, 2))), disc, SIGMA_PX)
    # all but the mean, which the disc lacks: spread over the box it is none in a window
    np.testing.assert_allclose(moved.numpy()[:, 8:], expected[:, 8:], atol=2e-3 * np.abs(expected).max())


def test_power_stays_positive_and_flat_power_stays_what_it_is():
    disc = window_disc_of(32)
    assert (window_power(torch.from_numpy(ctf_power().astype(np.float32)), DISC, disc) >= 0).all()
    flat = window_power(torch.ones((1, len(DISC))), DISC, disc)
    np.testing.assert_allclose(flat[0, disc.prefix(2) : disc.prefix(12)], 1, atol=0.02)


def test_the_whole_box_is_only_recentred():
    values = torch.from_numpy(ctf_power().astype(np.complex64))
    still = window_matched(values, DISC, np.zeros((N, 2)), DISC)
    torch.testing.assert_close(still, values)
    torch.testing.assert_close(window_power(values.real, DISC, DISC), values.real)


@pytest.mark.parametrize(("radius_px", "lever_px", "extent_deg", "shift_px"), [(8, 0, 0, 0), (9.3, 12, 30, 2.5), (12, 25, 180, 3), (5, 40, 20, 6)])
def test_the_window_never_cuts_the_domain(radius_px, lever_px, extent_deg, shift_px):
    """Any point of the domain, at any pose inside the extents; the window's middle may be half a pixel beside the consensus."""
    window_px = choose_window_px(400, radius_px, lever_px, extent_deg, shift_px)
    rng = np.random.default_rng(4)
    fulcrum = np.array([0, 0, lever_px]) if lever_px else np.zeros(3)
    consensus, axes = draw_poses(3000, 5).rotations, rng.standard_normal((3000, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turned = consensus @ rotvec_to_matrix(axes * np.deg2rad(extent_deg))
    # the fulcrum's image moves by a shift, the centre turns about it
    swing = (consensus @ fulcrum - turned @ fulcrum)[:, :2]
    farthest = np.linalg.norm(swing, axis=1) + shift_px + radius_px + np.hypot(0.5, 0.5)
    assert farthest.max() <= (window_px - 1) / 2
    assert window_px < 2 * (radius_px + shift_px + 2 * np.sin(np.deg2rad(extent_deg) / 2) * lever_px) + 4 + 2  # and no larger than that asks


def test_the_whole_box_is_taken_where_a_window_saves_too_little():
    for radius_px in np.arange(4, 40, 0.5):
        window_px = choose_window_px(64, radius_px, 3.0, 20.0, 2.0)
        assert window_px == 64 or window_px <= LARGEST_FRACTION * 64
    assert choose_window_px(64, 8.0, 3.0, 20.0, 2.0) < 64 and choose_window_px(64, 24.0, 3.0, 20.0, 2.0) == 64


@pytest.mark.parametrize("radius_px", [9.0, 10.3, 12.5, 14.9])
def test_the_disc_of_a_window_loses_next_to_nothing_of_the_image(radius_px):
    window_px = choose_window_px(96, radius_px, 10.0, 30.0, 2.0)
    ends_at = (window_disc_shell(fourier_disc(96), window_px, 47) + 0.5) / window_px
    assert 47.5 / 96 - 0.35 / window_px <= ends_at <= 47.5 / 96


def test_the_disc_of_a_window_never_goes_beyond_the_limit():
    for window_px in (48, 49, 70, 75, 80):
        for last_shell in range(8, 48):
            shell = window_disc_shell(fourier_disc(96), window_px, last_shell)
            assert (shell + 0.5) / window_px <= (last_shell + 0.5) / 96 < (shell + 1.5) / window_px
