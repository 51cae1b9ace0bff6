"""With extents of 0 the job only subtracts the rest and reconstructs: so does anybody who does both by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.jobs.fake_context import run_job
from tests.refine.scene import PIXEL_A, Poses, Scene, atoms, ctf_of, exact_slices, make_scene, render, true_map
from tests.refine.scene_context import SceneContext, run_local_refinement

from triskelion.data.volume import Mask, Volume
from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.io.mrc import read_volume
from triskelion.io.particle_star import read_particles
from triskelion.masks.automatic import near_far_masks, smooth_base
from triskelion.resolution.fsc import average_map, fsc

FIXED = {"rotation_extent_deg": 0.0, "shift_extent_A": 0.0, "background_poses": "consensus"}


def with_poses(scene: Scene, poses: Poses, prefix: str = "") -> Scene:
    """The scene with other poses, or consensus poses, in its table."""
    columns = {f"{prefix}rotvec_rad": matrix_to_rotvec(poses.rotations), f"{prefix}shift_A": poses.shifts_px * PIXEL_A}
    return replace(scene, particles=scene.particles.with_columns(**columns))


def subtract_true_body(scene: Scene) -> Scene:
    """The scene without the body in its images."""
    disc = fourier_disc(scene.images.grid.box_px)
    slices = [exact_slices(atoms(name), poses, disc) for name, poses in (("head", scene.head), ("body", scene.body))]
    both, body = (render(ctf_of(scene.particles, disc) * each, disc) for each in (sum(slices), slices[1]))
    return scene.with_pixels(scene.pixels - body / both.std())


def read_halves(folder: Path) -> list[Volume]:
    return [read_volume(folder / f"{name}.mrc") for name in ("half_a", "half_b")]


def reconstruct(scene: Scene, folder: Path) -> list[Volume]:
    return read_halves(run_job("reconstruct", SceneContext(folder, scene), particles="J1").folder)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Scene:
    """Images with little noise; half maps and consensus poses are those of the body, the poses those of the head."""
    scene = make_scene(noise_sd=0.1)
    of_body = with_poses(with_poses(scene, scene.body), scene.body, "consensus_")
    half_a, half_b = reconstruct(of_body, tmp_path_factory.mktemp("body") / "J1")
    start = replace(scene.start, half_maps=(half_a.array, half_b.array))
    return replace(with_poses(of_body, scene.head), start=start)


def refine(scene: Scene, folder: Path, **changes) -> SceneContext:
    return run_local_refinement(SceneContext(folder, scene), **FIXED, **changes)


@pytest.fixture(scope="module")
def oracle(scene, tmp_path_factory) -> SceneContext:
    return refine(scene, tmp_path_factory.mktemp("oracle") / "J2")


def where_the_head_is_alone(scene: Scene) -> Mask:
    """The mask of the head without the body and its neighbourhood: what lies in both masks is never subtracted."""
    body = near_far_masks(smooth_base(Volume(true_map("body"), PIXEL_A), 0.2), PIXEL_A, (6.0, 18.0))[0]
    return Mask(scene.domain.mask * (1 - body.array), PIXEL_A)


def test_the_map_is_that_of_images_subtracted_by_hand(scene, oracle, tmp_path):
    by_hand = average_map(*reconstruct(subtract_true_body(scene), tmp_path / "J3"))
    alone = where_the_head_is_alone(scene)
    on_the_fly = fsc(average_map(*read_halves(oracle.folder)), by_hand, alone)
    not_at_all = fsc(average_map(*reconstruct(scene, tmp_path / "J4")), by_hand, alone)
    assert on_the_fly.min() > 0.97
    middle = slice(4, 10)
    assert (1 - on_the_fly[middle]).max() < 0.2 * (1 - not_at_all[middle]).max()


def test_without_subtraction_the_maps_are_those_of_reconstruct(scene, tmp_path):
    kept = refine(scene, tmp_path / "J3", background="none")
    for found, expected in zip(read_halves(kept.folder), reconstruct(scene, tmp_path / "J4"), strict=True):
        assert fsc(found, expected)[1:].min() > 0.998


def test_poses_stay_and_consensus_poses_are_carried_on(scene, oracle):
    kept = read_particles(oracle.folder / "particles.star")
    for column, tolerance in (("rotvec_rad", 1e-6), ("shift_A", 1e-4), ("consensus_rotvec_rad", 1e-6), ("consensus_shift_A", 1e-4)):
        np.testing.assert_allclose(kept[column], scene.particles[column], atol=tolerance, err_msg=column)
