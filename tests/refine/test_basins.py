"""A pose in another basin has to be better by more than in a draw: of mates none is better, wrong poses are left."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import BOX_PX, Poses, atoms, density_of, draw_poses, exact_slices
from tests.refine.test_global_search import DISC, SIGMA_PX, STAGES, make_posterior

from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import random_rotations, rotvec_to_matrix
from triskelion.imaging.comparison import measure_distance2
from triskelion.kernels.interface import WeightedImages
from triskelion.refine.alignment import Candidates, Posterior, align
from triskelion.refine.basins import compare_basins, measure_map_noise
from triskelion.refine.global_search import without_prior

N = 120
HALF_TURN_Z = rotvec_to_matrix(np.array([0.0, 0.0, np.pi]))
POINTS = np.concatenate([atoms("head"), atoms("body")])
SYMMETRIC = np.concatenate([POINTS, POINTS @ HALF_TURN_Z.T])


@pytest.fixture(scope="module")
def truth() -> Poses:
    return draw_poses(N, 51)


def make_noisy(truth: Poses, points: np.ndarray, image_sd: float = 45.0, map_sd: float = 1.0) -> tuple[Posterior, np.ndarray]:
    """Images of about 100 nat whose weights say how noisy they are, against a map that holds noise as well; and that noise, from two maps."""
    posterior = without_prior(make_posterior(truth, image_sd, points), 4.0)
    images = WeightedImages(posterior.images.b / image_sd**2, posterior.images.weight / image_sd**2, posterior.images.scale)
    density = density_of(points, BOX_PX, SIGMA_PX)
    noise = np.random.default_rng(7).standard_normal((2, *density.shape)) * map_sd * density.std()
    half_a, half_b = (density + noise).astype(np.float32)
    return replace(posterior, images=images, volume=prepare_slices(half_a, int(DISC.shell[-1]))), measure_map_noise(half_a, half_b)


def climb(posterior: Posterior, rotations: np.ndarray, shifts_px: np.ndarray) -> Candidates:
    return align(posterior, np.arange(N), rotations, shifts_px, STAGES)


def test_of_symmetric_mates_the_luckier_is_not_better(truth):
    posterior, map_noise = make_noisy(truth, SYMMETRIC)
    here, found = (climb(posterior, turned, truth.shifts_px) for turned in (truth.rotations, truth.rotations @ HALF_TURN_Z))
    luckier = found.value > here.value + 1
    assert 0.2 < luckier.mean() < 0.8
    better, elsewhere = compare_basins(posterior, here, found, DISC, map_noise)
    assert elsewhere.all()
    assert better.mean() < 0.02
    assert not better[~luckier].any()


def test_a_wrong_pose_is_left_for_the_right_one(truth):
    posterior, map_noise = make_noisy(truth, POINTS)
    wrong = random_rotations(N, np.random.default_rng(52))
    here, found = climb(posterior, wrong, truth.shifts_px), climb(posterior, truth.rotations, truth.shifts_px)
    better, elsewhere = compare_basins(posterior, here, found, DISC, map_noise)
    assert elsewhere.mean() > 0.9
    assert better[elsewhere].mean() > 0.9
    assert compare_basins(posterior, found, here, DISC, map_noise)[0].mean() < 0.03


def test_a_better_pose_in_the_same_basin_is_always_taken(truth):
    posterior, map_noise = make_noisy(truth, POINTS)
    beside = truth.rotations @ rotvec_to_matrix(np.array([0.1, 0.0, 0.0]))
    here, found = posterior.evaluate(np.arange(N), beside, truth.shifts_px, DISC), climb(posterior, truth.rotations, truth.shifts_px)
    better, elsewhere = compare_basins(posterior, here, found, DISC, 1e6 * map_noise)  # in another basin all would be draws
    np.testing.assert_array_equal(better[~elsewhere], (found.value > here.value + 1)[~elsewhere])
    assert better.mean() > 0.5 and elsewhere.mean() < 0.2


def test_the_distance_of_two_projections_is_that_of_exact_slices(truth):
    posterior, rows = make_posterior(truth, 0.0), np.array([3, 1, 8])
    first = truth.rotations[rows], truth.shifts_px[rows]
    second = random_rotations(3, np.random.default_rng(53)), truth.shifts_px[rows] + 1
    apart = exact_slices(POINTS, Poses(*first), DISC, SIGMA_PX) - exact_slices(POINTS, Poses(*second), DISC, SIGMA_PX)
    expected = (np.abs(apart) ** 2 * posterior.images.weight[rows].numpy()).sum(1)
    found = measure_distance2(posterior.images, rows, posterior.volume, (first, second), DISC, posterior.kernels)
    np.testing.assert_allclose(found, expected, rtol=0.05)  # slices are interpolated


def test_map_noise_is_what_projections_of_noise_differ_by(truth):
    noise = np.random.default_rng(8).standard_normal((2, BOX_PX, BOX_PX, BOX_PX)).astype(np.float32)
    inside = density_of(POINTS, BOX_PX, 2.0) > 0.01
    posterior, rows = make_posterior(truth, 0.0), np.arange(60)
    volume = prepare_slices(noise[0] * inside, int(DISC.shell[-1]))
    poses = [(random_rotations(60, np.random.default_rng(seed)), np.zeros((60, 2))) for seed in (54, 55)]
    found = measure_distance2(posterior.images, rows, volume, (poses[0], poses[1]), DISC, posterior.kernels)
    expected = posterior.images.weight[rows].numpy() @ measure_map_noise(noise[0] * inside, noise[1] * inside)[DISC.shell]
    assert found.mean() == pytest.approx(expected.mean(), rel=0.1)
