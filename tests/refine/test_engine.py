"""The whole refinement: it finds the head, its half-sets do not see each other, and it comes out the same every time."""

from dataclasses import dataclass, replace
from functools import cache

import numba
import numpy as np
import pytest
import torch
from tests.refine.scene import Scene, make_scene

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.kernels import cpu
from triskelion.refine.engine import LocalRefinement
from triskelion.refine.rest import refine_rest
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import IterationResult, Settings, Start

SETTINGS = Settings(rotation_extent_deg=20.0, shift_extent_A=12.0, initial_lowpass_A=25.0, max_iterations=2)
N, NOISE_SD = 120, 0.4


@pytest.fixture(autouse=True)
def one_thread():
    before = numba.get_num_threads(), torch.get_num_threads()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    yield
    numba.set_num_threads(before[0])
    torch.set_num_threads(before[1])


@dataclass(frozen=True)
class Run:
    """What a refinement leaves."""

    start: Start
    refinement: LocalRefinement
    results: list[IterationResult]

    def arrays_of_half(self, half: int) -> dict[str, np.ndarray]:
        """Everything that belongs to one half-set."""
        rows, refinement = np.flatnonzero(self.start.half_set == half), self.refinement
        arrays = {
            "consensus_rotations": self.start.consensus_rotations[rows],
            "consensus_shifts_px": self.start.consensus_shifts_px[rows],
            "consensus_map": self.start.half_maps[half],
            "residual": refinement.residual[rows].numpy(),
            "rotations": refinement.rotations[rows],
            "centers_px": refinement.centers_px[rows],
            "covariance": refinement.covariance[rows],
            "references": np.stack(refinement.references[half]),
        }
        for result in self.results:
            arrays[f"half_map_{result.number}"] = result.half_maps[half]
            for name in ("rotations", "shifts_px", "turn_deg", "shift_A", "rotation_sd_deg", "position_sd_A", "log_posterior", "precision"):
                arrays[f"{name}_{result.number}"] = getattr(result, name)[rows]
        return arrays


def refine(scene: Scene, shared: SharedRecord | None = None, settings: Settings = SETTINGS) -> Run:
    """The rest first, then the head."""
    shared = shared or SharedRecord()
    start = refine_rest(scene.images, scene.start, scene.domain, settings, cpu, shared, lambda steps: None)
    refinement = LocalRefinement(scene.images, start, scene.domain, settings, cpu, shared)
    return Run(start, refinement, list(refinement.iterate()))


@cache
def undisturbed() -> Run:
    return refine(make_scene(N, NOISE_SD))


@cache
def with_other_images_in_half_b() -> Scene:
    """The scene whose half b has other noise, and another map to start from."""
    scene = make_scene(N, NOISE_SD)
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


def test_nothing_of_half_a_depends_on_the_images_of_half_b():
    """Bit for bit, with the shared quantities of the first run: resolution limits, filters, noise, prior widths, the decision to stop."""
    first = undisturbed()
    replayed = refine(with_other_images_in_half_b(), SharedRecord(first.refinement.shared.settled))
    assert replayed.refinement.shared.settled.keys() == first.refinement.shared.settled.keys()
    assert differing(first.arrays_of_half(HALF_A), replayed.arrays_of_half(HALF_A)) == set()
    # half b was another one indeed: everything of it changed
    b = first.arrays_of_half(HALF_B)
    constant = {name for name in b if name.startswith("precision")}  # C²/sigma2 holds no image
    assert differing(b, replayed.arrays_of_half(HALF_B)) == b.keys() - constant


def test_the_shared_quantities_are_all_that_half_a_learns_of_half_b():
    """The same two data sets without the recording: half a is no longer the same, so the test above can fail."""
    settings = replace(SETTINGS, max_iterations=1)
    runs = []
    for scene in (make_scene(N, NOISE_SD), with_other_images_in_half_b()):
        refinement = LocalRefinement(scene.images, scene.start, scene.domain, settings, cpu)
        runs.append(Run(scene.start, refinement, list(refinement.iterate())))
    assert {"rotations", "references"} <= differing(runs[0].arrays_of_half(HALF_A), runs[1].arrays_of_half(HALF_A))


def test_the_same_seed_gives_the_same_result_bit_for_bit():
    again = refine(make_scene(N, NOISE_SD))
    for half in (HALF_A, HALF_B):
        assert differing(undisturbed().arrays_of_half(half), again.arrays_of_half(half)) == set()


def test_another_seed_gives_other_half_maps():
    scene, settings = make_scene(N, NOISE_SD), replace(SETTINGS, max_iterations=1)
    maps = []
    for seed in (0, 1):
        refinement = LocalRefinement(scene.images, scene.start, scene.domain, replace(settings, seed=seed), cpu)
        maps.append(refinement.run_iteration().half_maps[0])
    assert np.abs(maps[0] - maps[1]).max() > 1e-3 * np.abs(maps[0]).max()


def test_two_threads_give_the_result_of_one():
    """Half maps to 1e-5 are wanted; they are the same bit for bit, as is every pose."""
    scene, runs = make_scene(N, NOISE_SD), []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        torch.set_num_threads(threads)
        refinement = LocalRefinement(scene.images, scene.start, scene.domain, SETTINGS, cpu)
        runs.append(Run(scene.start, refinement, [refinement.run_iteration()]))
    for half in (HALF_A, HALF_B):
        assert differing(runs[0].arrays_of_half(half), runs[1].arrays_of_half(half)) == set()


def test_the_order_of_the_particles_does_not_matter():
    scene, settings = make_scene(N, NOISE_SD), replace(SETTINGS, max_iterations=1)
    order = np.random.default_rng(5).permutation(N)
    images = scene.images
    shuffled = replace(
        images, coefficients=images.coefficients[order], ctf=images.ctf[order],
        contrast=images.contrast[order], scale=images.scale[order], premultiplied=images.premultiplied[order], group=images.group[order],
    )  # fmt: skip
    per_particle = ("uid", "half_set", "rotations", "shifts_px", "consensus_rotations", "consensus_shifts_px")
    start = replace(scene.start, **{name: getattr(scene.start, name)[order] for name in per_particle})
    one = LocalRefinement(images, scene.start, scene.domain, settings, cpu).run_iteration()
    other = LocalRefinement(shuffled, start, scene.domain, settings, cpu).run_iteration()
    assert rotation_difference_deg(one.rotations[order], other.rotations).max() < 0.01
    assert np.linalg.norm(one.half_maps[0] - other.half_maps[0]) < 1e-3 * np.linalg.norm(one.half_maps[0])


def test_the_head_comes_closer_to_where_it_is():
    """Hinges of 6° per axis, 60 particles in a half: at least a seventh of the median error goes in two iterations."""
    run, scene = undisturbed(), make_scene(N, NOISE_SD)
    before, after = (np.median(rotation_difference_deg(poses, scene.head.rotations)) for poses in (scene.start.rotations, run.results[-1].rotations))
    assert after < 0.86 * before


def test_it_stays_inside_the_extents():
    run = undisturbed()
    assert all(result.turn_deg.max() <= SETTINGS.rotation_extent_deg + 1e-4 for result in run.results)
    assert all(result.shift_A.max() <= SETTINGS.shift_extent_A + 1e-4 for result in run.results)


def test_extents_of_nothing_reconstruct_at_the_given_poses():
    scene = make_scene(N, NOISE_SD)
    settings = replace(SETTINGS, rotation_extent_deg=0.0, shift_extent_A=0.0, max_iterations=15)
    (result,) = LocalRefinement(scene.images, scene.start, scene.domain, settings, cpu).iterate()
    np.testing.assert_allclose(result.rotations, scene.start.rotations, atol=1e-12)
    np.testing.assert_allclose(result.shifts_px, scene.start.shifts_px, atol=1e-9)


def test_a_state_that_is_restored_goes_on_to_the_same_result():
    scene = make_scene(N, NOISE_SD)
    first = LocalRefinement(scene.images, scene.start, scene.domain, SETTINGS, cpu)
    first.run_iteration()
    state = {name: np.array(value) for name, value in first.state().items()}
    expected = first.run_iteration()
    second = LocalRefinement(scene.images, scene.start, scene.domain, SETTINGS, cpu)
    second.restore(state)
    got = second.run_iteration()
    assert got.number == 2
    for name in ("rotations", "shifts_px", "log_posterior", "sigma2"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    np.testing.assert_array_equal(got.half_maps[0], expected.half_maps[0])
