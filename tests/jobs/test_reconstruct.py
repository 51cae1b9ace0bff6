from dataclasses import replace

import numpy as np
import pytest
from tests.jobs.fake_context import run_job
from tests.refine.scene import BOX_PX, PIXEL_A, atoms, density_of, make_scene, true_map
from tests.refine.scene_context import SceneContext

from triskelion.data.volume import Volume
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.io.mrc import read_volume
from triskelion.io.particle_star import read_particles
from triskelion.resolution.fsc import fsc


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the job on images with little noise at the true poses of the body."""
    scene = make_scene(noise_sd=0.3)
    poses = {"rotvec_rad": matrix_to_rotvec(scene.body.rotations), "shift_A": scene.body.shifts_px * PIXEL_A}
    at_body = replace(scene, particles=scene.particles.with_columns(**poses))

    def call(**parameters) -> SceneContext:
        return run_job("reconstruct", SceneContext(tmp_path_factory.mktemp("job") / "J1", at_body), particles="J1", **parameters)

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


def test_a_larger_box_holds_the_same_map(run, job):
    wide = read_volume(run(box_px=40).folder / "map.mrc")
    assert wide.box_px == 40
    edge = (40 - BOX_PX) // 2
    inside = slice(edge, edge + BOX_PX)
    body = Volume(density_of(atoms("body"), 40), PIXEL_A)
    assert fsc(wide, body)[1:12].mean() > 0.8
    cropped = Volume(np.ascontiguousarray(wide.array[inside, inside, inside]), PIXEL_A)
    assert fsc(cropped, read_volume(job.folder / "map.mrc"))[1:12].min() > 0.9


def test_a_mask_gives_the_headline(run, job):
    masked = run(mask="J1")
    assert masked.plots["gsfsc"][-1]["headline"] != job.plots["gsfsc"][-1]["headline"]
    assert "user" in masked.plots["gsfsc"][-1]["headline"]


def test_the_same_particles_give_the_same_maps(run, job):
    again = run()
    for name in ("half_a", "half_b", "map_sharp"):
        np.testing.assert_array_equal(read_volume(again.folder / f"{name}.mrc").array, read_volume(job.folder / f"{name}.mrc").array)
