"""Whole particles: poses found with a map alone, halves that share nothing but low resolution, batches that grow to all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, PIXEL_A, Scene, make_means, make_scene, true_map

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.filters import lowpass
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import parse_symmetry
from triskelion.masks.automatic import spherical_mask
from triskelion.refine import homogeneous
from triskelion.refine.alignment import Candidates
from triskelion.refine.domain import Domain
from triskelion.refine.homogeneous import HomogeneousRefinement, WholeSettings
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import Inputs, Settings

SETTINGS = Settings(
    rotation_extent_deg=180, shift_extent_A=24, initial_lowpass_A=30, use_prior=False, coarse_starts=False, subtract_background=False,
    dynamic_mask=True, use_window=False, max_iterations=3, n_folds=3,
)  # fmt: skip
NOTHING_SHARED = WholeSettings(independent_beyond_A=np.inf)


def inputs_of(scene: Scene, start_map: np.ndarray | None = None, **changes) -> Inputs:
    """What a refinement of the whole particle is given: a map, low-passed, and no poses; or the poses and half maps of the scene."""
    start = scene.start
    changes = {"use_prior": start_map is None} | changes
    if start_map is not None:
        n = len(start.uid)
        nothing = np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 2))
        start = replace(
            start, half_maps=(start_map, start_map), rotations=nothing[0], shifts_px=nothing[1],
            consensus_rotations=nothing[0], consensus_shifts_px=nothing[1],
        )  # fmt: skip
    sphere = Domain(spherical_mask(BOX_PX, PIXEL_A).array, np.zeros(3), np.zeros(3))
    return Inputs(scene.stream, start, sphere, replace(SETTINGS, **changes))


def blurred_truth() -> np.ndarray:
    """Head and body at 30 Å, on a scale of its own."""
    whole = torch.from_numpy(true_map("head") + true_map("body"))
    return 7 * lowpass(whole, PIXEL_A, 30.0).numpy()


def errors_deg(rotations: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Angles from the true rotations, without what all of them have in common."""
    turn = np.swapaxes(rotations, 1, 2) @ truth
    frame = rotvec_to_matrix(np.median(matrix_to_rotvec(turn[rotation_difference_deg(turn, np.eye(3)) < 30]), axis=0))
    return rotation_difference_deg(rotations @ frame, truth)


def test_poses_are_found_with_a_blurred_map_alone():
    scene = make_scene(300, 0.5)
    refinement = HomogeneousRefinement(inputs_of(scene, blurred_truth()), make_means(), WholeSettings())
    *_, result = refinement.iterate()
    assert (errors_deg(result.rotations, scene.body.rotations) < 10).mean() > 0.95
    assert np.median(errors_deg(result.rotations, scene.body.rotations)) < 3
    # the map it started from was seven times too strong: that of the images is not
    truth = true_map("head") + true_map("body")
    average = (result.half_maps[0] + result.half_maps[1]) / 2
    assert (average * truth).sum() / (truth**2).sum() == pytest.approx(1 / scene_scale(scene), rel=0.15)


def scene_scale(scene: Scene) -> float:
    """By what the images of the scene were divided."""
    reference = (scene.start.half_maps[0] + scene.start.half_maps[1]) / 2
    truth = true_map("head") + true_map("body")
    return float((truth**2).sum() / (reference * truth).sum())


def test_given_poses_come_closer_to_the_truth():
    scene = make_scene(200, 0.5)
    refinement = HomogeneousRefinement(inputs_of(scene), make_means(), WholeSettings(searches=False))
    *_, result = refinement.iterate()
    before, after = (np.median(errors_deg(poses, scene.body.rotations)) for poses in (scene.start.rotations, result.rotations))
    assert after < 0.9 * before
    assert refinement.global_share == 0


def with_other_noise_in_half_b(scene: Scene) -> Scene:
    """The scene whose half b has other noise."""
    rows = np.flatnonzero(scene.start.half_set == HALF_B)
    pixels = scene.pixels.copy()
    pixels[rows] += np.random.default_rng(9).standard_normal(pixels[rows].shape)
    return scene.with_pixels(pixels)


@pytest.mark.parametrize("searches", [True, False])
def test_halves_share_low_resolution_and_nothing_else(searches):
    """With the shared quantities of the first run, half a is the same bit for bit; where low resolution is shared as well, it is not.

    Given poses keep the halves in one frame: then nothing is shared.
    """
    scene, start_map = make_scene(60), blurred_truth() if searches else None
    other = with_other_noise_in_half_b(scene)
    rows = np.flatnonzero(scene.start.half_set == HALF_A)
    same = []
    for whole in (NOTHING_SHARED, WholeSettings()):
        whole = replace(whole, searches=searches)
        means = make_means()
        *_, first = HomogeneousRefinement(inputs_of(scene, start_map, max_iterations=2), means, whole).iterate()
        replay = make_means(SharedRecord(means.shared.settled))
        *_, second = HomogeneousRefinement(inputs_of(other, start_map, max_iterations=2), replay, whole).iterate()
        assert not np.array_equal(first.half_maps[1], second.half_maps[1])
        same.append(np.array_equal(first.half_maps[0], second.half_maps[0]) and np.array_equal(first.rotations[rows], second.rotations[rows]))
    assert same == [True, not searches]


def test_batches_grow_until_all_particles_have_poses(monkeypatch):
    monkeypatch.setattr(homogeneous, "FIRST_BATCH", 60)
    scene = make_scene(200, 0.5)
    refinement = HomogeneousRefinement(inputs_of(scene, blurred_truth()), make_means(), WholeSettings())
    results = list(refinement.iterate())
    assert [len(result.refined) for result in results] == [60, 120, 200]
    assert set(results[0].refined) <= set(results[1].refined)
    assert not any(result.converged for result in results)  # the last ones had no second look
    assert (errors_deg(results[-1].rotations, scene.body.rotations) < 10).mean() > 0.9


def test_a_refinement_goes_on_from_its_state():
    scene = make_scene(100)
    one, other = (HomogeneousRefinement(inputs_of(scene, blurred_truth()), make_means(), WholeSettings()) for _ in range(2))
    one.run_iteration()
    other.restore({name: value.copy() for name, value in one.state().items()})
    expected, got = one.run_iteration(), other.run_iteration()
    np.testing.assert_array_equal(got.rotations, expected.rotations)
    np.testing.assert_array_equal(got.half_maps[1], expected.half_maps[1])


def test_of_two_poses_the_better_one_is_taken_and_wrong_basins_are_counted(monkeypatch):
    refinement = HomogeneousRefinement(inputs_of(make_scene(20)), make_means(), WholeSettings(searches=False))
    clearly = np.array([True, False])  # of rows 2 and 3, by what ``compare_basins`` says
    monkeypatch.setattr(homogeneous, "compare_basins", lambda *given: (clearly, np.array([True, True])))

    def candidates(rows: list[int], value: list[float], turn_deg: float) -> Candidates:
        n = len(rows)
        rotations = np.tile(rotvec_to_matrix([0.0, 0.0, np.deg2rad(turn_deg)]), (n, 1, 1))
        return Candidates(np.array(rows), rotations, np.zeros((n, 2)), np.array(value), np.zeros((n, 5)), np.zeros((n, 5, 5)))

    near, anywhere = candidates([0, 2, 3], [5.0, 5.0, 5.0], 0), candidates([1, 2, 3], [1.0, 9.0, 6.5], 90)
    best = refinement._take_better(None, near, anywhere, None)
    np.testing.assert_array_equal(best.rows, [0, 1, 2, 3])
    np.testing.assert_array_equal(best.value, [5.0, 1.0, 9.0, 5.0])
    assert (refinement._checked, refinement._wrong) == (2, 1)


def test_a_symmetric_refinement_gives_symmetric_maps():
    scene = make_scene(100)
    group = parse_symmetry("C2")
    refinement = HomogeneousRefinement(inputs_of(scene, blurred_truth(), max_iterations=1), make_means(), WholeSettings(group=group))
    half = refinement.run_iteration().half_maps[0]
    turned = np.roll(half[:, ::-1, ::-1], (1, 1), axis=(1, 2))  # half a turn about z through voxel n // 2
    np.testing.assert_allclose(half[1:, 1:, 1:], turned[1:, 1:, 1:], atol=1e-5 * np.abs(half).max())


def with_contrast(scene: Scene, contrast: np.ndarray) -> Scene:
    """Images of the same particles, each with its own contrast (and its noise alike, which is little)."""
    return scene.with_pixels(scene.pixels * contrast[:, None, None])


@pytest.mark.parametrize("given", ["poses", "map"])
def test_contrast_of_each_particle_is_found(given):
    plain = make_scene(200, 0.3)
    contrast = np.random.default_rng(3).uniform(0.6, 1.4, 200)
    scene = with_contrast(plain, contrast)
    inputs = inputs_of(scene, None if given == "poses" else blurred_truth(), particle_scale=True)
    refinement = HomogeneousRefinement(inputs, make_means(), WholeSettings(searches=given == "map"))
    list(refinement.iterate())
    found = refinement.inputs.images.particles["contrast"]
    assert np.corrcoef(found, contrast)[0, 1] > 0.9
    assert found.mean() == pytest.approx(1, abs=0.02)
    assert refinement.contrast.spread == pytest.approx(contrast.std() / contrast.mean(), rel=0.3)


def test_contrast_goes_on_from_a_state():
    contrast = np.random.default_rng(3).uniform(0.6, 1.4, 120)
    inputs = inputs_of(with_contrast(make_scene(120, 0.3), contrast), particle_scale=True)
    whole = WholeSettings(searches=False)
    first = HomogeneousRefinement(inputs, make_means(), whole)
    first.run_iteration()
    state = {name: np.array(value) for name, value in first.state().items()}
    expected = first.run_iteration()
    second = HomogeneousRefinement(inputs, make_means(), whole)
    second.restore(state)
    found = second.run_iteration()
    np.testing.assert_array_equal(found.rotations, expected.rotations)
    np.testing.assert_array_equal(second.images.rescaled, first.images.rescaled)
    for half, other in zip(second.final_half_maps(found), first.final_half_maps(expected), strict=True):
        np.testing.assert_array_equal(half, other)


def test_without_particle_scale_contrast_stays():
    refinement = HomogeneousRefinement(inputs_of(make_scene(120, 0.4)), make_means(), WholeSettings(searches=False))
    refinement.run_iteration()
    assert refinement.contrast is None
    np.testing.assert_array_equal(refinement.images.rescaled, 1)
