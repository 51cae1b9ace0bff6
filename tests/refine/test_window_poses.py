"""Poses found in the window, or from half precision, against those of the whole box in single precision, in posterior standard deviations.

The box is three windows wide, so that resolution limits fall on the same frequency in both: 3 k + 1 shells of the box are k of the window.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from tests.refine.scene import SETTINGS, Scene, make_means, make_scene, true_map

from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.refine.alignment import Stage
from triskelion.refine.engine import LocalRefinement

BOX_PX, WINDOW_PX = 84, 28
ALIGN = replace(SETTINGS, initial_lowpass_A=12.3, coarse_starts=False, max_iterations=1)


@cache
def realistic_scene() -> Scene:
    """Defoci of 1 to 2.5 µm spread the head beyond its window; references are the true maps, so that noise is that of the images."""
    scene = make_scene(80, 3.0, box_px=BOX_PX, defocus_A=(10000.0, 25000.0))
    truth = true_map("head", BOX_PX) + true_map("body", BOX_PX)
    return replace(scene, start=replace(scene.start, half_maps=(truth, truth.copy())))


class PatientRefinement(LocalRefinement):
    """Climbs to the very top, so that it does not matter where it would stop."""

    def _stages(self, n_starts: int) -> list[Stage]:
        return [Stage(fourier_disc(self.grid.box_px, self.limit_shell), 40, 1e-6, 1)]


@cache
def align(use_window: bool = True, dtype: type[np.floating] = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations, images of the centre in the box, posterior covariances."""
    refinement = PatientRefinement(realistic_scene().inputs(replace(ALIGN, use_window=use_window)), make_means(dtype=dtype))
    assert refinement.grid.box_px == (WINDOW_PX if use_window else BOX_PX)
    refinement.run_iteration()
    return refinement.rotations, refinement.centers_px + refinement.images.offsets_px, refinement.covariance


def whitened_difference(one, other) -> np.ndarray:
    """Differences of poses (n, 5) in standard deviations of the posterior of ``one``."""
    turn = matrix_to_rotvec(np.swapaxes(one[0], 1, 2) @ other[0])
    difference = np.concatenate([turn, other[1] - one[1]], axis=1)
    return np.linalg.solve(np.linalg.cholesky(one[2]), difference[..., None])[..., 0]


def rms_of_most(difference: np.ndarray) -> np.ndarray:
    """Root mean square per axis over the particles that stay at the same optimum, nearly all."""
    same = np.abs(difference).max(axis=1) < 1
    assert same.mean() > 0.95
    return np.sqrt((difference[same] ** 2).mean(0))


def test_poses_in_the_window_are_those_of_the_whole_box():
    assert rms_of_most(whitened_difference(align(use_window=False), align())).max() < 0.2


def test_half_precision_costs_nothing():
    assert rms_of_most(whitened_difference(align(), align(dtype=np.float16))).max() < 0.05


def test_the_window_says_as_much_of_how_well_poses_are_known():
    full, window = (np.sqrt(np.einsum("nii->ni", align(use_window)[2])) for use_window in (False, True))
    np.testing.assert_allclose(np.median(window / full, axis=0), 1, atol=0.03)
