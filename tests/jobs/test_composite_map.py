"""The job composes half maps apart, says where voxels come from, and refuses half-sets that are not the same."""

from typing import Any

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job
from tests.refine.scene import BOX_PX, PIXEL_A, draw_poses, make_particles, true_map

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.io.mrc import read_volume
from triskelion.refine.frames import move_map

LINE = np.arange(BOX_PX) - BOX_PX // 2
HEAD = np.broadcast_to(np.clip((LINE - 1) / 3, 0, 1), (BOX_PX,) * 3).astype(np.float32)  # x > 2.5 px
TRUTH = true_map("head") + true_map("body")


class Context(FakeContext):
    """Knows that J2 is a local refinement."""

    def read_parameters(self, reference: str) -> dict[str, Any] | None:
        return {"job_type": "local_refinement", "background": "subtract"} if reference == "J2" else {"job_type": "reconstruct"}


@pytest.fixture
def job(tmp_path):
    """Run composite_map on a consensus with a noisy head, J1, and a focused map of the head, J2."""

    def call(swap_halves=False, moved_px=0.0, noise_sd=0.4, **parameters) -> FakeContext:
        rng = np.random.default_rng(1)
        noise = rng.standard_normal((4, *TRUTH.shape)).astype(np.float32)
        particles = make_particles(draw_poses(40, 1), 1)
        consensus, focused = Context(tmp_path, "J1"), Context(tmp_path, "J2")
        for number, name in enumerate(("half_a", "half_b")):
            consensus.save_volume(Volume(TRUTH + noise_sd * noise[number], PIXEL_A), name)
            head = 0.5 * (TRUTH * HEAD + 0.02 * noise[2 + number])
            focused.save_volume(Volume(move_map(head, np.eye(3), np.array([0.0, moved_px, 0.0])), PIXEL_A), name)
        focused.save_volume(Mask(HEAD, PIXEL_A), "mask")
        consensus.save_particles(particles)
        focused.save_particles(particles.with_columns(half_set=1 - particles["half_set"]) if swap_halves else particles)
        return run_job("composite_map", Context(tmp_path, "J3"), volume="J1", focused=("J2",), **parameters)

    return call


def error_inside(volume: np.ndarray, mask: np.ndarray) -> float:
    return float(np.sqrt((mask * (volume - TRUTH) ** 2).sum() / (mask * TRUTH**2).sum()))


def test_the_domain_is_that_of_the_focused_map_and_the_rest_that_of_the_consensus(job, tmp_path):
    found = job()
    half_a, consensus_a = (read_volume(tmp_path / name / "half_a.mrc").array for name in ("J3", "J1"))
    assert error_inside(half_a, HEAD) < 0.3 * error_inside(consensus_a, HEAD)
    np.testing.assert_array_equal(half_a[:, :, : BOX_PX // 2 + 1], consensus_a[:, :, : BOX_PX // 2 + 1])
    source = read_volume(tmp_path / "J3" / "source.mrc").array
    assert source[16, 16, 30] == 1 and source[16, 16, 2] == 0
    sources = found.plots["composite_slices"][0]["parts"]
    assert sources[0]["label"] == "1 J2"
    assert any("grey scale times 2.0" in line or "grey scale times 1.9" in line for line in found.logs)
    assert found.plots["gsfsc"] and found.summary["resolution_A"]


def test_a_focused_map_that_lies_elsewhere_is_noticed_and_moved_on_demand(job, tmp_path):
    found = job(moved_px=0.6, noise_sd=0.05)
    assert any("Å from the consensus: look at the seam" in warning for warning in found.warnings)
    apart = error_inside(read_volume(tmp_path / "J3" / "map.mrc").array, HEAD)
    job(moved_px=0.6, noise_sd=0.05, register_maps=True)
    assert error_inside(read_volume(tmp_path / "J3" / "map.mrc").array, HEAD) < 0.7 * apart


def test_maps_with_nothing_in_common_are_named(job):
    found = job(noise_sd=5.0)
    assert any("J2 cannot be laid onto the consensus" in warning for warning in found.warnings)


def test_each_voxel_low_passed_on_demand(job, tmp_path):
    job(local_lowpass=True)
    smooth, rough = (read_volume(tmp_path / "J3" / name).array[:, :, 2:8] for name in ("map_local.mrc", "map.mrc"))
    assert smooth.std() < 0.8 * rough.std()


def test_other_half_sets_are_refused(job):
    with pytest.raises(InputError, match="40 of 40 particles of J2 are in the other half-set in J1"):
        job(swap_halves=True)


def test_every_focused_map_wants_its_mask(job):
    with pytest.raises(InputError, match="got 2 masks for 1 focused maps"):
        job(masks=("J2", "J2"))
