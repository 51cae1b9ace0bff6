"""Draws from the posterior, and what a half-set is without one of its folds."""

import numpy as np
import torch
from tests.refine.scene import HEAD_CENTER_PX, draw_poses, make_scene

from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.kernels import cpu
from triskelion.refine.back_projection import PoseCloud, draw_cloud, draw_steps, reconstruct_half
from triskelion.refine.consensus import rows_of_halves
from triskelion.refine.reference import deal_folds

N = 4000
UID = np.random.default_rng(1).integers(0, 2**63, N).astype(np.uint64)


def random_covariance() -> np.ndarray:
    factor = np.random.default_rng(2).standard_normal((5, 5))
    return factor @ factor.T


def test_draws_have_the_covariance_of_the_posterior():
    covariance = random_covariance()
    steps = draw_steps(np.broadcast_to(covariance, (N, 5, 5)), 3, 1, UID)
    unit = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(np.cov(steps.T) / np.outer(unit, unit), covariance / np.outer(unit, unit), atol=0.06)
    assert np.abs(steps.mean(0) / unit).max() < 0.06


def test_draws_belong_to_the_particle_not_to_its_place():
    covariance = np.broadcast_to(random_covariance(), (50, 5, 5))
    steps = draw_steps(covariance, 3, 1, UID[:50])
    order = np.random.default_rng(4).permutation(50)
    np.testing.assert_array_equal(draw_steps(covariance, 3, 1, UID[:50]), steps)
    np.testing.assert_array_equal(draw_steps(covariance, 3, 1, UID[:50][order]), steps[order])
    np.testing.assert_array_equal(draw_steps(covariance[:7], 3, 1, UID[:7]), steps[:7])


def test_draws_differ_between_particles_iterations_and_seeds():
    covariance = np.broadcast_to(np.eye(5), (50, 5, 5))
    draws = [draw_steps(covariance, *key, UID[:50]) for key in ((3, 1), (3, 2), (4, 1))]
    together = np.concatenate(draws)
    assert len(np.unique(together.round(9))) == together.size


def test_a_pair_lies_on_both_sides_of_the_best_pose_about_the_centre_of_the_domain():
    poses = draw_poses(10, 1)
    centers = image_of_point(poses.rotations, poses.shifts_px, HEAD_CENTER_PX)
    steps = np.random.default_rng(5).normal(0, 0.1, (10, 5))
    cloud = draw_cloud(poses.rotations, centers, HEAD_CENTER_PX, steps)
    for rotations, shifts, sign in zip(cloud.rotations, cloud.shifts_px, (1, -1), strict=True):
        np.testing.assert_allclose(matrix_to_rotvec(np.swapaxes(poses.rotations, 1, 2) @ rotations), sign * steps[:, :3], atol=1e-9)
        np.testing.assert_allclose(image_of_point(rotations, shifts, HEAD_CENTER_PX), centers + sign * steps[:, 3:], atol=1e-9)


def test_without_draws_every_particle_enters_once_at_its_pose():
    poses = draw_poses(10, 1)
    centers = image_of_point(poses.rotations, poses.shifts_px, HEAD_CENTER_PX)
    cloud = draw_cloud(poses.rotations, centers, HEAD_CENTER_PX, np.zeros((10, 5)))
    assert len(cloud.rotations) == 1
    np.testing.assert_allclose(cloud.shifts_px[0], poses.shifts_px, atol=1e-9)


def test_a_map_without_a_fold_does_not_hold_its_images():
    scene = make_scene()
    images, rows = scene.images, rows_of_halves(scene.start.half_set)[0]
    folds = deal_folds(rows)
    cloud = PoseCloud(scene.body.rotations[None], scene.body.shifts_px[None])
    sigma2 = np.ones((1, int(images.disc.shell[-1]) + 1))
    _, without = reconstruct_half(images.weighted(images.coefficients, sigma2), images, folds, cloud, cpu)
    changed = images.coefficients.clone()
    changed[folds[2]] = 0
    _, without_changed = reconstruct_half(images.weighted(changed, sigma2), images, folds, cloud, cpu)
    # the fold's sums are subtracted from those of all, so what is left of it is rounding
    scale = np.abs(without[2]).max()
    np.testing.assert_allclose(without_changed[2], without[2], atol=1e-4 * scale)
    assert np.abs(without_changed[1] - without[1]).max() > 0.1 * scale
    alone, _ = reconstruct_half(images.weighted(images.coefficients, sigma2), images, [np.concatenate(folds[:2] + folds[3:])], cloud, cpu)
    np.testing.assert_allclose(without[2], alone, atol=1e-3 * scale)
    assert torch.isfinite(prepare_slices(without[2], 15).cube.abs()).all()
