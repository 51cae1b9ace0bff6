"""Measured covariances: those of a normal posterior stay, a posterior that falls less is wider, and the refinement is not moved."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.refine.scene import SETTINGS, draw_poses, make_means, make_scene

from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.refine.local import LocalRefinement
from triskelion.refine.spread import measure_spread, principal_axes, spread_about

N, MIDDLE_PX = 30, 4.0


def random_covariances() -> np.ndarray:
    rng = np.random.default_rng(1)
    mixing = rng.standard_normal((N, 5, 5)) * np.array([0.02, 0.02, 0.02, 0.3, 0.3])[:, None]
    return mixing @ np.swapaxes(mixing, 1, 2)


@dataclass(frozen=True)
class Known:
    """A posterior whose logarithm is a function of the squared distance from known poses, in units of known covariances."""

    rotations: np.ndarray
    centers_px: np.ndarray
    covariance: np.ndarray
    log_density: callable

    @dataclass(frozen=True)
    class Value:
        value: np.ndarray

    def evaluate(self, rows, rotations, centers_px, disc):
        turn = matrix_to_rotvec(np.swapaxes(self.rotations[rows], 1, 2) @ rotations)
        step = np.concatenate([turn, centers_px - self.centers_px[rows]], axis=1)
        return self.Value(self.log_density(np.einsum("ni,nij,nj->n", step, np.linalg.inv(self.covariance)[rows], step)))


@pytest.mark.parametrize(
    ("log_density", "wider"), [(lambda d2: -d2 / 2, 1.0), (lambda d2: -d2 / 8, 4.0), (lambda d2: -2 * np.log1p(d2 / 4), 1 / np.log(2))]
)
def test_the_variance_is_that_of_a_normal_posterior_that_falls_as_far(log_density, wider):
    poses, covariance = draw_poses(N, 3), random_covariances()
    posterior = Known(poses.rotations, poses.shifts_px, covariance, log_density)
    found = spread_about(posterior, poses.rotations, poses.shifts_px, covariance, MIDDLE_PX, fourier_disc(8))
    np.testing.assert_allclose(found, wider * covariance, rtol=1e-5, atol=1e-8)


def test_principal_axes_are_at_right_angles_where_turns_count_as_shifts():
    covariance = random_covariances()
    axes = principal_axes(covariance, MIDDLE_PX)
    np.testing.assert_allclose(axes @ np.swapaxes(axes, 1, 2), covariance, atol=1e-12)
    moved = axes * np.array([MIDDLE_PX] * 3 + [1, 1])[:, None]
    products = np.swapaxes(moved, 1, 2) @ moved
    np.testing.assert_allclose(products * (1 - np.eye(5)), 0, atol=1e-12)


def test_spreads_of_a_refinement_are_symmetric_positive_and_never_far_narrower():
    refinement = LocalRefinement(make_scene(120, 0.4).inputs(replace(SETTINGS, coarse_starts=False)), make_means())
    *_, result = refinement.iterate()
    before = {name: np.array(value) for name, value in refinement.state().items()}
    found = measure_spread(refinement, result)
    for name, value in refinement.state().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    np.testing.assert_allclose(found.covariance, np.swapaxes(found.covariance, 1, 2), rtol=1e-9, atol=1e-15)
    shape = np.linalg.eigvals(np.linalg.solve(result.covariance, found.covariance)).real
    assert shape.min() > 0.2
    assert 0.8 < np.median(shape) < 1.5
    np.testing.assert_array_equal(found.rotations, result.rotations)
