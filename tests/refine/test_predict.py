"""What is predicted of poses is what alignment then finds: errors, log likelihood ratios, the share of right poses."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, PIXEL_A, Scene, atoms, ctf_of, exact_slices, make_means, make_scene, render, true_map

from triskelion.errors import InputError
from triskelion.fourier.filters import gaussian_blur
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import matrix_to_rotvec
from triskelion.imaging.subtraction import subtract_projections
from triskelion.kernels import cpu
from triskelion.refine.alignment import Posterior, Stage, align
from triskelion.refine.consensus import measure_consensus
from triskelion.refine.predict import ExpectedErrors, Prediction, predict_pose_errors
from triskelion.refine.prior import PosePrior
from triskelion.refine.rehearsal import RehearsedPoses
from triskelion.refine.search import SearchExtent
from triskelion.refine.state import Settings

N = 300
LAST_SHELL = BOX_PX // 2 - 1


@cache
def rigid_scene(noise_sd: float) -> Scene:
    """A head at rest, at the true poses, with the true map in both half-sets; noise per pixel in units of the signal's."""
    scene = make_scene(N)
    poses = (scene.body.rotations, scene.body.shifts_px)
    signal = render(
        ctf_of(scene.particles, scene.stream.disc) * exact_slices(np.concatenate([atoms("head"), atoms("body")]), scene.body, scene.stream.disc),
        scene.stream.disc,
    )
    pixels = signal / signal.std() + noise_sd * np.random.default_rng(21).standard_normal(signal.shape)
    truth = true_map("head") + true_map("body")
    start = replace(scene.start, half_maps=(truth, truth.copy()), rotations=poses[0], shifts_px=poses[1])
    return replace(scene, pixels=pixels, start=replace(start, consensus_rotations=poses[0], consensus_shifts_px=poses[1]))


def predict(scene: Scene, rotation_extent_deg: float = 30.0) -> Prediction:
    return predict_pose_errors(scene.inputs(Settings(rotation_extent_deg=rotation_extent_deg, shift_extent_A=20.0)), make_means())


@cache
def predict_at(noise_sd: float, rotation_extent_deg: float = 30.0) -> Prediction:
    return predict(rigid_scene(noise_sd), rotation_extent_deg)


@cache
def aligned(noise_sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors (n, 5) of the head aligned from its true poses to its true map, and its log likelihood ratio there (n,)."""
    scene = rigid_scene(noise_sd)
    consensus = measure_consensus(scene.inputs(), make_means(), "test")
    disc, start, domain = fourier_disc(BOX_PX), scene.start, scene.domain
    half = consensus.half_maps[0]
    rest = prepare_slices(half * (1 - domain.mask), LAST_SHELL)
    poses = start.consensus_rotations, start.consensus_shifts_px
    weighted = scene.images.weighted(subtract_projections(scene.images, rest, *poses, cpu.slice), consensus.sigma2)
    centers_px = image_of_point(*poses, domain.center_xyz_px)
    prior = PosePrior(poses[0], centers_px, np.zeros(3), np.diag(np.full(3, np.inf)), np.inf)
    volume = prepare_slices(domain.cut(half * domain.mask, BOX_PX), LAST_SHELL)
    posterior = Posterior(cpu, volume, weighted, prior, SearchExtent(180.0, 10.0), PIXEL_A)
    best = align(posterior, np.arange(N), poses[0], centers_px, [Stage(disc, 12, 1e-4, 1)])
    turn = matrix_to_rotvec(np.swapaxes(poses[0], 1, 2) @ best.rotations)
    ratio = cpu.gauss_newton(volume, poses[0], centers_px, weighted, np.arange(N), disc).value
    return np.concatenate([turn, best.shifts_px - centers_px], axis=1), ratio


@pytest.mark.parametrize("noise_sd", [0.3, 0.6])
def test_errors_of_aligned_poses_are_as_predicted(noise_sd):
    expected = predict_at(noise_sd).as_it_is
    error, _ = aligned(noise_sd)
    angle_deg = np.rad2deg(np.linalg.norm(error[:, :3], axis=1))
    found_deg, predicted_deg = (float(np.sqrt((values**2).mean())) for values in (angle_deg, expected.rotation_sd_without_prior_deg))
    assert found_deg == pytest.approx(predicted_deg, rel=0.2)
    chi2 = np.einsum("ni,nij,nj->n", error, expected.fisher, error)
    assert np.median(chi2) == pytest.approx(4.35, rel=0.2)  # of a chi² variable of 5 degrees of freedom


def test_the_information_is_the_log_likelihood_ratio_of_the_right_pose():
    _, ratio = aligned(0.6)
    information = predict_at(0.6).as_it_is.information_nat
    # sd of the mean: sqrt(2 I / n)
    assert ratio.mean() == pytest.approx(information.mean(), abs=4 * np.sqrt(2 * information.mean() / N) + 0.03 * information.mean())


def test_noise_decides_what_can_be_aligned():
    verdicts = [predict_at(noise_sd).verdict for noise_sd in (0.3, 8.0)]
    assert verdicts == ["alignable", "not"]


def test_half_the_noise_halves_the_errors():
    fine, coarse = (predict_at(noise_sd).as_it_is for noise_sd in (0.3, 0.6))
    assert np.median(coarse.rotation_sd_without_prior_deg) == pytest.approx(2 * np.median(fine.rotation_sd_without_prior_deg), rel=0.15)
    assert coarse.information_nat.mean() == pytest.approx(fine.information_nat.mean() / 4, rel=0.25)


def test_a_blurred_domain_is_restored_towards_the_sharpness_of_the_rest():
    """By power per mass alone, so not quite: the shells of a small domain differ from those of the rest."""
    scene = rigid_scene(0.6)
    truth, mask = true_map("head") + true_map("body"), scene.domain.mask
    blurred = gaussian_blur(torch.from_numpy(truth * mask), PIXEL_A, 8.0).numpy() + truth * (1 - mask)
    found, sharp = predict(replace(scene, start=replace(scene.start, half_maps=(blurred, blurred.copy())))), predict_at(0.6).as_it_is
    information = [np.median(each.information_nat) for each in (found.as_it_is, found.as_the_rest, sharp)]
    errors = [np.median(each.rotation_sd_without_prior_deg) for each in (found.as_it_is, found.as_the_rest, sharp)]
    assert information[0] < 0.5 * information[2]
    assert information[1] == pytest.approx(information[2], rel=0.45)
    assert errors[0] > 1.5 * errors[2]
    assert errors[1] == pytest.approx(errors[2], rel=0.3)


def test_a_prior_never_harms_and_wide_extents_ask_for_more_information():
    narrow, wide = (predict_at(2.0, extent).as_it_is for extent in (10.0, 60.0))
    assert (narrow.rotation_sd_deg <= wide.rotation_sd_deg + 1e-9).all()
    assert (wide.rotation_sd_deg <= wide.rotation_sd_without_prior_deg + 1e-9).all()
    assert narrow.prior_rotation_sd_deg == pytest.approx(4.0 * np.sqrt(3), rel=0.02)
    assert (wide.log_n_poses > narrow.log_n_poses + 1).all()
    assert wide.share_right < narrow.share_right


def test_the_number_of_poses_and_who_wins_in_a_case_worked_by_hand():
    """A prior of 1 rad and 1 px, 99 times as much in the image: each of 5 parameters is known 10 times better."""
    fisher, prior = np.tile(99 * np.eye(5), (2, 1, 1)), np.tile(np.eye(5), (2, 1, 1))
    log_n = 5 * np.log(10)
    expected = ExpectedErrors(fisher, prior, np.array([log_n, log_n]), 8.0)
    np.testing.assert_allclose(expected.log_n_poses, log_n, rtol=3e-3)
    assert expected.share_right == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("n_wrong", "error_deg", "verdict"), [(5, 2.0, "alignable"), (10, 2.0, "barely"), (13, 2.0, "not"), (0, 6.0, "barely"), (0, 7.99, "not")]
)
def test_the_verdict_is_that_of_the_rehearsal(n_wrong, error_deg, verdict):
    angle_deg = np.where(np.arange(100) < n_wrong, 15.0, error_deg)
    rehearsed = RehearsedPoses(angle_deg, np.zeros(100), hinge_sd_deg=3.0, first_prior_sd_deg=6.0, prior_sd_deg=3.0)
    bound = ExpectedErrors(np.tile(99 * np.eye(5), (2, 1, 1)), np.tile(np.eye(5), (2, 1, 1)), np.ones(2), 8.0)
    assert Prediction(bound, bound, rehearsed).verdict == verdict
    ignorant = replace(bound, fisher=bound.prior / 99)
    assert Prediction(bound, ignorant, rehearsed).verdict == "not"


def test_a_mask_of_the_whole_particle_is_refused():
    scene = rigid_scene(0.6)
    everything = replace(scene.domain, mask=np.ones_like(scene.domain.mask))
    with pytest.raises(InputError, match="covers the whole particle"):
        predict(replace(scene, domain=everything))
