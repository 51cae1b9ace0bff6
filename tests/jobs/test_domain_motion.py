"""The job tells hinges from poses that two refinements left, against the consensus or against the body, and makes movies."""

import json

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job
from tests.refine.scene import BOX_PX, FULCRUM_PX, PIXEL_A, Poses, draw_poses, hinge_head, make_particles, true_map

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.geometry.fulcrum import rotate_about_fulcrum
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.io.mrc import read_volume

N, ERROR_DEG, BODY_ERROR_DEG = 1500, 1.5, 1.0
LINE = np.arange(BOX_PX) - BOX_PX // 2
MASKS = {"head": np.clip((LINE - 1) / 3, 0, 1), "body": np.clip((1 - LINE) / 3, 0, 1)}


def err(poses: Poses, sd_deg: float, seed: int, center_px) -> Poses:
    """Poses with errors about a point."""
    turns = rotvec_to_matrix(np.deg2rad(np.random.default_rng(seed).normal(0, sd_deg, (len(poses.rotations), 3))))
    rotations = poses.rotations @ turns
    return Poses(rotations, rotate_about_fulcrum(poses.rotations, poses.shifts_px, rotations, np.asarray(center_px)))


@pytest.fixture
def job(tmp_path):
    """Run domain_motion on a head (J1) and a foot (J2) that hinge by 6 and 3° about one point, and the body (J3); their consensus has an error."""

    def call(**parameters) -> FakeContext:
        body = draw_poses(N, 5)
        consensus = err(body, BODY_ERROR_DEG, 6, (0, 0, 0))
        columns = {"consensus_rotvec_rad": matrix_to_rotvec(consensus.rotations), "consensus_shift_A": consensus.shifts_px * PIXEL_A}
        for number, (sd_deg, error_deg, mask) in enumerate(
            ((6.0, ERROR_DEG, "head"), (3.0, ERROR_DEG, "head"), (0.0, BODY_ERROR_DEG, "body")), start=1
        ):
            context = FakeContext(tmp_path, f"J{number}")
            true = hinge_head(body, sd_deg, 10 + number) if sd_deg else body
            center = (8.0, 0.0, 0.0) if sd_deg else (-6.0, 0.0, 0.0)
            found = err(true, error_deg, 20 + number, center)
            particles = make_particles(found, 5, **columns)
            context.save_particles(particles)
            context.save_volume(Mask(np.broadcast_to(MASKS[mask], (BOX_PX,) * 3), PIXEL_A), "mask")
            covariance = np.zeros((N, 5, 5)) + np.diag([np.deg2rad(error_deg) ** 2 / 2] * 3 + [1e-4] * 2)
            context.save_arrays("free_poses", {
                "uid": particles["uid"], "rotvec_rad": particles["rotvec_rad"], "shift_A": particles["shift_A"],
                "covariance_rad_A": covariance, "posterior_factors": np.array([2.0, 1.0]),  # half of the variance is told by calibration
            })  # fmt: skip
        FakeContext(tmp_path, "J4").save_volume(Volume(true_map("head") + true_map("body"), PIXEL_A), "map")
        return run_job("domain_motion", FakeContext(tmp_path, "J5"), domains=("J1", "J2"), **parameters)

    return call


def read_domains(context: FakeContext) -> list[dict]:
    return json.loads((context.folder / "motion.json").read_text())["domains"]


def test_against_the_body_amplitudes_fulcra_and_no_correlation(job):
    found = job(reference="J3", names=("head", "foot"))
    for domain, sd_deg in zip(read_domains(found), (6.0, 3.0), strict=True):
        np.testing.assert_allclose(domain["amplitude_deg"], sd_deg, rtol=0.12)
        # errors turn the domain about its centre; what the body's errors do to the fulcrum is small beside the hinge
        assert np.linalg.norm(np.array(domain["fulcrum_xyz_px"]) - BOX_PX // 2 - FULCRUM_PX) < 1.0
    assert any("head and foot: no correlation beyond chance" in line for line in found.logs)
    assert not found.warnings
    assert {"motion_histograms", "motion_correlations"} <= found.plots.keys()
    turns = np.load(found.folder / "turns.npz")
    assert turns["head_deg"].shape == (N, 3) == turns["foot_deg"].shape


def test_against_the_consensus_its_errors_are_in_both(job):
    found = job()
    domains = read_domains(found)
    assert [domain["name"] for domain in domains] == ["J1", "J2"]
    assert np.mean(domains[1]["amplitude_deg"]) > 3.0  # errors of 1° look like motion
    assert any("give the local refinement of the body as reference" in warning for warning in found.warnings)


def test_movies_rest_in_the_middle(job, tmp_path):
    found = job(reference="J3", names=("head", "foot"), volume="J4", frames=3)
    frames = sorted(path.name for path in found.folder.glob("motion_*.mrc"))
    assert len(frames) == 2 * 3 * 3
    middle, end, still = (read_volume(path).array for path in (
        found.folder / "motion_head_axis1_frame2.mrc", found.folder / "motion_head_axis1_frame3.mrc", tmp_path / "J4" / "map.mrc"
    ))  # fmt: skip
    np.testing.assert_allclose(middle, still, atol=1e-5)
    assert np.abs(end - still).max() > 0.1 * still.max()
    np.testing.assert_allclose(end[:, :, :10], still[:, :, :10], atol=0.02 * still.max())  # the body is at rest
    assert found.plots["motion_axes"]


def test_names_that_do_not_fit_are_refused(job):
    with pytest.raises(InputError, match="got 1 names"):
        job(names=("head",))
    with pytest.raises(InputError, match="a name of its own"):
        job(names=("head", "head"))
