"""local_refinement --replay: with the shared quantities of another run, nothing of half a depends on the images of half b."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import make_scene
from tests.refine.scene_context import SceneContext, run_local_refinement

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.errors import InputError
from triskelion.io.mrc import read_volume
from triskelion.io.particle_star import read_particles

SHORT = {"max_iterations": 2}


def test_half_a_comes_out_the_same_whatever_the_images_of_half_b(tmp_path):
    scene = make_scene()
    first = run_local_refinement(SceneContext(tmp_path / "J2", scene), **SHORT)
    rows_b = np.flatnonzero(scene.particles["half_set"] == HALF_B)
    pixels = scene.pixels.copy()
    pixels[rows_b] += np.random.default_rng(3).standard_normal(pixels[rows_b].shape)
    second = run_local_refinement(SceneContext(tmp_path / "J3", replace(scene, pixels=pixels)), replay="J2/shared.npz", **SHORT)

    def same(name: str) -> bool:
        return np.array_equal(read_volume(first.folder / name).array, read_volume(second.folder / name).array)

    assert same("half_a.mrc") and not same("half_b.mrc")
    tables = [read_particles(context.folder / "particles.star") for context in (first, second)]
    for column in ("rotvec_rad", "shift_A", "consensus_rotvec_rad", "consensus_shift_A"):
        for half, expected in ((HALF_A, True), (HALF_B, False)):
            one, other = (table[column][table.rows_of_half(half)] for table in tables)
            assert np.array_equal(one, other) is expected, (column, half)


def test_a_recording_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"J9/shared\.npz"):
        run_local_refinement(SceneContext(tmp_path / "J2", make_scene()), replay="J9/shared.npz", **SHORT)
