"""Draws from the posterior, and what a half-set is without one of its folds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import HEAD_CENTER_PX, PIXEL_A, draw_poses, make_means, make_scene, pack_scene

from triskelion.data.volume import Volume
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.imaging.packed import PackedImages
from triskelion.kernels import cpu
from triskelion.refine import back_projection
from triskelion.refine.back_projection import HalfSums, PoseCloud, draw_cloud, draw_steps, reconstruct_whole
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


def test_poses_in_windows_are_those_of_the_box():
    poses, offsets = draw_poses(10, 1), np.random.default_rng(6).integers(-5, 5, (10, 2)).astype(float)
    centers = image_of_point(poses.rotations, poses.shifts_px, HEAD_CENTER_PX) - offsets
    cloud = PoseCloud(np.stack([poses.rotations] * 2), np.stack([centers] * 2)).in_box(offsets, HEAD_CENTER_PX)
    for shifts in cloud.shifts_px:
        np.testing.assert_allclose(shifts, poses.shifts_px, atol=1e-9)


SIGMA2 = np.ones((1, 16))


def sum_half(images: PackedImages, folds: list[np.ndarray], cloud: PoseCloud) -> HalfSums:
    """Sums of all folds."""
    sums = HalfSums(images, folds, cpu)
    sums.renew(cloud, SIGMA2)
    return sums


def make_half() -> tuple[PackedImages, list[np.ndarray], PoseCloud]:
    """Half a of the scene, dealt into folds, its images in the middle of their windows."""
    scene = make_scene()
    images = pack_scene(scene)
    return images, deal_folds(rows_of_halves(scene.start.half_set)[0], 5), PoseCloud(scene.body.rotations[None], np.zeros((1, len(images), 2)))


def test_a_map_without_a_fold_does_not_hold_its_images():
    images, folds, cloud = make_half()
    changed = replace(images, matched=images.matched.clone())
    changed.matched[folds[2]] = 0
    sums, sums_changed = sum_half(images, folds, cloud), sum_half(changed, folds, cloud)
    whole = sums.solve()
    scale = np.abs(whole).max()
    assert np.abs(sums_changed.solve() - whole).max() > 0.1 * scale
    for each in (sums, sums_changed):
        each.take_out(2)
    # the fold's sums are subtracted from those of all, so what is left of it is rounding
    without = sums.solve()
    np.testing.assert_allclose(sums_changed.solve(), without, atol=1e-4 * scale)
    assert np.abs(without - whole).max() > 0.1 * scale
    np.testing.assert_allclose(without, sum_half(images, folds[:2] + folds[3:], cloud).solve(), atol=1e-3 * scale)
    assert torch.isfinite(prepare_slices(without, 15).cube.abs()).all()


def test_a_fold_enters_at_its_newest_poses():
    images, folds, cloud = make_half()
    turned = PoseCloud(cloud.rotations @ rotvec_to_matrix([0.3, 0.0, 0.1]), cloud.shifts_px + 1)
    sums = sum_half(images, folds, cloud)
    scale = np.abs(sums.solve()).max()
    sums.take_out(1)
    sums.take_out(1)  # which is not in
    sums.put_in(1, turned, SIGMA2)
    mixed = PoseCloud(cloud.rotations.copy(), cloud.shifts_px.copy())
    mixed.rotations[:, folds[1]], mixed.shifts_px[:, folds[1]] = turned.rotations[:, folds[1]], turned.shifts_px[:, folds[1]]
    np.testing.assert_allclose(sums.solve(), sum_half(images, folds, mixed).solve(), atol=1e-4 * scale)


def test_forgotten_sums_are_made_again():
    images, folds, cloud = make_half()
    kept, forgotten = sum_half(images, folds, cloud), sum_half(images, folds, cloud)
    scale = np.abs(kept.solve()).max()
    forgotten.forget()
    np.testing.assert_allclose(forgotten.solve(), kept.solve(), atol=1e-5 * scale)
    forgotten.forget()
    for sums in (kept, forgotten):
        sums.take_out(3)
    forgotten.forget()
    for sums in (kept, forgotten):
        sums.put_in(3, cloud, SIGMA2)
        sums.take_out(0)
    np.testing.assert_allclose(forgotten.solve(), kept.solve(), atol=1e-5 * scale)


def test_maps_do_not_depend_on_memory(monkeypatch):
    """Sums of folds give the same maps bit for bit whether they are kept or, for want of memory, made again."""
    images, folds, cloud = make_half()
    other, maps = PoseCloud(cloud.rotations, cloud.shifts_px + 1), []
    for kept_bytes in (back_projection.KEPT_BYTES, 0):
        monkeypatch.setattr(back_projection, "KEPT_BYTES", kept_bytes)
        sums, of_run = sum_half(images, folds, cloud), []
        for fold in range(len(folds)):
            sums.take_out(fold)
            of_run.append(sums.solve())
            sums.put_in(fold, other, SIGMA2)
        maps.append([*of_run, sums.solve()])
    np.testing.assert_array_equal(*maps)


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
    whole = reconstruct_whole(inputs, consensus, consensus.sigma2, cloud.in_box(images.offsets_px, center), make_means(), lambda steps: None)
    for rows, of_box in zip(rows_of_halves(scene.start.half_set), whole, strict=True):
        sums = HalfSums(images, deal_folds(rows, 5), cpu)
        sums.renew(cloud, images.sigma2)
        put_back, of_box = (array * scene.domain.mask for array in (scene.domain.put_back(sums.solve()), of_box))
        assert (put_back * of_box).sum() == pytest.approx((of_box**2).sum(), rel=0.03)
        # 150 particles leave gaps in the finest shells of the larger box
        curve = fsc(Volume(put_back, PIXEL_A), Volume(of_box, PIXEL_A))
        assert curve[1 : round(0.4 * box_px)].min() > 0.98
