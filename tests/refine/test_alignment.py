"""Levenberg-Marquardt finds the optimum, stays inside the extents, and the posterior it reports is that of its errors."""

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, HEAD_CENTER_PX, PIXEL_A, Poses, atoms, density_of, disturb, draw_poses, exact_slices

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.kernels import cpu
from triskelion.kernels.interface import WeightedImages
from triskelion.refine.alignment import Posterior, Stage, align, posterior_covariance
from triskelion.refine.prior import PosePrior
from triskelion.refine.search import SearchExtent

POINTS, SIGMA_PX = atoms("head") - HEAD_CENTER_PX, 1.2
DISC = fourier_disc(BOX_PX)
NOISE_SD = 0.2
VOLUME = prepare_slices(density_of(POINTS, BOX_PX, SIGMA_PX), 15, padding=6)
STAGES = [Stage(fourier_disc(BOX_PX, shell), 4, 0.01, 1) for shell in (6, 10)] + [Stage(DISC, 12, 1e-4, 1)]
NO_PRIOR = (np.diag(np.full(3, np.inf)), np.inf)


def make_posterior(truth: Poses, consensus: Poses, widths=NO_PRIOR, extent=(60.0, 10.0), noise_sd: float = 0.0) -> Posterior:
    """The posterior of images whose noise has variance NOISE_SD² per component; with ``noise_sd`` 0 it is not added."""
    sigma2 = NOISE_SD**2
    slices = exact_slices(POINTS, truth, DISC, SIGMA_PX)
    noise = np.random.default_rng(7).standard_normal((2, *slices.shape)) * np.sqrt(sigma2) * noise_sd
    b = (slices + noise[0] + 1j * noise[1]) / sigma2
    images = WeightedImages(torch.from_numpy(b.astype(np.complex64)), torch.full(b.shape, 1 / sigma2), np.ones(len(b)))
    prior = PosePrior(consensus.rotations, consensus.shifts_px, np.zeros(3), *widths)
    return Posterior(cpu, VOLUME, images, prior, SearchExtent(*extent), PIXEL_A)


def turn_by(poses: Poses, angle_deg: float, shift_px: float) -> Poses:
    """Poses off by exactly this much, in random directions."""
    rng = np.random.default_rng(8)
    axes, moves = rng.standard_normal((len(poses.rotations), 3)), rng.standard_normal((len(poses.rotations), 2))
    axes, moves = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (axes, moves))
    return Poses(poses.rotations @ rotvec_to_matrix(axes * np.deg2rad(angle_deg)), poses.shifts_px + shift_px * moves)


def test_the_optimum_of_noise_free_images_is_found_from_5_degrees_off():
    truth = draw_poses(20, 31)
    start = turn_by(truth, 5.0, 0.7)
    given = start.rotations.copy(), start.shifts_px.copy()
    best = align(make_posterior(truth, start), np.arange(20), *given, STAGES)
    np.testing.assert_array_equal(given[0], start.rotations)  # what was given stays
    np.testing.assert_array_equal(given[1], start.shifts_px)
    np.testing.assert_array_equal(best.rows, np.arange(20))
    assert rotation_difference_deg(best.rotations, truth.rotations).max() < 0.1
    assert np.linalg.norm(best.shifts_px - truth.shifts_px, axis=1).max() < 0.01


@pytest.mark.parametrize("extent", [(3.0, 0.4), (0.0, 0.4), (3.0, 0.0)])
def test_poses_stay_inside_the_extents(extent):
    truth = draw_poses(20, 31)
    start = turn_by(truth, 5.0, 0.7)
    posterior = make_posterior(truth, start, extent=extent)
    best = align(posterior, np.arange(20), start.rotations, start.shifts_px, STAGES)
    turn = rotation_difference_deg(best.rotations, start.rotations)
    move = np.linalg.norm(best.shifts_px - start.shifts_px, axis=1)
    assert turn.max() <= extent[0] + 1e-4 and move.max() <= extent[1] + 1e-6
    # and they go as far as they may: the truth lies beyond
    assert np.median(turn) >= 0.9 * extent[0] and np.median(move) >= 0.9 * extent[1]
    assert (best.value >= posterior.evaluate(np.arange(20), start.rotations, start.shifts_px, DISC).value).all()


def test_the_better_of_two_starts_is_kept():
    truth = draw_poses(10, 32)
    near, far = turn_by(truth, 3.0, 0.3), turn_by(truth, 100.0, 3.0)
    rows = np.tile(np.arange(10), 2)
    posterior = make_posterior(truth, near, extent=(180.0, 20.0))
    stages = [Stage(stage.disc, stage.evaluations, stage.least_gain, keep) for stage, keep in zip(STAGES, (2, 2, 1), strict=True)]
    poses = (np.concatenate([far.rotations, near.rotations]), np.concatenate([far.shifts_px, near.shifts_px]))
    best = align(posterior, rows, *poses, stages)
    np.testing.assert_array_equal(best.rows, np.arange(10))
    assert rotation_difference_deg(best.rotations, truth.rotations).max() < 0.1


def test_errors_are_as_large_as_the_posterior_says():
    """error^T covariance^-1 error has the mean of a chi² variable: 5, here to three standard deviations of the mean of 300."""
    n = 300
    truth = draw_poses(n, 33)
    best = align(make_posterior(truth, truth, noise_sd=1.0), np.arange(n), truth.rotations, truth.shifts_px, STAGES)
    turn = matrix_to_rotvec(np.swapaxes(truth.rotations, 1, 2) @ best.rotations)
    error = np.concatenate([turn, best.shifts_px - truth.shifts_px], axis=1)
    assert 0.3 < np.median(np.rad2deg(np.linalg.norm(turn, axis=1))) < 10
    chi2 = np.einsum("ni,nij,nj->n", error, np.linalg.inv(posterior_covariance(best)), error)
    assert chi2.mean() == pytest.approx(5, abs=3 * np.sqrt(10 / n))


def test_the_right_prior_brings_poses_closer_to_the_truth():
    n, sd_rad = 200, np.deg2rad(2.0)
    consensus = draw_poses(n, 34)
    truth = disturb(consensus, 2.0, 0.3, 34)
    errors = []
    for widths in (NO_PRIOR, (np.eye(3) * sd_rad**2, 0.3**2)):
        best = align(make_posterior(truth, consensus, widths, noise_sd=1.0), np.arange(n), consensus.rotations, consensus.shifts_px, STAGES)
        errors.append(np.sqrt((rotation_difference_deg(best.rotations, truth.rotations) ** 2).mean()))
    assert errors[1] < 0.95 * errors[0]
