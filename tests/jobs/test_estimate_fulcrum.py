"""The job finds the fulcrum of poses that turn about it, counts from the corner voxel and suggests extents."""

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job
from tests.refine.scene import BOX_PX, FULCRUM_PX, PIXEL_A, Poses, disturb, domain_of_head, draw_poses, make_particles, true_map

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.geometry.fulcrum import rotate_about_fulcrum
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix

N = 400


@pytest.fixture
def job(tmp_path):
    """A project with a map and a mask, in which the job runs on poses hinged by these widths about x, y, z."""

    def call(widths_deg, **parameters) -> FakeContext:
        before, generator = FakeContext(tmp_path, "J1"), np.random.default_rng(11)
        body = draw_poses(N, 5)
        rotations = body.rotations @ rotvec_to_matrix(np.deg2rad(generator.normal(0, 1, (N, 3)) * widths_deg))
        head = Poses(rotations, rotate_about_fulcrum(body.rotations, body.shifts_px, rotations, FULCRUM_PX))
        head = disturb(head, 0.0, 0.3, 5)
        consensus = {"consensus_rotvec_rad": matrix_to_rotvec(body.rotations), "consensus_shift_A": body.shifts_px * PIXEL_A}
        before.save_particles(make_particles(head, 5, **consensus))
        before.save_volume(Volume(true_map("head") + true_map("body"), PIXEL_A), "map")
        before.save_volume(Mask(domain_of_head().mask, PIXEL_A), "mask")
        return run_job("estimate_fulcrum", FakeContext(tmp_path, "J2"), particles="J1", **parameters)

    return call


def test_the_fulcrum_counts_from_the_corner_voxel(job):
    found = job((6, 6, 6), volume="J1", mask="J1")
    figures, truth_px = found.summary, FULCRUM_PX + BOX_PX // 2
    assert (np.abs(np.array(figures["fulcrum_xyz_px"]) - truth_px) < 4 * np.array(figures["sd_xyz_px"])).all()
    np.testing.assert_allclose(figures["fulcrum_xyz_A"], np.array(figures["fulcrum_xyz_px"]) * PIXEL_A)
    assert figures["fulcrum"] == ",".join(f"{x:.1f}" for x in figures["fulcrum_xyz_px"])  # as --fulcrum takes it
    assert figures["prior_rotation_sd_deg"] == pytest.approx(6, rel=0.1)
    assert figures["prior_shift_sd_A"] == pytest.approx(0.3 * PIXEL_A, rel=0.15)
    assert 14 <= figures["suggested_rotation_extent_deg"] <= 18
    (plot,) = found.plots["fulcrum"]
    np.testing.assert_allclose(plot["fulcrum_xyz_px"], figures["fulcrum_xyz_px"], rtol=1e-5)
    assert not found.warnings


def test_without_map_and_mask_the_grid_is_that_of_the_images(job):
    alone, with_map = job((6, 6, 6)), job((6, 6, 6), volume="J1")
    np.testing.assert_allclose(alone.summary["fulcrum_xyz_px"], with_map.summary["fulcrum_xyz_px"], rtol=1e-6)
    assert "fulcrum" not in alone.plots


def test_an_open_direction_is_named(job):
    found = job((0, 0, 8), volume="J1")
    assert found.summary["sd_xyz_px"][2] is None or found.summary["sd_xyz_A"][2] > 10
    assert any("along (" in warning for warning in found.warnings)


def test_poses_that_did_not_turn_are_refused(job):
    with pytest.raises(InputError, match="nothing has turned"):
        job((0, 0, 0))
