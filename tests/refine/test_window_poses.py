"""Poses found in the window, or from half precision, against those of the whole box in single precision, in posterior standard deviations.

The box is three windows wide, so that resolution limits fall on the same frequency in both: 3 k + 1 shells of the box are k of the window.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from tests.refine.scene import PIXEL_A, SETTINGS, Scene, make_means, make_scene, true_map

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.kernels import cpu
from triskelion.refine.alignment import Posterior, Stage, align, posterior_covariance
from triskelion.refine.local import LocalRefinement

BOX_PX, WINDOW_PX, LIMIT_SHELL = 84, 28, 13
ROWS = np.arange(80)


@cache
def realistic_scene() -> Scene:
    """Defoci of 1 to 2.5 µm spread the head beyond its window; references are the true maps, so that noise is that of the images."""
    scene = make_scene(len(ROWS), 3.0, box_px=BOX_PX, defocus_A=(10000.0, 25000.0))
    truth = true_map("head", BOX_PX) + true_map("body", BOX_PX)
    return replace(scene, start=replace(scene.start, half_maps=(truth, truth.copy())))


@cache
def climb(use_window: bool = True, dtype: type[np.floating] = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Climb from the consensus to the very top, so that it does not matter where one would stop.

    Rotations, images of the centre in the box, posterior covariances.
    """
    scene = realistic_scene()
    refinement = LocalRefinement(scene.inputs(replace(SETTINGS, use_window=use_window)), make_means(dtype=dtype))
    box_px, images = refinement.grid.box_px, refinement.images
    assert box_px == (WINDOW_PX if use_window else BOX_PX)
    reference = scene.domain.cut(refinement.consensus.half_maps[0] * scene.domain.mask, box_px)
    weighted = images.weighted(ROWS, images.sigma2)
    volume = prepare_slices(reference, int(images.disc.shell[-1]))
    posterior = Posterior(cpu, volume, weighted, refinement.prior, refinement.extent, PIXEL_A)
    limit = LIMIT_SHELL if use_window else 3 * LIMIT_SHELL + 1
    best = align(posterior, ROWS, refinement.rotations, refinement.centers_px, [Stage(fourier_disc(box_px, limit), 40, 1e-6, 1)])
    return best.rotations, best.shifts_px + images.offsets_px, posterior_covariance(best)


def whitened_difference(one, other) -> np.ndarray:
    """Differences of poses (n, 5) in standard deviations of the posterior of ``one``."""
    turn = matrix_to_rotvec(np.swapaxes(one[0], 1, 2) @ other[0])
    difference = np.concatenate([turn, other[1] - one[1]], axis=1)
    return np.linalg.solve(np.linalg.cholesky(one[2]), difference[..., None])[..., 0]


def root_mean_square(difference: np.ndarray) -> float:
    """Over particles and axes; nearly all particles climb to the same optimum, and the others say nothing of precision."""
    same = np.abs(difference).max(axis=1) < 1
    assert same.mean() > 0.95
    return float(np.sqrt((difference[same] ** 2).mean()))


def test_poses_in_the_window_are_those_of_the_whole_box():
    assert root_mean_square(whitened_difference(climb(use_window=False), climb())) < 0.2


def test_half_precision_costs_nothing():
    assert root_mean_square(whitened_difference(climb(), climb(dtype=np.float16))) < 0.05


def test_the_window_says_as_much_of_how_well_poses_are_known():
    full, window = (np.sqrt(np.einsum("nii->ni", climb(use_window)[2])) for use_window in (False, True))
    np.testing.assert_allclose(np.median(window / full, axis=0), 1, atol=0.03)
