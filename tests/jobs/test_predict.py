"""The job says what refine.predict finds, draws from both half-sets, and warns where refinement promises little."""

import numpy as np
import pytest
from tests.jobs.fake_context import run_job
from tests.refine.scene import make_scene
from tests.refine.scene_context import SceneContext

from triskelion.errors import DataError, InputError
from triskelion.jobs.predict import draw_particles


def run(folder, noise_sd: float, **parameters) -> SceneContext:
    scene = make_scene(noise_sd=noise_sd)
    return run_job("predict", SceneContext(folder, scene), particles="J1", volume="J1", mask="J1", **parameters)


def test_what_is_found_is_said_shown_and_saved(tmp_path):
    job = run(tmp_path / "J2", 1.0)
    figures = job.summary
    assert figures["verdict"] in ("alignable", "barely", "not")
    assert figures["n_particles"] == 120
    assert figures["prior_rotation_rms_deg"] == pytest.approx(12 * np.sqrt(3), rel=0.02)  # 30° / 2.5 about each of three axes
    for name in ("as_it_is", "as_the_rest"):
        about_xyz = np.array(figures[f"{name}_rotation_xyz_deg"])
        assert np.sqrt((about_xyz**2).sum()) == pytest.approx(figures[f"{name}_rotation_rms_deg"], rel=1e-6)
        assert 0 < figures[f"{name}_rotation_rms_deg"] < figures["prior_rotation_rms_deg"]
    assert 0 < figures["rotation_rms_deg"] < 8 and 0 <= figures["wrong_percent"] <= 100
    (plot,) = job.plots["predicted_error"]
    assert plot["histograms"]["rehearsed"]["median"] == pytest.approx(figures["rotation_median_deg"], rel=1e-5)
    assert sum(plot["histograms"]["from the map as it is"]["counts"]) == 120
    with np.load(job.folder / "predicted_errors.npz") as saved:
        np.testing.assert_array_equal(saved["uid"], job.scene.particles["uid"])
        assert np.sqrt((saved["as_it_is_rotation_sd_deg"] ** 2).mean()) == pytest.approx(figures["as_it_is_rotation_rms_deg"])
    assert f"verdict: {figures['verdict']}" in job.logs


def test_images_that_are_noise_are_told_apart(tmp_path):
    job = run(tmp_path / "J2", 40.0)
    assert job.summary["verdict"] == "not"
    assert any("cannot be aligned" in warning for warning in job.warnings)


def test_half_of_the_particles_come_from_each_half_set_whatever_the_order():
    particles = make_scene().particles
    drawn = draw_particles(particles, 40, 3)
    assert [(drawn["half_set"] == half).sum() for half in (0, 1)] == [20, 20]
    turned = draw_particles(particles.select(np.arange(len(particles))[::-1]), 40, 3)
    assert set(drawn["uid"]) == set(turned["uid"])
    assert set(drawn["uid"]) != set(draw_particles(particles, 40, 4)["uid"])
    with pytest.raises(DataError, match="half-set"):
        draw_particles(particles.with_columns(half_set=np.full(len(particles), -1)), 40, 3)


def test_a_fulcrum_outside_the_box_is_refused(tmp_path):
    with pytest.raises(InputError, match="outside the box"):
        run(tmp_path / "J2", 1.0, fulcrum="5,5,99")
