"""The job orientation finds the views that were taken away."""

from dataclasses import replace

import numpy as np
import pytest
from tests.jobs.fake_context import run_job
from tests.refine.scene import PIXEL_A, Scene, make_scene, mask_of_particle
from tests.refine.scene_context import SceneContext

from triskelion.data.volume import Mask, Volume
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.kernels import cpu
from triskelion.maps.reconstruct import reconstruct_halves

N = 300


class MappedContext(SceneContext):
    """Its half maps are those of its own particles."""

    def __init__(self, folder, scene: Scene):
        super().__init__(folder, scene)
        stream = scene.stream
        poses = scene.body.rotations, scene.body.shifts_px
        self.halves, _, self.precision = reconstruct_halves(stream, scene.particles["half_set"], *poses, cpu, lambda steps: None)

    def read_mask(self, reference: str) -> Mask:
        return Mask(mask_of_particle(), PIXEL_A)

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        return Volume(dict(zip(("half_a", "half_b"), self.halves, strict=True))[name], PIXEL_A)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory) -> dict[str, MappedContext]:
    """The job on N particles seen from anywhere, and on N none of which is seen from within 78° of z."""
    scene = make_scene(n=1600, noise_sd=6.0)
    at_truth = {"rotvec_rad": matrix_to_rotvec(scene.body.rotations), "shift_A": scene.body.shifts_px * PIXEL_A}
    views = np.abs(scene.body.rotations[:, 2, 2])
    chosen = {"even": np.arange(N), "biased": np.flatnonzero(views < np.cos(np.deg2rad(78)))[:N]}
    found = {}
    for name, rows in chosen.items():
        body = type(scene.body)(scene.body.rotations[rows], scene.body.shifts_px[rows])
        part = replace(scene, particles=scene.particles.with_columns(**at_truth).select(rows), pixels=scene.pixels[rows], body=body)
        context = MappedContext(tmp_path_factory.mktemp(name) / "J1", part)
        found[name] = run_job("orientation", context, particles="J1", volume="J1", mask="J1", n_cones=60)
    return found


def test_cfar_and_precision_find_the_missing_cap(contexts):
    even, biased = contexts["even"].summary, contexts["biased"].summary
    assert biased["n_particles"] == N
    assert biased["cfar"] < 0.85 * even["cfar"] and even["cfar"] > 0.65
    assert abs(biased["worst_xyz"][2]) < 0.5  # the coefficients across z, which views along z would show
    for name, least, most in (("even", 0.8, 1.25), ("biased", 3, 12)):
        with np.load(contexts[name].folder / "precision.npz") as saved:
            z = saved["direction_xyz"][:, 2]
            assert least < saved["precision"][z > 0.95].mean() / saved["precision"][z < 0.3].mean() < most  # tilted views see the poles
    assert abs(biased["least_seen_xyz"][2]) < 0.5
    assert biased["scf"] < even["scf"] - 0.1


def test_pictures_and_arrays(contexts):
    context = contexts["biased"]
    assert {"viewing_directions", "posterior_precision", "conical_fsc", "noise_model"} == set(context.plots)
    assert context.plots["conical_fsc"][0]["cfar"] == pytest.approx(context.summary["cfar"], rel=1e-4)
    with np.load(context.folder / "precision.npz") as saved:
        ratio = saved["precision"].max() / saved["precision"].min()
        assert ratio == pytest.approx(context.summary["precision_max_over_min"])
    with np.load(context.folder / "conical_fsc.npz") as saved:
        assert len(saved["fsc"]) == 60


def test_views_along_one_axis_only_are_warned_of(tmp_path):
    scene = make_scene(n=200)
    turns = np.zeros((200, 3))
    turns[:, 2] = np.linspace(0, 6, 200)
    top = replace(scene, particles=scene.particles.with_columns(rotvec_rad=turns))
    context = run_job("orientation", SceneContext(tmp_path / "J1", top), particles="J1", mask="J1")
    assert any("no particle shows" in warning for warning in context.warnings)
    assert any("SCF*" in warning for warning in context.warnings)
    assert any("mask is not used" in warning for warning in context.warnings)
    assert context.summary["precision_max_over_min"] is None and "conical_fsc" not in context.plots


def test_symmetric_mates_count(tmp_path):
    scene = make_scene(n=100)
    side = np.tile([0, -np.pi / 2, 0], (100, 1)) + np.random.default_rng(0).normal(0, 0.2, (100, 3))
    one_side = replace(scene, particles=scene.particles.with_columns(rotvec_rad=side))
    alone, in_c7 = (
        run_job("orientation", SceneContext(tmp_path / name, one_side), particles="J1", symmetry=group).summary
        for name, group in (("J1", "C1"), ("J2", "C7"))
    )
    assert alone["scf"] < 0.4 and in_c7["scf"] > alone["scf"] + 0.2
