"""A rehearsal comes to the errors that its refinement has, and says when it fails."""

from functools import cache

import numpy as np
import pytest
from tests.refine.scene import BOX_PX, make_means, make_scene, true_map

from triskelion.refine.consensus import measure_consensus
from triskelion.refine.rehearsal import Rehearsal, RehearsedPoses, SharpDomain
from triskelion.refine.state import Settings

SETTINGS = Settings(rotation_extent_deg=30.0, shift_extent_A=12.0, initial_lowpass_A=25.0)
ALL_LEFT = np.ones(BOX_PX // 2 + 1)


@cache
def rehearse(noise_sd: float, hinge_sd_deg: float = 6.0, map_noise: float = 0.0, seed: int = 0, at_rest: float = 0.0) -> RehearsedPoses:
    scene = make_scene(noise_sd=noise_sd)
    settings = Settings(**{**SETTINGS.__dict__, "seed": seed})
    inputs, means = scene.inputs(settings), make_means()
    consensus = measure_consensus(inputs, means, "test")
    scale = (consensus.half_maps[0] * true_map("body")).sum() / (true_map("body") ** 2).sum()
    noise = (map_noise * scale * np.random.default_rng(5).standard_normal((BOX_PX,) * 3)).astype(np.float32)
    moving, neighbours = true_map("head") * np.float32(scale), true_map("body") * np.float32(scale * at_rest)
    domain = SharpDomain(moving, neighbours * scene.domain.mask, noise, hinge_sd_deg, (ALL_LEFT, ALL_LEFT))
    *_, found = Rehearsal(inputs, means, consensus, domain).rehearse()
    return found


def test_noise_of_images_makes_errors_and_then_failures():
    fine, coarse, hopeless = (rehearse(noise_sd) for noise_sd in (0.3, 1.5, 20.0))
    assert fine.rotation_rms_deg < 0.85 * coarse.rotation_rms_deg
    assert fine.share_wrong < 0.05 < coarse.share_wrong
    assert hopeless.share_wrong > 0.3


def test_noise_of_the_reference_makes_errors_too():
    noisy = rehearse(0.3, map_noise=0.3)
    assert noisy.rotation_rms_deg > 1.2 * rehearse(0.3).rotation_rms_deg
    assert noisy.share_wrong > 0.2


def test_small_turns_are_known_from_the_prior():
    """The prior narrows to what it finds: what hardly turns is known better than what turns."""
    still, moving = rehearse(1.5, hinge_sd_deg=1.0), rehearse(1.5)
    assert still.prior_sd_deg < moving.prior_sd_deg
    assert still.rotation_rms_deg < moving.rotation_rms_deg


def test_neighbours_inside_the_mask_hold_poses_back():
    """They stay where they are: poses found with them turn less than the domain does, and the prior narrows with these."""
    assert rehearse(1.5, at_rest=1.5).prior_sd_deg < 0.9 * rehearse(1.5).prior_sd_deg


def test_the_same_seed_gives_the_same_and_another_does_not():
    np.testing.assert_array_equal(rehearse(0.3).angle_deg, rehearse.__wrapped__(0.3).angle_deg)
    assert not np.array_equal(rehearse(0.3).angle_deg, rehearse(0.3, seed=1).angle_deg)


def test_figures_worked_by_hand():
    poses = RehearsedPoses(np.array([3.0, 4.0, 20.0, 0.0]), np.zeros(4), hinge_sd_deg=2.0, first_prior_sd_deg=5.0, prior_sd_deg=3.0)
    assert poses.share_wrong == 0.25
    assert poses.rotation_rms_deg == pytest.approx(np.sqrt(25 / 3))
    assert poses.share_of_prior == pytest.approx(np.sqrt(425 / 4 / 3) / 5)
    assert np.isnan(RehearsedPoses(np.array([9.0]), np.zeros(1), 5.0, 5.0, 5.0).rotation_rms_deg)
