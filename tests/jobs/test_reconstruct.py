from dataclasses import replace

import numpy as np
import pytest
from tests.jobs.fake_context import run_job
from tests.refine.scene import BOX_PX, PIXEL_A, make_scene, true_map
from tests.refine.scene_context import SceneContext

from triskelion.data.particles import Particles
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.particle_star import read_particles
from triskelion.maps.edit import flip_hand, rescale_map
from triskelion.masks.automatic import spherical_mask
from triskelion.resolution.fsc import fsc


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the job on images with little noise at the true poses of the body."""
    scene = make_scene(noise_sd=0.3)
    poses = {"rotvec_rad": matrix_to_rotvec(scene.body.rotations), "shift_A": scene.body.shifts_px * PIXEL_A}
    at_body = replace(scene, particles=scene.particles.with_columns(**poses))

    def call(particles_at: Particles | None = None, **parameters) -> SceneContext:
        used = at_body if particles_at is None else replace(at_body, particles=particles_at)
        return run_job("reconstruct", SceneContext(tmp_path_factory.mktemp("job") / "J1", used), particles="J1", **parameters)

    return call


@pytest.fixture(scope="module")
def job(run) -> SceneContext:
    return run()


def test_what_keeps_its_place_is_the_body_of_the_truth(job):
    body = Volume(true_map("body"), PIXEL_A)
    for name in ("half_a", "half_b", "map"):
        found = read_volume(job.folder / f"{name}.mrc")
        assert found.pixel_size_A == pytest.approx(PIXEL_A)
        curve = fsc(found, body)
        assert curve[1:10].mean() > 0.8, name  # protein positive, same hand, same place


def test_the_map_is_the_mean_of_the_halves(job):
    half_a, half_b, whole = (read_volume(job.folder / f"{name}.mrc").array for name in ("half_a", "half_b", "map"))
    np.testing.assert_allclose(whole, (half_a + half_b) / 2, atol=1e-5 * np.abs(whole).max())
    assert np.abs(half_a - half_b).max() > 0.01 * np.abs(whole).max()


def test_outputs_figures_and_plots(job):
    assert {"half_a.mrc", "half_b.mrc", "map.mrc", "map_sharp.mrc", "mask.mrc", "particles.star", "fsc.txt", "fsc.xml"} <= {
        path.name for path in job.folder.iterdir()
    }
    assert job.summary["n_particles"] == 120 and job.summary["box_px"] == BOX_PX
    assert 2 * PIXEL_A <= job.summary["resolution_A"] < 30
    assert {"gsfsc", "map_slices", "viewing_directions", "noise_model", "posterior_precision", "scale"} <= set(job.plots)
    np.testing.assert_array_equal(read_particles(job.folder / "particles.star")["uid"], job.scene.particles["uid"])
    assert all(bar.done == bar.total for bar in job.bars)


@pytest.mark.parametrize("box_px", [24, 40])
def test_another_box_shows_the_same_field_of_view(run, job, box_px):
    context = run(box_px=box_px)
    other = read_volume(context.folder / "map.mrc")
    assert other.box_px == context.summary["box_px"] == box_px
    assert other.box_px * other.pixel_size_A == pytest.approx(BOX_PX * PIXEL_A)
    same = rescale_map(read_volume(job.folder / "map.mrc"), box_px)
    assert fsc(other, same)[1:11].min() > 0.99
    inside = spherical_mask(box_px, 1.0, 0.5, 0.8).array
    scale = (other.array * same.array * inside).sum() / (same.array**2 * inside).sum()
    assert scale == pytest.approx(BOX_PX / box_px, rel=0.05)  # an image is the sum of so many voxels along its view


def test_the_flipped_poses_reconstruct_the_flipped_map_from_the_same_images(run, job):
    flipped = run(flip_hand=True)
    other_hand, poses = read_volume(flipped.folder / "map.mrc"), read_particles(flipped.folder / "particles.star")
    mirrored = flip_hand(read_volume(job.folder / "map.mrc"))
    difference = (other_hand.array - mirrored.array)[1:, 1:, 1:]  # plane 0 of an even box has no partner
    assert np.abs(difference).max() < 1e-4 * np.abs(mirrored.array).max()
    assert fsc(other_hand, read_volume(job.folder / "map.mrc"))[3:10].max() < 0.8
    given = job.scene.particles
    np.testing.assert_array_equal(poses["uid"], given["uid"])
    again = run(particles_at=poses)
    np.testing.assert_allclose(read_volume(again.folder / "map.mrc").array, other_hand.array, atol=1e-4 * np.abs(other_hand.array).max())
    back = read_particles(run(particles_at=poses, flip_hand=True).folder / "particles.star")
    before = read_particles(job.folder / "particles.star")
    for name in ("rotvec_rad", "consensus_rotvec_rad"):
        assert rotation_difference_deg(rotvec_to_matrix(back[name]), rotvec_to_matrix(before[name])).max() < 1e-4


def test_symmetry_makes_symmetric_maps_and_leaves_poses(run, job):
    context = run(symmetry="d2")
    array = read_volume(context.folder / "half_a.mrc").array[1:, 1:, 1:]
    for turned in (array[:, ::-1, ::-1], array[::-1, ::-1]):
        np.testing.assert_allclose(turned, array, atol=1e-5 * np.abs(array).max())
    assert context.summary["symmetry"] == "D2" and job.summary["symmetry"] == "C1"
    np.testing.assert_array_equal(
        read_particles(context.folder / "particles.star")["rotvec_rad"], read_particles(job.folder / "particles.star")["rotvec_rad"]
    )
    with pytest.raises(InputError, match="wanted C1 to C99"):
        run(symmetry="C")


def test_half_sets_are_drawn_anew_on_demand_and_doubted(run, job):
    context = run(resplit_half_sets=True, seed=5)
    halves, given = (read_particles(folder / "particles.star")["half_set"] for folder in (context.folder, job.folder))
    assert 0.3 < (halves == given).mean() < 0.7 and abs(int((halves == 0).sum()) - 60) <= 1
    assert any("too good" in warning for warning in context.warnings)
    assert not any("too good" in warning for warning in job.warnings)


def test_the_mask_of_the_fsc_is_tightened_on_demand(run, job):
    context = run(tighten_fsc_mask=True)
    mask = read_mask(context.folder / "mask_fsc.mrc")
    assert 0.01 < mask.array.mean() < 0.5
    curves = context.plots["gsfsc"][-1]
    assert curves["headline"] == "corrected" and curves["curves"]["none"] == job.plots["gsfsc"][-1]["curves"]["none"]
    assert context.summary["resolution_A"] <= job.summary["resolution_A"] * 1.02
    assert not (job.folder / "mask_fsc.mrc").exists()


def test_a_mask_gives_the_headline(run, job):
    masked = run(mask="J1")
    assert masked.plots["gsfsc"][-1]["headline"] != job.plots["gsfsc"][-1]["headline"]
    assert "user" in masked.plots["gsfsc"][-1]["headline"]


def test_the_same_particles_give_the_same_maps(run, job):
    again = run()
    for name in ("half_a", "half_b", "map_sharp"):
        np.testing.assert_array_equal(read_volume(again.folder / f"{name}.mrc").array, read_volume(job.folder / f"{name}.mrc").array)


def test_the_mirror_image_of_one_icosahedral_setting_has_the_other(run):
    plain, flipped = (run(symmetry="I3", flip_hand=hand) for hand in (False, True))
    assert (plain.summary["symmetry"], flipped.summary["symmetry"]) == ("I3", "I4")
    assert fsc(read_volume(flipped.folder / "map.mrc"), flip_hand(read_volume(plain.folder / "map.mrc")))[1:12].min() > 0.99
