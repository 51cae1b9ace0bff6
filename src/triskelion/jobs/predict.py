"""Job: how well the poses of a domain can be known, told from its mask before anything is refined.

At the consensus poses of some particles the Fisher matrix of the domain's pose is computed, from the own half map and the noise of the images.
Two answers are given: from the map as it is, which is what the first iteration has to go by, and with a domain as sharp as the rest of the
particle, which is what refinement can lead to. The verdict is `alignable` where the map as it is suffices, `barely` where the domain must become as
sharp as the rest first, `not` where even that does not suffice. It suffices where at least 90 % of the right poses win over the best wrong one that
the extents allow, and rotations are known to half of the prior's width or better.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B, Particles
from triskelion.jobs.context import JobContext
from triskelion.jobs.read_domain import DomainParameters, make_inputs, match_particles, read_inputs
from triskelion.jobs.spec import JobType, parameter

if TYPE_CHECKING:
    from triskelion.refine.predict import ExpectedErrors, Prediction
    from triskelion.refine.state import Inputs, Settings

WORDS = {"as_it_is": "from the map as it is", "as_the_rest": "with a domain as sharp as the rest"}


class PredictParameters(DomainParameters):
    """What predict wants to know."""

    rotation_extent_deg: float = parameter(
        30.0, title="Rotation extent", unit="°", gt=0, le=180, help="Of the refinement that is planned; the prior's width per axis is extent / 2.5."
    )
    shift_extent_A: float = parameter(10.0, title="Shift extent", unit="Å", gt=0, le=200, help="Of the refinement that is planned.")
    background_poses: Literal["consensus", "refine"] = parameter(
        "consensus",
        title="Background poses",
        help="refine: refine the rest of the particle first, as local_refinement does, on all particles. It takes a part of the time of that "
        "refinement, and tells what it will find: where consensus poses are off, the map as it is promises too little.",
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
    if parameters.background_poses == "refine":
        inputs = _refine_rest(parameters, context, particles, drawn, settings)
    else:
        inputs = read_inputs(parameters, context, drawn, settings, shared)
    prediction = predict_pose_errors(inputs, Means(cpu, shared, MemoryStore()))
    context.plot(
        "predicted_error",
        collect_predicted_error(
            {label: getattr(prediction, name).rotation_sd_deg for name, label in WORDS.items()},
            inputs.start.consensus_rotations,
            prior_deg=prediction.as_it_is.prior_rotation_sd_deg,
        ),
    )
    _report(context, prediction, drawn, inputs.images.grid.pixel_size_A)


def _refine_rest(parameters: PredictParameters, context: JobContext, particles: Particles, drawn: Particles, settings: "Settings") -> "Inputs":
    """Read what is predicted from, at poses and with half maps that come of a refinement of the rest of all particles."""
    from triskelion.jobs.rest_first import refine_rest_first
    from triskelion.refine.shared import SharedRecord

    whole = read_inputs(parameters, context, particles, settings, SharedRecord())
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
    """Save and log both predictions; warn where refinement promises little."""
    arrays = {"uid": drawn["uid"]}
    for name, words in WORDS.items():
        expected: ExpectedErrors = getattr(prediction, name)
        context.log(f"{words}: {describe(expected, pixel_size_A)}")
        context.summarize(**{f"{name}_{figure}": value for figure, value in list_expected(expected, pixel_size_A).items()})
        arrays |= {
            f"{name}_rotation_sd_deg": expected.rotation_sd_deg,
            f"{name}_position_sd_A": expected.position_sd_px * pixel_size_A,
            f"{name}_information_nat": expected.information_nat,
        }
    context.save_arrays("predicted_errors", arrays)
    context.log(f"verdict: {prediction.verdict}")
    context.summarize(
        verdict=prediction.verdict,
        prior_rotation_rms_deg=prediction.as_it_is.prior_rotation_sd_deg,
        n_particles=len(drawn),
        pixel_size_A=pixel_size_A,
    )
    if prediction.verdict == "barely":
        context.warn(
            "the domain is barely alignable: the map as it is says too little, it must become as sharp as the rest of the particle first; "
            "narrower extents or a larger mask may help it to start"
        )
    if prediction.verdict == "not":
        context.warn(
            "the domain cannot be aligned by these images: even as sharp as the rest of the particle it says too little of its pose; "
            "take a larger mask or narrower extents"
        )


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
