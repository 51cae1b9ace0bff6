"""nonuniform_refinement and homogeneous_refinement: whole particles, from a map alone or from poses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.refine.scene import PIXEL_A, Scene, disturb, make_scene
from tests.refine.scene_context import SceneContext, run_whole_refinement

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.geometry.hand import mirror_rotations
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import parse_symmetry, reduce_to_asymmetric_unit
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.particle_star import read_particles
from triskelion.maps.edit import flip_hand
from triskelion.masks.automatic import spherical_mask

EACH_ITERATION = (
    "map_slices", "fourier_slices", "mask_slices", "gsfsc", "guinier", "noise_model", "viewing_directions", "posterior_precision", "posterior_sd",
    "iterations",
)  # fmt: skip


def scramble(scene: Scene) -> Scene:
    """The scene with poses in its table that tell nothing."""
    n = len(scene.particles)
    turns = matrix_to_rotvec(random_rotations(n, np.random.default_rng(5)))
    return replace(scene, particles=scene.particles.with_columns(rotvec_rad=turns, shift_A=np.zeros((n, 2))))


def body_errors_deg(scene: Scene, folder: Path) -> np.ndarray:
    found = read_particles(folder / "particles.star")
    np.testing.assert_array_equal(found["uid"], scene.particles["uid"])
    return rotation_difference_deg(rotvec_to_matrix(found["rotvec_rad"]), scene.body.rotations)


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> tuple[Scene, SceneContext]:
    """From the map, in particles whose poses tell nothing."""
    scene = scramble(make_scene(noise_sd=0.5))
    return scene, run_whole_refinement(SceneContext(tmp_path_factory.mktemp("searched") / "J2", scene))


def test_poses_are_found_with_nothing_but_a_map(searched):
    scene, job = searched
    error_deg = body_errors_deg(scene, job.folder)
    assert (error_deg < 10).mean() > 0.98
    assert np.median(error_deg) < 3
    assert job.summary["resolution_A"] < 14 and job.summary["restart_better_share"] < 0.02


def test_later_refinements_count_from_the_new_poses(searched):
    found = read_particles(searched[1].folder / "particles.star")
    np.testing.assert_array_equal(found["consensus_rotvec_rad"], found["rotvec_rad"])
    np.testing.assert_array_equal(found["consensus_shift_A"], found["shift_A"])


def test_it_leaves_what_a_refinement_leaves(searched):
    _, job = searched
    for name in EACH_ITERATION:
        assert len(job.plots[name]) >= 3, name
    assert len(job.plots["nonuniform_cut"]) == 3
    assert "pose_change" not in job.plots
    assert {path.name for path in job.folder.iterdir()} >= {
        "map.mrc", "map_sharp.mrc", "map_local.mrc", "half_a.mrc", "half_b.mrc", "mask.mrc", "fsc.json", "fsc.txt", "fsc.xml",
        "poses.npz", "shared.npz", "iterations",
    }  # fmt: skip
    mask = read_mask(job.folder / "mask.mrc").array
    faces = [np.take(mask, (0, -1), axis=axis).max() for axis in range(3)]
    assert max(faces) < 0.5 < mask.max()  # so that local_refinement takes it
    with np.load(job.folder / "poses.npz") as poses:
        assert {"uid", "rotation_sd_deg", "position_sd_A", "covariance_rad_A"} <= set(poses.files)


def test_only_one_map_is_low_passed_voxel_by_voxel(searched):
    _, job = searched
    half_a, half_b, average, local = (read_volume(job.folder / f"{name}.mrc").array for name in ("half_a", "half_b", "map", "map_local"))
    np.testing.assert_allclose(average, (half_a + half_b) / 2, atol=1e-6 * average.max())
    solvent = read_mask(job.folder / "mask.mrc").array < 0.01
    assert local[solvent].std() < 0.6 * average[solvent].std()
    assert np.corrcoef(local[~solvent], average[~solvent])[0, 1] > 0.9
    assert [row["label"] for row in job.plots["map_slices"][-1]["rows"]] == ["map", "sharpened", "low-passed locally"]


def test_given_poses_are_refined_and_their_change_is_shown(tmp_path):
    scene = make_scene(noise_sd=0.5)
    given = disturb(scene.body, 6.0, 1.0, seed=3)
    columns = {"rotvec_rad": matrix_to_rotvec(given.rotations), "shift_A": given.shifts_px * PIXEL_A}
    scene = replace(scene, particles=scene.particles.with_columns(**columns))
    job = run_whole_refinement(SceneContext(tmp_path / "J2", scene), "homogeneous_refinement", poses="input")
    given_deg = rotation_difference_deg(given.rotations, scene.body.rotations)
    assert np.median(body_errors_deg(scene, job.folder)) < 0.35 * np.median(given_deg)
    assert len(job.plots["pose_change"]) == 3 and "nonuniform_cut" not in job.plots
    assert not (job.folder / "map_local.mrc").exists()
    assert 0.7 < job.summary["median_rotation_change_deg"] / np.median(given_deg) < 1.3


def test_a_symmetric_refinement_gives_a_symmetric_map_and_poses_of_one_unit(tmp_path):
    job = run_whole_refinement(SceneContext(tmp_path / "J2", make_scene()), poses="input", symmetry="c2", max_iterations=1)
    group = parse_symmetry("C2")
    maps = {name: read_volume(job.folder / f"{name}.mrc").array[:, 1:, 1:] for name in ("half_a", "half_b", "map_local")}
    # in an even box plane 0 has no partner, and filters spread what it holds
    inside = read_mask(job.folder / "mask.mrc").array[:, 1:, 1:]
    for name, array in maps.items():
        weight, tolerance = (inside, 5e-3) if name == "map_local" else (1, 1e-5)
        np.testing.assert_allclose(weight * array[:, ::-1, ::-1], weight * array, atol=tolerance * np.abs(array).max())
    found = read_particles(job.folder / "particles.star")
    rotations = rotvec_to_matrix(found["rotvec_rad"])
    np.testing.assert_allclose(reduce_to_asymmetric_unit(rotations, group), rotations, atol=1e-6)
    assert job.summary["symmetry"] == "C2"
    assert job.summary["median_rotation_change_deg"] < 30  # to the nearest mate


class MaskedContext(SceneContext):
    """Gives a sphere as mask."""

    def read_mask(self, reference: str) -> Mask:
        return spherical_mask(self.scene.pixels.shape[-1], PIXEL_A, 0.6, 0.9)


def test_a_static_mask_gives_the_headline_and_is_handed_on(tmp_path):
    job = run_whole_refinement(MaskedContext(tmp_path / "J2", make_scene()), poses="input", volume="J1", mask="J1", max_iterations=1)
    assert job.plots["gsfsc"][-1]["headline"] == "user_corrected"
    np.testing.assert_allclose(read_mask(job.folder / "mask.mrc").array, job.read_mask("J1").array, atol=1e-6)


class OtherGrid(SceneContext):
    """Gives a map whose pixels are not those of the images."""

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        return Volume(super().read_volume(reference, name).array, 1.1 * PIXEL_A)


def test_what_does_not_fit_is_refused(tmp_path, monkeypatch):
    scene = make_scene()
    with pytest.raises(InputError, match="poses are searched with a map: give any of the particle as volume"):
        run_whole_refinement(SceneContext(tmp_path / "J2", scene), volume=None)
    with pytest.raises(InputError, match=r"a map of these images has box 32 px at 6 Å/px, the volume has box 32 px at 6\.6 Å/px"):
        run_whole_refinement(OtherGrid(tmp_path / "J2", scene))
    monkeypatch.setattr("triskelion.refine.homogeneous.FIRST_BATCH", 25)
    with pytest.raises(InputError, match="120 particles are taken up in 4 iterations, max_iterations is 3: give it 4 or more"):
        run_whole_refinement(SceneContext(tmp_path / "J2", scene))


@pytest.mark.parametrize("how", [{"poses": "search"}, {"poses": "input"}], ids=["search", "input"])
def test_noise_is_not_called_a_particle(how, tmp_path):
    scene = make_scene()
    noise = scene.with_pixels(np.random.default_rng(3).standard_normal(scene.pixels.shape))
    job = run_whole_refinement(SceneContext(tmp_path / "J2", noise), **how, max_iterations=5)
    assert job.summary["resolution_A"] is None or job.summary["resolution_A"] > 20 / 1.3
    assert any("is no evidence that the particles were aligned" in warning or "nothing in common" in warning for warning in job.warnings)
    assert any("a search anywhere finds better poses elsewhere" in warning for warning in job.warnings)


class WrongStart(SceneContext):
    """Gives a map to start from that is not the particle's."""

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        given = super().read_volume(reference, name)
        return flip_hand(given) if reference == "mirrored" else Volume(spherical_mask(given.box_px, PIXEL_A, 0.35, 0.55).array, PIXEL_A)


def test_the_mirror_image_of_the_map_leads_to_that_of_the_particle(tmp_path):
    """Which has the same images, as good poses, and the same right to its resolution."""
    scene = scramble(make_scene(noise_sd=0.5))
    job = run_whole_refinement(WrongStart(tmp_path / "J2", scene), volume="mirrored", max_iterations=5)
    found, truth = rotvec_to_matrix(read_particles(job.folder / "particles.star")["rotvec_rad"]), mirror_rotations(scene.body.rotations)
    frames = np.swapaxes(found[:9], 1, 2) @ truth[:9]
    assert max((rotation_difference_deg(found @ frame, truth) < 10).mean() for frame in frames) > 0.95
    assert job.summary["resolution_A"] < 14 and job.summary["restart_better_share"] < 0.02


def test_a_start_without_features_is_doubted(tmp_path):
    job = run_whole_refinement(WrongStart(tmp_path / "J2", scramble(make_scene(noise_sd=0.5))), volume="ball", max_iterations=5)
    assert any("a search anywhere finds better poses elsewhere: so many are not to be trusted" in warning for warning in job.warnings)
