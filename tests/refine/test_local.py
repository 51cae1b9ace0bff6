"""The whole refinement: it finds the head, its half-sets do not see each other, and it comes out the same every time."""

from dataclasses import dataclass, replace
from functools import cache

import numba
import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, SETTINGS, Scene, make_means, make_scene

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.refine.local import LocalRefinement
from triskelion.refine.rest import refine_rest
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import IterationResult, Start

N, NOISE_SD = 120, 0.4
BOXES = {"whole box": BOX_PX, "window": 48}  # only in the larger one a window is worth its while
in_box_and_window = pytest.mark.parametrize("box_px", BOXES.values(), ids=BOXES.keys())


@dataclass(frozen=True)
class Run:
    """What a refinement leaves."""

    start: Start
    refinement: LocalRefinement
    results: list[IterationResult]

    def arrays_of_half(self, half: int) -> dict[str, np.ndarray]:
        """Everything that belongs to one half-set."""
        rows, refinement = np.flatnonzero(self.start.half_set == half), self.refinement
        refinement.sums[half].forget()  # as making the final half maps leaves them: a total made again is rounded in another order
        arrays = {
            "consensus_rotations": self.start.consensus_rotations[rows],
            "consensus_shifts_px": self.start.consensus_shifts_px[rows],
            "consensus_map": self.start.half_maps[half],
            "matched": refinement.images.matched[rows].numpy(),
            "power": refinement.images.power[rows].numpy(),
            "offsets_px": refinement.images.offsets_px[rows],
            "rotations": refinement.rotations[rows],
            "centers_px": refinement.centers_px[rows],
            "covariance": refinement.covariance[rows],
            "newest_map": refinement.sums[half].solve(),
            "cloud_rotations": refinement.cloud.rotations[:, rows],
            "cloud_shifts_px": refinement.cloud.shifts_px[:, rows],
            "final_half_map": refinement.final_half_maps(self.results[-1])[half],
        }
        for result in self.results:
            arrays[f"half_map_{result.number}"] = result.half_maps[half]
            for name in ("rotations", "shifts_px", "turn_deg", "shift_A", "rotation_sd_deg", "position_sd_A", "log_posterior", "precision"):
                arrays[f"{name}_{result.number}"] = getattr(result, name)[rows]
        return arrays


def refine(scene: Scene, shared: SharedRecord | None = None) -> Run:
    """The rest first, then the head."""
    inputs, means = scene.inputs(), make_means(shared)
    inputs = replace(inputs, start=refine_rest(inputs, means))
    refinement = LocalRefinement(inputs, means)
    return Run(inputs.start, refinement, list(refinement.iterate()))


def run_one_iteration(scene: Scene, **changes) -> Run:
    """The head alone."""
    refinement = LocalRefinement(scene.inputs(replace(SETTINGS, **changes)), make_means())
    return Run(scene.start, refinement, [refinement.run_iteration()])


@cache
def undisturbed(box_px: int) -> Run:
    return refine(make_scene(N, NOISE_SD, box_px=box_px))


@cache
def with_other_images_in_half_b(box_px: int) -> Scene:
    """The scene whose half b has other noise, and another map to start from."""
    scene = make_scene(N, NOISE_SD, box_px=box_px)
    rng, rows = np.random.default_rng(99), np.flatnonzero(scene.start.half_set == HALF_B)
    pixels = scene.pixels.copy()
    pixels[rows] += rng.standard_normal(pixels[rows].shape)
    half_a, half_b = scene.start.half_maps
    noise = rng.standard_normal(half_b.shape).astype(np.float32) * half_b.std()
    other = scene.with_pixels(pixels)
    return replace(other, start=replace(other.start, half_maps=(half_a, half_b + noise)))


def differing(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one if not np.array_equal(one[name], other[name])}


@in_box_and_window
def test_nothing_of_half_a_depends_on_the_images_of_half_b(box_px):
    """Bit for bit, with the shared quantities of the first run: resolution limits, filters, noise, prior widths, the decision to stop."""
    first = undisturbed(box_px)
    assert (first.refinement.grid.box_px < box_px) is (box_px > BOX_PX)
    settled = first.refinement.means.shared.settled
    replayed = refine(with_other_images_in_half_b(box_px), SharedRecord(settled))
    assert replayed.refinement.means.shared.settled.keys() == settled.keys()
    assert differing(first.arrays_of_half(HALF_A), replayed.arrays_of_half(HALF_A)) == set()
    # half b was another one indeed: everything of it changed
    b = first.arrays_of_half(HALF_B)
    constant = {name for name in b if name.startswith(("precision", "power", "offsets_px"))}  # C² and sigma2 hold no image
    changed = differing(b, replayed.arrays_of_half(HALF_B))
    assert b.keys() - constant <= changed
    assert not changed & {"power"}


@in_box_and_window
def test_the_shared_quantities_are_all_that_half_a_learns_of_half_b(box_px):
    """The same two data sets without the recording: half a is no longer the same, so the test above can fail."""
    runs = [run_one_iteration(scene) for scene in (make_scene(N, NOISE_SD, box_px=box_px), with_other_images_in_half_b(box_px))]
    assert {"matched", "rotations", "newest_map", "final_half_map"} <= differing(*(run.arrays_of_half(HALF_A) for run in runs))


@in_box_and_window
def test_the_same_seed_gives_the_same_result_bit_for_bit(box_px):
    again = refine(make_scene(N, NOISE_SD, box_px=box_px))
    for half in (HALF_A, HALF_B):
        assert differing(undisturbed(box_px).arrays_of_half(half), again.arrays_of_half(half)) == set()


def test_another_seed_gives_other_half_maps():
    one, other = (run_one_iteration(make_scene(N, NOISE_SD), seed=seed).arrays_of_half(HALF_A) for seed in (0, 1))
    for name in ("half_map_1", "final_half_map"):
        assert np.abs(one[name] - other[name]).max() > 1e-3 * np.abs(one[name]).max()


def test_without_draws_every_particle_enters_once_at_its_pose():
    refinement = run_one_iteration(make_scene(N, NOISE_SD), marginalize=False).refinement
    np.testing.assert_array_equal(refinement.cloud.rotations, refinement.rotations[None])
    np.testing.assert_array_equal(refinement.cloud.shifts_px, refinement.centers_px[None])


@in_box_and_window
def test_two_threads_give_the_result_of_one(box_px):
    """Half maps to 1e-5 are wanted; they are the same bit for bit, as is every pose."""
    arrays = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        torch.set_num_threads(threads)
        run = run_one_iteration(make_scene(N, NOISE_SD, box_px=box_px))
        arrays.append([run.arrays_of_half(half) for half in (HALF_A, HALF_B)])
    for one, two in zip(*arrays, strict=True):
        assert differing(one, two) == set()


@in_box_and_window
def test_the_order_of_the_particles_does_not_matter(box_px):
    scene, order = make_scene(N, NOISE_SD, box_px=box_px), np.random.default_rng(5).permutation(N)
    one, other = (run_one_iteration(each).results[0] for each in (scene, scene.shuffled(order)))
    # sums in another order round differently, which takes one particle or another to another optimum, and through the sweep some of those after it
    assert (rotation_difference_deg(one.rotations[order], other.rotations) < 0.01).mean() > 0.9
    assert np.linalg.norm(one.half_maps[0] - other.half_maps[0]) < 0.05 * np.linalg.norm(one.half_maps[0])


@in_box_and_window
def test_the_head_comes_closer_to_where_it_is(box_px):
    """Hinges of 6° per axis, 60 particles a half: two iterations take a sixteenth off the median rotation error, two fifths off the position's."""
    run, scene = undisturbed(box_px), make_scene(N, NOISE_SD, box_px=box_px)
    before, after = (np.median(rotation_difference_deg(poses, scene.head.rotations)) for poses in (scene.start.rotations, run.results[-1].rotations))
    assert after < 0.94 * before
    center = scene.domain.center_xyz_px
    truth, start, found = (image_of_point(poses.rotations, poses.shifts_px, center) for poses in (scene.head, scene.start, run.results[-1]))
    assert np.median(np.linalg.norm(found - truth, axis=1)) < 0.6 * np.median(np.linalg.norm(start - truth, axis=1))


@in_box_and_window
def test_it_stays_inside_the_extents(box_px):
    run = undisturbed(box_px)
    assert all(result.turn_deg.max() <= SETTINGS.rotation_extent_deg + 1e-4 for result in run.results)
    assert all(result.shift_A.max() <= SETTINGS.shift_extent_A + 1e-4 for result in run.results)


@in_box_and_window
def test_extents_of_nothing_reconstruct_at_the_given_poses(box_px):
    scene = make_scene(N, NOISE_SD, box_px=box_px)
    settings = replace(SETTINGS, rotation_extent_deg=0.0, shift_extent_A=0.0, max_iterations=15)
    (result,) = LocalRefinement(scene.inputs(settings), make_means()).iterate()
    np.testing.assert_allclose(result.rotations, scene.start.rotations, atol=1e-12)
    np.testing.assert_allclose(result.shifts_px, scene.start.shifts_px, atol=1e-9)


@in_box_and_window
def test_a_state_that_is_restored_goes_on_to_the_same_result(box_px):
    inputs = make_scene(N, NOISE_SD, box_px=box_px).inputs()
    first, second = LocalRefinement(inputs, make_means()), LocalRefinement(inputs, make_means())
    first.run_iteration()
    state = {name: np.array(value) for name, value in first.state().items()}
    expected = first.run_iteration()
    second.restore(state)
    got = second.run_iteration()
    assert got.number == 2
    for name in ("rotations", "shifts_px", "log_posterior", "sigma2"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    for one, other in zip(got.half_maps + second.final_half_maps(got), expected.half_maps + first.final_half_maps(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_images_are_read_once_to_begin_and_once_to_end():
    counted = []
    scene = make_scene(N, NOISE_SD)
    refinement = LocalRefinement(scene.inputs(), make_means(), advance=counted.append)
    assert sum(counted) == N
    result = refinement.run_iteration(counted.append)
    assert sum(counted) == 2 * N
    refinement.final_half_maps(result, counted.append)
    assert sum(counted) == 3 * N
