"""Job: poses of one domain refined about its fulcrum, the rest of the particle subtracted on the fly."""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from triskelion.data.volume import require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.read_domain import DomainParameters, read_inputs
from triskelion.jobs.refinement_controls import compare_with_refined, make_control, report_audit
from triskelion.jobs.refinement_means import RefinementParameters, choose_store, read_recording
from triskelion.jobs.spec import JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.jobs.report_refinement import IterationFigures
    from triskelion.refine.local import LocalRefinement
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Inputs, Means, Settings, Start


class LocalRefinementParameters(RefinementParameters, DomainParameters):
    """What local_refinement wants to know."""

    alignment_mask: str | None = slot(
        "mask", title="Alignment mask", optional=True, help="Part of the mask that poses are found with; left out, all of it."
    )
    dynamic_mask: bool = parameter(
        False, title="Dynamic mask", help="Find poses with what has density in the map of the iteration before, inside the alignment mask."
    )
    rotation_extent_deg: float = parameter(
        30.0, title="Rotation extent", unit="°", ge=0, le=180, help="Largest rotation from the consensus (a magnitude, not per axis)."
    )
    shift_extent_A: float = parameter(
        10.0, title="Shift extent", unit="Å", ge=0, le=200, help="Largest shift of the fulcrum's image. Both extents 0: reconstruct only."
    )
    use_prior: bool = parameter(
        True, title="Prior", help="Gaussian prior about the consensus; its widths start at extent / 2.5 and are then estimated from the data."
    )
    initial_lowpass_A: float = parameter(12.0, title="Initial low-pass", unit="Å", gt=0, le=100, help="Resolution of the first references.")
    background: Literal["subtract", "none"] = parameter(
        "subtract", title="Background", help="Subtract the rest of the particle on the fly, or leave it (images already subtracted)."
    )
    background_poses: Literal["auto", "refine", "consensus"] = parameter(
        "auto",
        title="Background poses",
        help="Refine the rest of the particle first, so that its subtraction is exact; auto does so where the rest is the larger part.",
    )
    particle_scale: bool = parameter(
        True, title="Particle scale", help="Estimate the contrast of each particle against the whole particle; it scales background and domain."
    )
    recenter: bool = parameter(
        False, title="Re-centre", help="Extents and prior follow the poses from iteration to iteration, instead of staying about the consensus."
    )
    use_window: bool = parameter(
        True, title="Window", advanced=True, help="Search in a window round the domain; off, in the whole box: slower, and no better."
    )
    control: Literal["none", "empty_domain", "noise"] = parameter(
        "none",
        title="Control",
        help="Run the same on images without the domain, or on noise alone: what resolution does the method give to nothing?",
    )
    refined: str | None = slot(
        "particles",
        title="Refined job",
        optional=True,
        help="The local refinement that a control is for: it is compared with.",
    )


def run(parameters: LocalRefinementParameters, context: JobContext) -> None:
    """Refine the rest, refine the domain iteration by iteration, reconstruct, report."""
    from triskelion.devices import set_threads
    from triskelion.jobs.report_local import report_iteration, report_result
    from triskelion.jobs.report_refinement import calibrate
    from triskelion.jobs.run_iterations import run_iterations
    from triskelion.kernels.choice import choose_kernels
    from triskelion.refine.memory import estimate_memory
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.spread import measure_spread
    from triskelion.refine.state import Means

    set_threads(context.threads)
    kernels = choose_kernels(parameters.device)
    shared = SharedRecord(read_recording(parameters, context), context.ranks)
    inputs = _read_inputs(parameters, context, shared)
    wants_rest = _wants_rest(parameters, inputs, shared)
    grid = inputs.images.grid
    means = Means(kernels, shared, choose_store(parameters, context, estimate_memory(inputs, wants_rest), grid.box_px))
    refinement, history = _begin(context, inputs, means, wants_rest)
    result = run_iterations(context, refinement, history, report_iteration)
    if not refinement.extent.is_fixed:
        result = measure_spread(refinement, result)
    result = refinement.join_halves(calibrate(context, refinement, result))
    with context.progress(len(inputs.images), "reconstruct") as bar:
        half_maps = refinement.final_half_maps(result, bar.advance)
    curves = context.ranks.by_first(lambda: report_result(context, refinement, result, half_maps))
    if parameters.restart_audit and not refinement.extent.is_fixed:
        report_audit(context, refinement)
    if parameters.refined is not None:
        compare_with_refined(context, parameters.refined, curves, parameters.control)
    context.save_arrays("shared", shared.settled)
    context.summarize(n_particles=len(inputs.images), box_px=grid.box_px, pixel_size_A=grid.pixel_size_A, window_px=refinement.grid.box_px)


def _read_inputs(parameters: LocalRefinementParameters, context: JobContext, shared: "SharedRecord") -> "Inputs":
    """Read what is refined; make it a control experiment where one is wanted.

    Raises
    ------
    InputError
        The inputs do not belong together, or a control lacks the job it is for.
    """
    from triskelion.kernels import cpu
    from triskelion.refine.half_sets import check_half_sets

    particles = context.read_particles(parameters.particles)
    settings = _settings(parameters)
    if particles.kept_masks:
        context.log(f"the particles are already subtracted (kept: {', '.join(particles.kept_masks)}): no background is subtracted, contrast stays")
        settings = replace(settings, subtract_background=False, particle_scale=False)
    inputs = read_inputs(parameters, context, particles, settings, shared)
    if parameters.alignment_mask is not None:
        mask = context.read_mask(parameters.alignment_mask)
        require_same_grid(inputs.images.grid, mask, "the half maps", "the alignment mask")
        aligned = np.minimum(inputs.domain.mask, mask.array)
        if not aligned.any():
            raise InputError("the alignment mask has nothing in common with the mask: it is a part of it")
        inputs = replace(inputs, domain=replace(inputs.domain, alignment_mask=aligned))
    warning = check_half_sets(shared, inputs, cpu)
    if warning is not None:
        context.warn(warning)
    return make_control(parameters.control, parameters.refined, context, inputs)


def _settings(parameters: LocalRefinementParameters) -> "Settings":
    from triskelion.refine.state import Settings

    return Settings(
        rotation_extent_deg=parameters.rotation_extent_deg,
        shift_extent_A=parameters.shift_extent_A,
        initial_lowpass_A=parameters.initial_lowpass_A,
        max_align_resolution_A=parameters.max_align_resolution_A,
        use_prior=parameters.use_prior,
        nonuniform=parameters.nonuniform,
        marginalize=parameters.marginalize,
        subtract_background=parameters.background == "subtract",
        use_window=parameters.use_window,
        particle_scale=parameters.particle_scale,
        recenter=parameters.recenter,
        dynamic_mask=parameters.dynamic_mask,
        max_iterations=parameters.max_iterations,
        seed=parameters.seed,
    )


def _wants_rest(parameters: LocalRefinementParameters, inputs: "Inputs", shared: "SharedRecord") -> bool:
    """Whether the rest of the particle is refined first."""
    from triskelion.refine.rest import is_rest_larger

    if parameters.background_poses != "auto":
        return parameters.background_poses == "refine"
    start = inputs.start
    larger = shared.settle_by_first("is_rest_larger", lambda: is_rest_larger(start.half_maps, inputs.domain, start.particle_mask))
    return inputs.settings.subtract_background and bool(larger)


def _begin(context: JobContext, inputs: "Inputs", means: "Means", wants_rest: bool) -> "tuple[LocalRefinement, list[IterationFigures]]":
    """Refine the rest and begin with the domain, or go on where the job was interrupted; return the figures of iterations already done."""
    from triskelion.jobs.refinement_checkpoint import continue_refinement, restore_start
    from triskelion.refine.local import LocalRefinement

    checkpoint = context.load_checkpoint()
    if checkpoint is None:
        start = _refine_rest(context, inputs, means) if wants_rest else inputs.start
    else:
        start = restore_start(inputs.start, checkpoint)
    with context.progress(len(inputs.images), "read and pack images") as bar:
        refinement = LocalRefinement(replace(inputs, start=start), means, advance=bar.advance)
    return refinement, [] if checkpoint is None else continue_refinement(context, refinement, checkpoint)


def _refine_rest(context: JobContext, inputs: "Inputs", means: "Means") -> "Start":
    """Refine the poses of the background."""
    from triskelion.geometry.rotations import rotation_difference_deg
    from triskelion.refine.rest import PASSES, refine_rest

    with context.progress(PASSES * len(inputs.images), "refine the rest first") as bar:
        refined = refine_rest(inputs, means, bar.advance)
    turned = rotation_difference_deg(inputs.start.consensus_rotations, refined.consensus_rotations)
    context.log(f"the rest of the particle was refined first: its poses turned by {np.median(turned):.2f}° (median)")
    return refined


JOB = JobType(
    "local_refinement",
    "Refine one domain about its fulcrum",
    LocalRefinementParameters,
    run,
    {"map": "volume", "map_sharp": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask", "particles": "particles"},
)
