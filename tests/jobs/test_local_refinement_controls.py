"""Control experiments through the job: what a refinement reaches on nothing, and what is said of it."""

from pathlib import Path

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext
from tests.refine.scene import make_scene
from tests.refine.scene_context import SceneContext, run_local_refinement

from triskelion.data.particles import Particles
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.refine.calibration import COMMON_ROTATION

REFINED = "J2"
FEW = {"background_poses": "consensus", "max_iterations": 2}


class ControlContext(SceneContext):
    """The scene, and beside it a refinement of it that lies in its folder."""

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        return FakeContext.read_volume(self, reference, name) if reference == REFINED else super().read_volume(reference, name)

    def read_particles(self, reference: str) -> Particles:
        return FakeContext.read_particles(self, reference) if reference == REFINED else super().read_particles(reference)

    def read_mask(self, reference: str) -> Mask:
        return FakeContext.read_mask(self, reference) if reference == REFINED else super().read_mask(reference)


@pytest.fixture(scope="module")
def refined(tmp_path_factory) -> SceneContext:
    """A refinement of the head in few iterations, with little noise."""
    return run_local_refinement(SceneContext(tmp_path_factory.mktemp("project") / REFINED, make_scene(120, 0.4)), restart_audit=False, **FEW)


def run_control(refined: SceneContext, kind: str, name: str, **changes) -> SceneContext:
    context = ControlContext(refined.folder.parent / name, refined.scene)
    return run_local_refinement(context, control=kind, refined=REFINED, restart_audit=False, **(FEW | changes))


def test_noise_alone_is_many_shells_behind(refined):
    control = run_control(refined, "noise", "J3")
    assert control.summary["control"] == "noise"
    assert control.summary["refined"] == REFINED
    assert control.summary["refined_resolution_A"] == pytest.approx(refined.summary["resolution_A"], rel=0.01)
    assert control.summary["evidence_shells"] > 4
    assert any("by itself it is no evidence" in warning for warning in control.warnings)
    assert not any(warning.startswith("no evidence") for warning in control.warnings)
    assert any("on noise alone" in line for line in control.logs)


def test_images_without_the_domain_are_behind_as_well(refined):
    control = run_control(refined, "empty_domain", "J4")
    assert control.summary["control"] == "empty_domain"
    assert control.summary["evidence_shells"] > 1
    assert any(f"where {REFINED} found it" in line for line in control.logs)


def test_the_same_images_are_no_control(refined):
    """Compared with itself a refinement is not better, and that is said."""
    control = run_control(refined, "none", "J5")
    assert abs(control.summary["evidence_shells"]) < 0.5
    assert any(warning.startswith(f"no evidence: {REFINED} is not better") for warning in control.warnings)


def test_the_domain_cannot_be_taken_out_where_nobody_found_it(tmp_path):
    with pytest.raises(InputError, match="give its local refinement with refined="):
        run_local_refinement(SceneContext(tmp_path / "J2", make_scene(120, 0.4)), control="empty_domain", **FEW)


def run_on_noise(folder: Path, seed: int) -> SceneContext:
    scene = make_scene(120, 0.4)
    noise = np.random.default_rng(seed).standard_normal(scene.pixels.shape)
    return run_local_refinement(SceneContext(folder, scene.with_pixels(noise)), **FEW)


def test_a_run_on_images_of_noise_is_doubted(tmp_path):
    """Three times over: the half maps are not those of the images, the resolution is no evidence, the images say nothing of the poses."""
    context = run_on_noise(tmp_path / "J2", seed=0)
    for words in ("do not seem to be made from the half-sets", "no evidence", "the images say little of how the domain is turned"):
        assert any(words in warning for warning in context.warnings), words
    assert context.summary["restart_better_share"] <= 0.1
    assert context.summary["posterior_factor_rotation"] < 1.1 + COMMON_ROTATION


def test_a_run_whose_half_maps_have_nothing_in_common_ends_and_says_so(tmp_path):
    """The resolution is then infinite: no padding of the mask can be asked for."""
    context = run_on_noise(tmp_path / "J2", seed=3)
    assert context.summary["resolution_A"] is None
    assert any("the half maps have nothing in common" in warning for warning in context.warnings)
    assert not any("soft padding of" in warning for warning in context.warnings)
