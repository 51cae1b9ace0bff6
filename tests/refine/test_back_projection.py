"""Draws from the posterior, and what a half-set is without one of its folds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import HEAD_CENTER_PX, PIXEL_A, draw_poses, make_means, make_scene, pack_scene

from triskelion.data.volume import Volume
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.kernels import cpu
from triskelion.refine import back_projection
from triskelion.refine.back_projection import PoseCloud, draw_cloud, draw_steps, reconstruct_half, reconstruct_whole
from triskelion.refine.consensus import measure_consensus, rows_of_halves
from triskelion.refine.reference import deal_folds
from triskelion.resolution.fsc import fsc

N = 4000
UID = np.random.default_rng(1).integers(0, 2**63, N).astype(np.uint64)


def random_covariance() -> np.ndarray:
    factor = np.random.default_rng(2).standard_normal((5, 5))
    return factor @ factor.T


def test_draws_have_the_covariance_of_the_posterior():
    covariance = random_covariance()
    steps = draw_steps(np.broadcast_to(covariance, (N, 5, 5)), 3, 1, UID, n_pairs=2)
    assert steps.shape == (2, N, 5)
    steps = steps.reshape(-1, 5)
    unit = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(np.cov(steps.T) / np.outer(unit, unit), covariance / np.outer(unit, unit), atol=0.06)
    assert np.abs(steps.mean(0) / unit).max() < 0.06


def test_draws_belong_to_the_particle_not_to_its_place():
    covariance = np.broadcast_to(random_covariance(), (50, 5, 5))
    steps = draw_steps(covariance, 3, 1, UID[:50])
    order = np.random.default_rng(4).permutation(50)
    np.testing.assert_array_equal(draw_steps(covariance, 3, 1, UID[:50]), steps)
    np.testing.assert_array_equal(draw_steps(covariance, 3, 1, UID[:50][order]), steps[:, order])
    np.testing.assert_array_equal(draw_steps(covariance[:7], 3, 1, UID[:7]), steps[:, :7])


def test_draws_differ_between_pairs_particles_iterations_and_seeds():
    covariance = np.broadcast_to(np.eye(5), (50, 5, 5))
    draws = [draw_steps(covariance, *key, UID[:50], n_pairs=2) for key in ((3, 1), (3, 2), (4, 1))]
    together = np.concatenate(draws)
    assert len(np.unique(together.round(9))) == together.size


def test_pairs_lie_on_both_sides_of_the_best_pose_about_the_centre_of_the_domain():
    poses = draw_poses(10, 1)
    centers = image_of_point(poses.rotations, poses.shifts_px, HEAD_CENTER_PX)
    steps = np.random.default_rng(5).normal(0, 0.1, (2, 10, 5))
    cloud = draw_cloud(poses.rotations, centers, steps)
    signed = (steps[0], steps[1], -steps[0], -steps[1])
    for rotations, images, step in zip(cloud.rotations, cloud.shifts_px, signed, strict=True):
        np.testing.assert_allclose(matrix_to_rotvec(np.swapaxes(poses.rotations, 1, 2) @ rotations), step[:, :3], atol=1e-9)
        np.testing.assert_allclose(images, centers + step[:, 3:], atol=1e-9)


def test_without_draws_every_particle_enters_once_at_its_pose():
    poses = draw_poses(10, 1)
    cloud = draw_cloud(poses.rotations, poses.shifts_px, np.zeros((1, 10, 5)))
    assert len(cloud.rotations) == 1
    np.testing.assert_array_equal(cloud.rotations[0], poses.rotations)
    np.testing.assert_array_equal(cloud.shifts_px[0], poses.shifts_px)


def test_poses_in_windows_are_those_of_the_box():
    poses, offsets = draw_poses(10, 1), np.random.default_rng(6).integers(-5, 5, (10, 2)).astype(float)
    centers = image_of_point(poses.rotations, poses.shifts_px, HEAD_CENTER_PX) - offsets
    cloud = PoseCloud(np.stack([poses.rotations] * 2), np.stack([centers] * 2)).in_box(offsets, HEAD_CENTER_PX)
    for shifts in cloud.shifts_px:
        np.testing.assert_allclose(shifts, poses.shifts_px, atol=1e-9)


def test_a_map_without_a_fold_does_not_hold_its_images():
    scene = make_scene()
    images, sigma2, folds = pack_scene(scene), np.ones((1, 16)), deal_folds(rows_of_halves(scene.start.half_set)[0])
    cloud = PoseCloud(scene.body.rotations[None], np.zeros((1, len(images), 2)))
    _, without = reconstruct_half(images, sigma2, folds, cloud, cpu)
    changed = replace(images, matched=images.matched.clone())
    changed.matched[folds[2]] = 0
    _, without_changed = reconstruct_half(changed, sigma2, folds, cloud, cpu)
    # the fold's sums are subtracted from those of all, so what is left of it is rounding
    scale = np.abs(without[2]).max()
    np.testing.assert_allclose(without_changed[2], without[2], atol=1e-4 * scale)
    assert np.abs(without_changed[1] - without[1]).max() > 0.1 * scale
    alone, _ = reconstruct_half(images, sigma2, [np.concatenate(folds[:2] + folds[3:])], cloud, cpu)
    np.testing.assert_allclose(without[2], alone, atol=1e-3 * scale)
    assert torch.isfinite(prepare_slices(without[2], 15).cube.abs()).all()


def test_maps_do_not_depend_on_memory(monkeypatch):
    """Sums of folds give the same maps whether they are kept or, for want of memory, made again."""
    scene = make_scene()
    images, sigma2, folds = pack_scene(scene), np.ones((1, 16)), deal_folds(rows_of_halves(scene.start.half_set)[0])
    cloud = PoseCloud(np.stack([scene.body.rotations] * 2), np.zeros((2, len(images), 2)))
    half, without = reconstruct_half(images, sigma2, folds, cloud, cpu)
    monkeypatch.setattr(back_projection, "KEPT_BYTES", 0)
    half_again, without_again = reconstruct_half(images, sigma2, folds, cloud, cpu)
    np.testing.assert_array_equal(half_again, half)
    np.testing.assert_array_equal(without_again, without)


@pytest.mark.parametrize(("box_px", "window_px"), [(32, 32), (48, 28)])
def test_the_half_maps_of_the_box_are_those_of_the_windows_put_back(box_px, window_px):
    """The same images at the same poses, weighted alike: in the head's mask both reconstructions show the same."""
    scene = make_scene(300, 0.3, box_px=box_px)
    inputs, means = scene.inputs(), make_means()
    consensus, images = measure_consensus(inputs, means, "domain"), pack_scene(scene)
    assert images.disc.box_px == window_px
    center = scene.domain.center_xyz_px
    centers_px = image_of_point(scene.head.rotations, scene.head.shifts_px, center) - images.offsets_px
    cloud = PoseCloud(scene.head.rotations[None], centers_px[None])
    whole = reconstruct_whole(inputs, consensus, consensus.sigma2, cloud.in_box(images.offsets_px, center), cpu, lambda steps: None)
    for rows, of_box in zip(rows_of_halves(scene.start.half_set), whole, strict=True):
        in_window, _ = reconstruct_half(images, images.sigma2, deal_folds(rows), cloud, cpu)
        put_back, of_box = (array * scene.domain.mask for array in (scene.domain.put_back(in_window), of_box))
        assert (put_back * of_box).sum() == pytest.approx((of_box**2).sum(), rel=0.03)
        # 150 particles leave gaps in the finest shells of the larger box
        curve = fsc(Volume(put_back, PIXEL_A), Volume(of_box, PIXEL_A))
        assert curve[1 : round(0.4 * box_px)].min() > 0.98
