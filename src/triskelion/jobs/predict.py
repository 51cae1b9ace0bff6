"""Job: how well the poses of a domain can be known, told from its mask before anything is refined.

Two bounds are given at the consensus poses of some particles, from the Fisher matrix of the domain's pose and the noise of the images: from the map
as it is, which is what the first iteration has to go by, and with a domain as sharp as the rest of the particle. What refinement comes to is told by
a rehearsal: images of the domain, as sharp as the rest, are simulated with the noise of the real ones at poses turned by as much as the blur of the
consensus tells, beside them what the soft edge of the mask holds of its neighbours, which stays where it is; and they are refined as
`local_refinement` does, from references as blurred as the consensus and as noisy as its half maps. Its error is the root mean square of the angles
below 8°, the others count as wrong. The verdict is `alignable` where at most 5 % of the poses are wrong and all are known to half of the prior's
width or better, `not` where more than 12 % are wrong (a real refinement gets more wrong) or nearly nothing was learnt, else `barely`.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B, Particles
from triskelion.jobs.context import JobContext
from triskelion.jobs.read_domain import DomainParameters, make_inputs, match_particles, read_inputs
from triskelion.jobs.spec import JobType, parameter

if TYPE_CHECKING:
    from triskelion.refine.predict import ExpectedErrors, Prediction
    from triskelion.refine.rehearsal import RehearsedPoses
    from triskelion.refine.state import Inputs, Settings

WORDS = {"as_it_is": "from the map as it is", "as_the_rest": "with a domain as sharp as the rest"}
REHEARSED = "rehearsed"


class PredictParameters(DomainParameters):
    """What predict wants to know."""

    rotation_extent_deg: float = parameter(
        30.0, title="Rotation extent", unit="°", gt=0, le=180, help="Of the refinement that is planned; the prior's width per axis is extent / 2.5."
    )
    shift_extent_A: float = parameter(10.0, title="Shift extent", unit="Å", gt=0, le=200, help="Of the refinement that is planned.")
    background_poses: Literal["auto", "refine", "consensus"] = parameter(
        "auto",
        title="Background poses",
        help="Refine the rest of the particle first, on all particles; auto does so where local_refinement would. It takes a part of the time of "
        "that refinement; where consensus poses are off, predictions without it promise too little.",
    )
    n_particles: int = parameter(300, title="Particles to look at", ge=20, le=10000, help="Drawn at random, half of them from each half-set.")


def run(parameters: PredictParameters, context: JobContext) -> None:
    """Draw particles, predict, say it in words."""
    from triskelion.data.images import MemoryStore
    from triskelion.devices import set_threads
    from triskelion.kernels import cpu
    from triskelion.plots.predicted_error import collect_predicted_error
    from triskelion.refine.predict import predict_pose_errors
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means, Settings

    set_threads(context.threads)
    settings = Settings(rotation_extent_deg=parameters.rotation_extent_deg, shift_extent_A=parameters.shift_extent_A, seed=parameters.seed)
    particles, shared = context.read_particles(parameters.particles), SharedRecord()
    drawn = draw_particles(particles, parameters.n_particles, parameters.seed)
    inputs = _refine_rest(parameters, context, particles, drawn, settings) or read_inputs(parameters, context, drawn, settings, shared)
    prediction = predict_pose_errors(inputs, Means(cpu, shared, MemoryStore()))
    context.plot(
        "predicted_error",
        collect_predicted_error(
            {REHEARSED: prediction.rehearsed.angle_deg} | {label: getattr(prediction, name).rotation_sd_deg for name, label in WORDS.items()},
            inputs.start.consensus_rotations,
            prior_deg=prediction.as_it_is.prior_rotation_sd_deg,
            right_deg=prediction.rehearsed.rotation_rms_deg,
            wrong_percent=100 * prediction.rehearsed.share_wrong,
        ),
    )
    _report(context, prediction, drawn, inputs.images.grid.pixel_size_A)


def _refine_rest(parameters: PredictParameters, context: JobContext, particles: Particles, drawn: Particles, settings: "Settings") -> "Inputs | None":
    """Read what is predicted from, at poses and with half maps that come of a refinement of the rest of all particles; None where none is wanted."""
    from triskelion.jobs.rest_first import refine_rest_first
    from triskelion.refine.rest import is_rest_larger
    from triskelion.refine.shared import SharedRecord

    if parameters.background_poses == "consensus":
        return None
    whole = read_inputs(parameters, context, particles, settings, SharedRecord())
    if parameters.background_poses == "auto" and not is_rest_larger(whole.start.half_maps, whole.domain, whole.start.particle_mask):
        return None
    refined, halves = refine_rest_first(context, particles, whole)
    return make_inputs(context, match_particles(refined, drawn), halves, whole.domain, settings, SharedRecord())


def draw_particles(particles: Particles, n: int, seed: int) -> Particles:
    """Draw about ``n`` particles, half of them from each half-set; neither draw depends on the order of the table."""
    particles.require_half_sets()
    generator = np.random.default_rng(seed)
    chosen = []
    for half in (HALF_A, HALF_B):
        rows = particles.rows_of_half(half)
        rows = rows[np.argsort(particles["uid"][rows])]
        chosen.append(generator.choice(rows, min(n // 2, len(rows)), replace=False))
    return particles.select(np.sort(np.concatenate(chosen)))


def _report(context: JobContext, prediction: "Prediction", drawn: Particles, pixel_size_A: float) -> None:
    """Save and log the bounds and the rehearsal; warn where refinement promises little."""
    rehearsed = prediction.rehearsed
    arrays = {"uid": drawn["uid"], "rehearsed_angle_deg": rehearsed.angle_deg, "rehearsed_position_A": rehearsed.position_px * pixel_size_A}
    for name, words in WORDS.items():
        expected: ExpectedErrors = getattr(prediction, name)
        context.log(f"bound {words}: {describe(expected, pixel_size_A)}")
        context.summarize(**{f"{name}_{figure}": value for figure, value in list_expected(expected, pixel_size_A).items()})
        arrays |= {
            f"{name}_rotation_sd_deg": expected.rotation_sd_deg,
            f"{name}_position_sd_A": expected.position_sd_px * pixel_size_A,
            f"{name}_information_nat": expected.information_nat,
        }
    context.save_arrays("predicted_errors", arrays)
    context.log(f"rehearsed: {describe_rehearsed(rehearsed, pixel_size_A)}")
    context.log(f"verdict: {prediction.verdict}")
    context.summarize(
        verdict=prediction.verdict,
        **list_rehearsed(rehearsed, pixel_size_A),
        prior_rotation_rms_deg=prediction.as_it_is.prior_rotation_sd_deg,
        n_particles=len(drawn),
        pixel_size_A=pixel_size_A,
    )
    if prediction.verdict == "barely":
        context.warn(
            "the domain is barely alignable: of simulated poses many are wrong or little better known than by the prior; "
            "narrower extents or a larger mask may help it"
        )
    if prediction.verdict == "not":
        context.warn(
            "the domain cannot be aligned by these images: a refinement of simulated ones, as sharp as the rest of the particle, fails; "
            "take a larger mask or narrower extents"
        )


def describe_rehearsed(rehearsed: "RehearsedPoses", pixel_size_A: float) -> str:
    """Say what a refinement of simulated images came to."""
    figures = list_rehearsed(rehearsed, pixel_size_A)
    return (
        f"turns of {figures['hinge_sd_deg']:.1f}° per axis are found to {figures['rotation_rms_deg']:.1f}° "
        f"(rms; median {figures['rotation_median_deg']:.1f}°) and {figures['position_A']:.1f} Å; "
        f"{figures['wrong_percent']:.0f} % of the poses are more than 8° off"
    )


def list_rehearsed(rehearsed: "RehearsedPoses", pixel_size_A: float) -> dict[str, float]:
    """Return the figures of a rehearsal: the root mean square is that of the angles below 8°, the medians are over all."""
    return {
        "rotation_rms_deg": rehearsed.rotation_rms_deg,
        "rotation_median_deg": float(np.median(rehearsed.angle_deg)),
        "wrong_percent": 100 * rehearsed.share_wrong,
        "position_A": float(np.median(rehearsed.position_px)) * pixel_size_A,
        "hinge_sd_deg": rehearsed.hinge_sd_deg,
        "share_of_prior": rehearsed.share_of_prior,
    }


def describe(expected: "ExpectedErrors", pixel_size_A: float) -> str:
    """Say what is to be expected."""
    figures = list_expected(expected, pixel_size_A)
    axes = ", ".join(f"{sd:.1f}" for sd in figures["rotation_xyz_deg"])
    return (
        f"rotations known to {figures['rotation_rms_deg']:.1f}° (rms; about x, y, z to {axes}°; "
        f"without a prior {figures['rotation_no_prior_deg']:.1f}°, by the prior alone {expected.prior_rotation_sd_deg:.1f}°), "
        f"positions to {figures['position_A']:.1f} Å; "
        f"{figures['information_nat']:.1f} nat, where the choice among poses takes {figures['log_n_poses']:.1f}; "
        f"{figures['right_poses_percent']:.0f} % of the right poses win; aligned to {figures['limit_A']:.1f} Å"
    )


def list_expected(expected: "ExpectedErrors", pixel_size_A: float) -> dict[str, Any]:
    """Return the figures of one prediction, over the particles: root mean squares of angles, medians of the others."""
    return {
        "rotation_rms_deg": float(np.sqrt((expected.rotation_sd_deg**2).mean())),
        "rotation_xyz_deg": expected.axis_sd_deg.tolist(),
        "rotation_no_prior_deg": float(np.median(expected.rotation_sd_without_prior_deg)),
        "position_A": float(np.median(expected.position_sd_px)) * pixel_size_A,
        "information_nat": float(np.median(expected.information_nat)),
        "log_n_poses": float(np.median(expected.log_n_poses)),
        "right_poses_percent": 100 * expected.share_right,
        "limit_A": expected.limit_A,
    }


JOB = JobType("predict", "Predict how well the poses of a domain can be known", PredictParameters, run, {})
