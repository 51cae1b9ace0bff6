"""What does not belong together is refused before anything is refined, in words that say what to do."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from tests.refine.scene import PIXEL_A, Scene, make_scene
from tests.refine.scene_context import SceneContext, run_local_refinement

from triskelion.data.particles import Particles
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.jobs.local_refinement import LocalRefinementParameters
from triskelion.jobs.read_domain import fulcrum_xyz_px, match_particles

FIXED = {"rotation_extent_deg": 0.0, "shift_extent_A": 0.0, "background_poses": "consensus"}


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(40, 0.4)


def refine(scene: Scene, folder, **changes) -> SceneContext:
    return run_local_refinement(SceneContext(folder / "J2", scene), **(FIXED | changes))


def with_mask(scene: Scene, mask: np.ndarray) -> Scene:
    return replace(scene, domain=replace(scene.domain, mask=mask.astype(np.float32)))


@pytest.mark.parametrize(("axis", "name"), [(0, "z"), (1, "y"), (2, "x")])
@pytest.mark.parametrize("face", [0, -1])
def test_a_mask_that_touches_the_box_is_refused(scene, tmp_path, axis: int, name: str, face: int):
    mask = scene.domain.mask.copy()
    np.moveaxis(mask, axis, 0)[face, 10:20, 10:20] = 0.6
    with pytest.raises(InputError, match=rf"touches the edge of the box along {name} \(value 0\.60 there\)"):
        refine(with_mask(scene, mask), tmp_path)


@pytest.mark.parametrize("left", [0.005, 0.4])
def test_what_filters_leave_at_the_faces_and_the_end_of_a_soft_edge_are_no_mask(scene, tmp_path, left: float):
    mask = np.maximum(scene.domain.mask, 0.005)
    mask[0, 14:18, 14:18] = left
    refine(with_mask(scene, mask), tmp_path)


def test_one_map_given_twice_is_refused(scene, tmp_path):
    half_a, _ = scene.start.half_maps
    twice = replace(scene, start=replace(scene.start, half_maps=(half_a, half_a.copy())))
    with pytest.raises(InputError, match="half map a and half map b are the same map"):
        refine(twice, tmp_path)


def test_a_fulcrum_far_from_the_particle_is_doubted(scene, tmp_path):
    """At a corner of the box."""
    corner = replace(scene, domain=replace(scene.domain, fulcrum_xyz_px=np.full(3, -15.0)))
    context = refine(corner, tmp_path)
    assert any("outside the particle" in warning for warning in context.warnings)


def test_a_fulcrum_at_the_interface_is_not(scene, tmp_path):
    assert not any("outside the particle" in warning for warning in refine(scene, tmp_path).warnings)


def test_a_fulcrum_outside_the_box_is_refused(scene):
    mask = Mask(scene.domain.mask, PIXEL_A)
    for text in ("1,1,31.5", "-1,4,4", "4,4,200A"):
        with pytest.raises(InputError, match="outside the box of 32 px"):
            fulcrum_xyz_px(text, mask)
    np.testing.assert_allclose(fulcrum_xyz_px("60,90,120A", mask), [10, 15, 20])
    np.testing.assert_array_equal(fulcrum_xyz_px("box_center", mask), 16)


def test_half_maps_on_another_grid_are_refused(scene, tmp_path):
    class Other(SceneContext):
        def read_volume(self, reference: str, name: str = "map") -> Volume:
            return replace(super().read_volume(reference, name), pixel_size_A=1.1 * PIXEL_A)

        def read_mask(self, reference: str) -> Mask:
            return replace(super().read_mask(reference), pixel_size_A=1.1 * PIXEL_A)

    with pytest.raises(InputError, match=r"the half maps have 6\.6 Å/px, the particles 6 Å/px"):
        run_local_refinement(Other(tmp_path / "J2", scene), **FIXED)


def test_particles_that_are_not_in_the_consensus_are_refused(scene):
    with pytest.raises(InputError, match="30 of 40 particles are not among the 10 consensus particles"):
        match_particles(scene.particles.select(np.arange(10)), scene.particles)


def test_consensus_particles_come_in_the_order_of_the_particles(scene):
    wanted: Particles = scene.particles.select(np.array([7, 3, 30]))
    np.testing.assert_array_equal(match_particles(scene.particles, wanted)["uid"], wanted["uid"])


@pytest.mark.parametrize("changes", [{"rotation_extent_deg": -1}, {"shift_extent_A": -0.1}, {"rotation_extent_deg": 181}, {"initial_lowpass_A": 0}])
def test_extents_that_make_no_sense_are_refused_before_there_is_a_job(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        LocalRefinementParameters(particles="J1", volume="J1", mask="J1", **changes)
