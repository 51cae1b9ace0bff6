"""The search extent and the coarse starts inside it."""

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, HEAD_CENTER_PX, atoms, density_of, draw_poses, exact_slices
from tests.refine.test_prior import ROWS, N, make_prior

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.kernels import cpu
from triskelion.kernels.interface import WeightedImages
from triskelion.refine.prior import EXTENT_PER_SD
from triskelion.refine.search import GRID_STEP_DEG, SearchExtent, coarse_starts, shift_grid, start_grids, starts_for_width


def test_poses_inside_stay_and_poses_outside_come_to_the_edge():
    prior, extent = make_prior(), SearchExtent(rotation_deg=10.0, shift_px=2.0)
    directions = np.random.default_rng(1).standard_normal((N, 3))
    turns = directions / np.linalg.norm(directions, axis=1, keepdims=True) * np.deg2rad(np.linspace(1, 40, N))[:, None]
    moves = np.stack([np.linspace(-5, 5, N), np.linspace(0, 3, N)], 1)
    poses = prior.pose_at(ROWS, turns, moves)
    turn, move = prior.deviation(ROWS, *extent.clip(prior, ROWS, *poses))
    for clipped, wanted, longest in ((turn, turns, np.deg2rad(10.0)), (move, moves, 2.0)):
        length = np.linalg.norm(wanted, axis=1)
        assert (length > longest).any() and (length < longest).any()
        np.testing.assert_allclose(clipped, wanted * np.minimum(1, longest / length)[:, None], atol=1e-8)


def test_extents_of_nothing_are_fixed():
    assert SearchExtent(0, 0).is_fixed and not SearchExtent(1, 0).is_fixed and not SearchExtent(0, 1).is_fixed


def test_shift_grid_fills_a_disc():
    grid = shift_grid(3.2, 1.0)
    np.testing.assert_array_equal(grid[0], [0, 0])
    assert len(grid) == len(np.unique(grid, axis=0)) == sum(x * x + y * y <= 3.2**2 for x in range(-3, 4) for y in range(-3, 4))
    assert shift_grid(0.0, 1.0).shape == (1, 2)


@pytest.mark.parametrize(("extent_deg", "sd_deg", "reach_deg"), [(30, 100.0, 30), (60, 10.0, EXTENT_PER_SD * 10)])
def test_start_grids_reach_as_far_as_extent_and_prior_allow(extent_deg, sd_deg, reach_deg):
    prior = make_prior().with_widths(np.eye(3) * np.deg2rad(sd_deg) ** 2, 1e6)
    turns, moves = start_grids(SearchExtent(extent_deg, 2.0), prior, 1.5)
    reached = np.rad2deg(np.linalg.norm(turns, axis=1)).max()
    assert reach_deg - GRID_STEP_DEG < reached <= reach_deg + 1e-6
    assert np.linalg.norm(moves, axis=1).max() == pytest.approx(2.0)  # steps of 3 Å


def test_wider_priors_ask_for_more_starts():
    assert [starts_for_width(sd) for sd in (2, 6, 8, 10, 15, np.inf)] == [2, 2, 4, 4, 8, 8]


def test_the_best_coarse_start_is_next_to_the_truth():
    """Noise-free images of a pose that is a point of the grid, from a consensus 24° and 2 px away."""
    disc, points = fourier_disc(BOX_PX, 10), atoms("head") - HEAD_CENTER_PX
    prior = make_prior().with_widths(np.eye(3) * np.deg2rad(30.0) ** 2, 9.0)
    grids = start_grids(SearchExtent(40.0, 3.0), prior, 3.0)
    rng = np.random.default_rng(2)
    far = np.flatnonzero(np.linalg.norm(grids[0], axis=1) > np.deg2rad(20))
    chosen = rng.choice(far, N), rng.integers(1, len(grids[1]), N)
    truth = prior.pose_at(ROWS, grids[0][chosen[0]], grids[1][chosen[1]])
    poses = type(draw_poses(1, 1))(*truth)
    weight = np.full((N, len(disc)), 50.0, np.float32)
    slices = exact_slices(points, poses, disc, 1.2).astype(np.complex64)
    images = WeightedImages(torch.from_numpy(slices * weight), torch.from_numpy(weight), np.ones(N))
    volume = prepare_slices(density_of(points, BOX_PX, 1.2), 10)
    rows, rotations, shifts = coarse_starts(cpu, volume, images, disc, ROWS, prior, grids, 3)
    np.testing.assert_array_equal(rows, np.repeat(ROWS, 3))
    np.testing.assert_allclose(rotation_difference_deg(rotations[::3], truth[0]), 0, atol=1e-4)
    np.testing.assert_allclose(shifts[::3], truth[1], atol=1e-6)
    # one shift a rotation: the other starts are other rotations
    assert rotation_difference_deg(rotations[1::3], truth[0]).min() > 5
