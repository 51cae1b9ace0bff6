"""The global search scores as the kernels do, finds every pose of noise-free images, and its candidates are different poses."""

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, PIXEL_A, Poses, atoms, density_of, draw_poses, exact_slices

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.healpix import cover_rotations
from triskelion.geometry.rotations import random_rotations, rotation_difference_deg
from triskelion.geometry.symmetry import PointGroup, nearest_symmetry_mate, parse_symmetry
from triskelion.kernels import cpu, reference
from triskelion.kernels.interface import PoseGrid, WeightedImages
from triskelion.refine.alignment import Posterior, Stage, align
from triskelion.refine.global_search import (
    GlobalGrid,
    choose_distinct,
    find_candidates,
    find_poses_globally,
    find_starts,
    measure_diameter_px,
    score_rotations,
    without_prior,
)
from triskelion.refine.prior import PosePrior
from triskelion.refine.search import SearchExtent, shift_grid

C1 = parse_symmetry("C1")
POINTS, SIGMA_PX = np.concatenate([atoms("head"), atoms("body")]), 1.2
DISC, COARSE = fourier_disc(BOX_PX), fourier_disc(BOX_PX, 9)
STAGES = [Stage(fourier_disc(BOX_PX, 12), 4, 0.1, 2), Stage(DISC, 10, 1e-3, 1)]


def make_posterior(truth: Poses, noise_sd: float, points: np.ndarray = POINTS, seed: int = 1) -> Posterior:
    """Images of variance 0.04 per component and coefficient, seen through a weight that differs from one to the next; a prior that is far off."""
    rng, sigma2, n = np.random.default_rng(seed), 0.04, len(truth.rotations)
    slices = exact_slices(points, truth, DISC, SIGMA_PX)
    ctf = rng.uniform(0.3, 1.0, slices.shape) * rng.choice([-1, 1], slices.shape)
    noise = rng.standard_normal((2, *slices.shape)) * np.sqrt(sigma2) * noise_sd
    b = ctf * (ctf * slices + noise[0] + 1j * noise[1]) / sigma2
    images = WeightedImages(torch.from_numpy(b.astype(np.complex64)), torch.from_numpy((ctf**2 / sigma2).astype(np.float32)), np.ones(n))
    far = PosePrior(random_rotations(n, rng), np.full((n, 2), 20.0), np.ones(3), np.eye(3) * 1e-4, 0.01)
    volume = prepare_slices(density_of(points, BOX_PX, SIGMA_PX), int(DISC.shell[-1]))
    return Posterior(cpu, volume, images, far, SearchExtent(1.0, 0.1), PIXEL_A)


def make_grid(group: PointGroup = C1, step_deg: float = 10.0) -> GlobalGrid:
    """A grid on ``COARSE``, shifts up to 4 px."""
    return GlobalGrid(cover_rotations(step_deg, group), shift_grid(4.0, 1.2), COARSE, step_deg, 4.0)


def test_products_score_as_the_plain_kernel_does():
    n = 4
    posterior = make_posterior(draw_poses(n, 41), 1.0)
    images = WeightedImages(posterior.images.b, posterior.images.weight, np.where(np.arange(n) % 3, 1.0, 0.97))
    grid, rows = make_grid(step_deg=60.0), np.arange(1, n)
    scores = score_rotations(cpu, posterior.volume, images, rows, grid)
    every = grid.all_rotations
    assert scores.shape == (n - 1, len(every)) and len(every) == 2 * len(grid.rotations) and len(grid.moves_px) > 20
    poses = PoseGrid(np.broadcast_to(every, (n - 1, *every.shape)), np.zeros((n - 1, len(every), 2)), grid.moves_px)
    plain = reference.score_grid(posterior.volume, poses, images, rows, COARSE)
    np.testing.assert_allclose(scores, plain.max(-1), atol=1e-4 * np.abs(plain).max())
    # and the plain kernel scores half turns as the rotations that they are
    direct = np.real(np.conj(exact_slices(POINTS, Poses(every[-1:], grid.moves_px[:1]), COARSE, SIGMA_PX)) * images.b[1, : len(COARSE)].numpy()).sum()
    power = np.abs(exact_slices(POINTS, Poses(every[-1:], grid.moves_px[:1]), COARSE, SIGMA_PX)) ** 2
    assert plain[0, -1, 0] == pytest.approx(direct - 0.5 * (power * images.weight[1, : len(COARSE)].numpy()).sum(), abs=0.02 * np.abs(plain[0]).max())


def test_every_pose_of_noise_free_images_is_found():
    n = 60
    truth = Poses(random_rotations(n, np.random.default_rng(42)), np.random.default_rng(43).uniform(-2.5, 2.5, (n, 2)))
    posterior, grid, rows = make_posterior(truth, 0.0), make_grid(), np.arange(n)
    starts = find_starts(posterior, rows, grid, 4)
    # the nearest point of the grid gives way to a higher one beside it
    away_deg = rotation_difference_deg(starts.rotations.reshape(n, 4, 3, 3), truth.rotations[:, None])
    assert away_deg.min(1).max() < 1.3 * grid.step_deg and np.median(away_deg[:, 0]) < grid.step_deg
    best = find_poses_globally(posterior, rows, grid, STAGES, n_candidates=4)
    np.testing.assert_array_equal(best.rows, rows)
    assert rotation_difference_deg(best.rotations, truth.rotations).max() < 1
    assert np.linalg.norm(best.shifts_px - truth.shifts_px, axis=1).max() < 0.1


def test_noisy_images_reach_the_likelihood_that_a_start_at_the_truth_reaches():
    n, rows = 60, np.arange(60)
    truth = draw_poses(n, 44)
    posterior, grid = make_posterior(truth, 4.0), make_grid()
    found = find_poses_globally(posterior, rows, grid, STAGES)
    from_truth = align(without_prior(posterior, 4.0), rows, truth.rotations, truth.shifts_px, STAGES)
    assert np.median(rotation_difference_deg(from_truth.rotations, truth.rotations)) > 1  # not an easy set
    assert (found.value > from_truth.value - 0.5).mean() > 0.95


def test_candidates_are_different_poses_best_first():
    n, n_candidates = 12, 6
    posterior, grid = without_prior(make_posterior(draw_poses(n, 45), 4.0), 4.0), make_grid(step_deg=20.0)
    starts = find_starts(posterior, np.arange(n), grid, 10)
    candidates = find_candidates(posterior, np.arange(n), grid, COARSE, n_candidates)
    assert np.bincount(candidates.rows, minlength=n).max() <= n_candidates and np.bincount(candidates.rows, minlength=n).min() > 1
    for poses, apart_deg in ((starts, 1.3 * grid.step_deg), (candidates, grid.step_deg / 2)):
        for row in range(n):
            own = poses.rotations[poses.rows == row]
            between = rotation_difference_deg(own[:, None], own[None])[~np.eye(len(own), dtype=bool)]
            assert between.min() > apart_deg - 0.1
    assert all((np.diff(candidates.value[candidates.rows == row]) <= 0).all() for row in range(n))
    assert np.linalg.norm(candidates.shifts_px, axis=1).max() <= 4.0 + 1e-6


def test_where_too_few_poses_are_apart_the_choice_ends():
    turns = np.stack([np.eye(3), np.diag([1.0, -1.0, -1.0]), np.eye(3)])[None]
    np.testing.assert_array_equal(choose_distinct(turns, np.array([[1.0, 3.0, 2.0]]), 4, 10.0), [[1, 2, -1, -1]])


def test_the_number_of_threads_changes_no_pose():
    n = 40
    posterior, grid, found = make_posterior(draw_poses(n, 46), 3.0), make_grid(step_deg=15.0), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(find_poses_globally(posterior, np.arange(n), grid, STAGES))
    np.testing.assert_allclose(found[1].rotations, found[0].rotations, atol=1e-6)
    np.testing.assert_allclose(found[1].value, found[0].value, rtol=1e-6)


def test_a_symmetric_particle_is_searched_in_one_unit():
    group, n = parse_symmetry("D2"), 20
    points = np.einsum("gij,aj->gai", group.rotations, POINTS[::4] + np.array([2.0, 3.0, 1.0]))
    truth = draw_poses(n, 47)
    posterior, grid = make_posterior(truth, 0.0, points.reshape(-1, 3)), make_grid(group)
    assert len(grid.rotations) < 0.4 * len(make_grid().rotations)
    found = find_poses_globally(posterior, np.arange(n), grid, STAGES).rotations
    assert rotation_difference_deg(nearest_symmetry_mate(found, truth.rotations, group), truth.rotations).max() < 1


def test_steps_follow_resolution_and_diameter():
    fine, coarse = (GlobalGrid.of_disc(fourier_disc(96, shell), 70.0, 10.0, C1) for shell in (16, 12))
    assert fine.step_deg == pytest.approx(np.rad2deg(2 * 6 / 70)) and coarse.step_deg == pytest.approx(np.rad2deg(2 * 8 / 70))
    assert np.sort(np.linalg.norm(fine.moves_px, axis=1))[1] == pytest.approx(2.0)
    assert GlobalGrid.of_disc(fourier_disc(96, 12), 5.0, 10.0, C1).step_deg == 15.0
    assert len(fine.rotations) > 1.8 * len(coarse.rotations)


def test_the_diameter_is_that_of_a_sphere_about_the_box_centre():
    z, y, x = np.indices((32, 32, 32)) - 16
    assert measure_diameter_px((x * x + y * y + z * z <= 100).astype(np.float32)) == pytest.approx(20, abs=0.5)
    assert measure_diameter_px(((x == 8) & (y == 0) & (z == 0)).astype(np.float32)) == pytest.approx(16)
