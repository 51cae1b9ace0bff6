"""Poses and fulcra that are wrong in ways that look right must lose."""

import numpy as np
import pytest
from tests.end_to_end.chain import PIXEL_SIZE_A, make_chain

from triskelion.io.particle_star import read_particles

FAR_A = 40.0


def test_true_poses_of_the_body_are_no_poses_of_the_head(plain):
    """A run that refines only the body ends near these, at best: it must fail every bar that judges the head."""
    start, body = plain.pose_error(plain.imported.path("particles")), plain.pose_error(plain.simulated.path("truth_body"))
    assert body["angle_median_deg"] > 0.9 * start["angle_median_deg"]
    assert body["over_8deg_percent"] > 65
    assert plain.map_quality(plain.reconstruct_at(plain.truth("body"))) < 0.7 * plain.map_quality(plain.oracle)


def test_with_extents_of_0_poses_stay_as_they_are(plain):
    given, kept = (read_particles(path) for path in (plain.simulated.path("truth_head"), plain.oracle.path("particles")))
    np.testing.assert_array_equal(kept["uid"], given["uid"])
    np.testing.assert_allclose(kept["rotvec_rad"], given["rotvec_rad"], atol=1e-6)
    np.testing.assert_allclose(kept["shift_A"], given["shift_A"], atol=1e-4)


@pytest.mark.slow
def test_the_true_fulcrum_beats_one_far_away(tmp_path):
    """Wide hinges in noisy images, where the prior about the fulcrum counts; 40 Å further out the head seems to shift as it turns."""
    chain = make_chain(tmp_path / "project", hinge_deg="head=10", snr=0.1)
    outwards = chain.head_center_xyz_px - chain.fulcrum_xyz_px
    far_px = chain.fulcrum_xyz_px + outwards / np.linalg.norm(outwards) * FAR_A / PIXEL_SIZE_A
    far = chain.refine(fulcrum=",".join(f"{x:g}" for x in far_px))
    true_error, far_error = (chain.pose_error(job.path("particles")) for job in (chain.refined, far))
    for figure in ("angle_median_deg", "angle_rms_deg", "over_8deg_percent", "position_p90_A"):
        assert true_error[figure] < 0.97 * far_error[figure], figure
