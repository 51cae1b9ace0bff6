"""Climbs: the plain one by its parts, the compiled one by the plain one, on the posterior that local refinement maximises."""

import math

import numba
import numpy as np
import pytest
from tests.kernels.climb_scene import CASES, STAGE, make_climb_scene

from triskelion.geometry import rotations
from triskelion.kernels import cpu, reference
from triskelion.kernels.climb import Starts
from triskelion.kernels.cpu.poses import find_turn
from triskelion.kernels.reference import climbing


@pytest.mark.parametrize("case", CASES)
def test_compiled_climbs_end_where_the_plain_ones_do(case):
    """Where a step promises just as much as it must, one may take it and the other not: then they are next to nothing apart."""
    scene = make_climb_scene(case, 6)
    found, expected = scene.climb(cpu), scene.climb(reference)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-6)
    turn = rotations.matrix_to_rotvec(np.swapaxes(expected.rotations, 1, 2) @ found.rotations)
    difference = np.concatenate([turn, found.shifts_px - expected.shifts_px], axis=1)
    assert np.sqrt(np.einsum("ni,nij,nj->n", difference, expected.matrix, difference)).max() < 0.01
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-4 * np.abs(expected.matrix).max())
    np.testing.assert_allclose(np.swapaxes(found.rotations, 1, 2) @ found.rotations, np.broadcast_to(np.eye(3), (12, 3, 3)), atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_climb_of_no_steps_tells_the_posterior_at_its_start(case):
    """Likelihood and prior, each as it is told elsewhere."""
    scene = make_climb_scene(case, 6)
    posterior, (rows, *poses) = scene.posterior, scene.starts
    likelihood = reference.gauss_newton(posterior.volume, *poses, posterior.images, rows, STAGE.disc)
    prior = posterior.prior.terms(rows, *poses)
    for kernels in (reference, cpu):
        found = scene.climb(kernels, evaluations=0)
        np.testing.assert_array_equal(found.rotations, poses[0])
        np.testing.assert_array_equal(found.shifts_px, poses[1])
        for name, term in zip(("value", "gradient"), prior, strict=False):
            expected = getattr(likelihood, name) + term
            np.testing.assert_allclose(getattr(found, name), expected, atol=1e-6 * np.abs(expected).max())
        expected = likelihood.matrix + prior[2] + np.diag(posterior.restraint.least_precision)
        np.testing.assert_allclose(found.matrix, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("kernels", [reference, cpu], ids=["plain", "compiled"])
def test_steps_fail_and_poses_reach_the_extents(kernels):
    """Damping rises where a step fails, or the end would be lower; poses that move come as far as they may, no farther."""
    scene = make_climb_scene("no prior, tight extents", 6)
    found, undamped = scene.climb(kernels), scene.climb(kernels, damping_up=1.0)
    assert (found.value - undamped.value).max() > 0.1
    turn, shift = scene.posterior.prior.deviation(scene.starts.rows, found.rotations, found.shifts_px)
    restraint, moved = scene.posterior.restraint, (found.shifts_px != scene.starts.shifts_px).any(1)
    for deviation, extent in ((turn, restraint.rotation_extent_rad), (shift, restraint.shift_extent_px)):
        length = np.linalg.norm(deviation, axis=1)[moved] / extent
        assert length.max() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_plain_climbs_are_cut_as_poses_are_cut_elsewhere(case):
    scene = make_climb_scene(case, 6)
    expected = scene.posterior.extent.clip(scene.posterior.prior, *scene.starts)
    found = [climbing.clip_pose(scene.posterior.restraint, *start) for start in zip(*scene.starts, strict=True)]
    for got, wanted in zip(zip(*found, strict=True), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-12)


def test_compiled_climbs_depend_neither_on_threads_nor_on_company():
    """Bit for bit: alone, in another order, by one thread or two."""
    scene = make_climb_scene("prior", 6)
    together, threads = scene.climb(cpu), numba.get_num_threads()
    for count in sorted({1, min(2, threads)}):
        numba.set_num_threads(count)
        for chosen in (np.arange(12), np.array([7]), np.array([11, 1, 5, 3])):
            some = scene.climb(cpu, Starts(*(array[chosen] for array in scene.starts)))
            for got, wanted in zip(some, together, strict=True):
                np.testing.assert_array_equal(got, wanted[chosen])
    numba.set_num_threads(threads)


@pytest.mark.parametrize("kernels", [reference, cpu], ids=["plain", "compiled"])
def test_no_start_is_no_climb(kernels):
    scene = make_climb_scene("prior", 6)
    assert [array.shape for array in scene.climb(kernels, Starts(*(array[:0] for array in scene.starts)))] == [
        (0, 3, 3),
        (0, 2),
        (0,),
        (0, 5),
        (0, 5, 5),
    ]


@pytest.mark.parametrize("angle", [0.0, 1e-10, 1e-3, 1.0, 2.2, 3.0, math.pi - 1e-7])
def test_rotation_vectors_are_those_of_geometry(angle):
    rng = np.random.default_rng(5)
    for axis in (*rng.standard_normal((4, 3)), *np.eye(3)):
        vector, compiled = axis / np.linalg.norm(axis) * angle, np.empty(3)
        matrix, consensus = rotations.rotvec_to_matrix(vector), rotations.random_rotations(1, rng)[0]
        np.testing.assert_allclose(climbing.rotvec_to_matrix(vector), matrix, atol=1e-14)
        find_turn(consensus, consensus @ matrix, compiled)
        for found in (climbing.matrix_to_rotvec(matrix), compiled):
            np.testing.assert_allclose(found, vector, atol=1e-12 if angle < 3.1 else 1e-8)
