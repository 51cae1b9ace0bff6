"""Job: poses of one domain refined about its fulcrum, the rest of the particle subtracted on the fly."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zipfile import is_zipfile

import numpy as np

from triskelion.data.images import ArrayStore, MemoryStore
from triskelion.data.volume import require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.read_domain import DomainParameters, read_inputs
from triskelion.jobs.refinement_controls import compare_with_refined, make_control, report_audit
from triskelion.jobs.spec import JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.jobs.report_refinement import IterationFigures
    from triskelion.refine.local import LocalRefinement
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Inputs, Means, Settings, Start


FREE_SHARE = 0.9  # of the free memory that a job takes without being told
IN_MEMORY: dict[str, type[np.floating]] = {"float32": np.float32, "float16": np.float16}


class LocalRefinementParameters(DomainParameters):
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
    max_align_resolution_A: float | None = parameter(
        None, title="Maximum align resolution", unit="Å", gt=0, le=100, help="Finer shells are not used to find poses; left out, the FSC decides."
    )
    nonuniform: bool = parameter(
        True, title="Non-uniform", help="Low-pass each voxel of the references where its own half maps stop agreeing; off, one filter for all."
    )
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
    marginalize: bool = parameter(True, title="Marginalise", help="Back-project each particle at poses drawn from its posterior.")
    use_window: bool = parameter(
        True, title="Window", advanced=True, help="Search in a window round the domain; off, in the whole box: slower, and no better."
    )
    packing: Literal["auto", "float32", "float16", "disk"] = parameter(
        "auto",
        title="Packing",
        advanced=True,
        help="How images are kept between iterations: in memory as float32 or float16, or as float16 in mapped files; auto takes what fits.",
    )
    device: Literal["auto", "cpu", "cuda"] = parameter(
        "auto",
        title="Device",
        advanced=True,
        help="Where poses are searched and images inserted; auto takes an NVIDIA device where there is one and triton is installed.",
    )
    memory_GB: float | None = parameter(
        None, title="Memory", unit="GB", gt=0, advanced=True, help="Memory the job may take; left out, nine tenths of what is free."
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
    restart_audit: bool = parameter(
        True, title="Restart audit", advanced=True, help="At the end, align a hundredth of the particles again from random poses."
    )
    max_iterations: int = parameter(15, title="Maximum iterations", ge=1, le=100, advanced=True, help="It stops by itself when nothing improves.")
    replay: Path | None = parameter(
        None,
        title="Replay shared quantities",
        advanced=True,
        help="shared.npz of another run: resolution limits, filters, noise and prior widths are taken from there.",
    )


def run(parameters: LocalRefinementParameters, context: JobContext) -> None:
    """Refine the rest, refine the domain iteration by iteration, reconstruct, report."""
    from triskelion.devices import set_threads
    from triskelion.jobs.refinement_checkpoint import pack_checkpoint
    from triskelion.jobs.report_refinement import calibrate, report_iteration, report_result, summarize_iteration
    from triskelion.kernels.choice import choose_kernels
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means

    set_threads(context.threads)
    kernels = choose_kernels(parameters.device)
    shared = SharedRecord(_read_recording(parameters, context))
    inputs = _read_inputs(parameters, context, shared)
    wants_rest = _wants_rest(parameters, inputs, shared)
    means = Means(kernels, shared, _choose_store(parameters, context, inputs, wants_rest))
    refinement, history = _begin(context, inputs, means, wants_rest)
    result = None
    while result is None or not (result.converged or refinement.is_finished):
        context.save_checkpoint(pack_checkpoint(refinement, history))
        with context.progress(len(inputs.images), f"iteration {len(history) + 1}") as bar:
            result = refinement.run_iteration(bar.advance)
        history.append(summarize_iteration(result))
        report_iteration(context, refinement, result, history)
    result = calibrate(context, refinement, refinement.join_halves(result))
    with context.progress(len(inputs.images), "reconstruct") as bar:
        half_maps = refinement.final_half_maps(result, bar.advance)
    curves = report_result(context, refinement, result, half_maps)
    if parameters.restart_audit and not refinement.extent.is_fixed:
        report_audit(context, refinement)
    if parameters.refined is not None:
        compare_with_refined(context, parameters.refined, curves, parameters.control)
    context.save_arrays("shared", shared.settled)
    grid = inputs.images.grid
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


def _read_recording(parameters: LocalRefinementParameters, context: JobContext) -> dict[str, np.ndarray] | None:
    if parameters.replay is None:
        return None
    path = context.project_folder / parameters.replay
    if not is_zipfile(path):
        found = "which is something else" if path.is_file() else "there is no such file"
        raise InputError(f"cannot replay {parameters.replay}, {found}: give the shared.npz of a local refinement")
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _wants_rest(parameters: LocalRefinementParameters, inputs: "Inputs", shared: "SharedRecord") -> bool:
    """Whether the rest of the particle is refined first."""
    from triskelion.refine.rest import is_rest_larger

    if parameters.background_poses != "auto":
        return parameters.background_poses == "refine"
    start = inputs.start
    larger = shared.settle("is_rest_larger", lambda: is_rest_larger(start.half_maps, inputs.domain, start.particle_mask))
    return inputs.settings.subtract_background and bool(larger)


def _choose_store(parameters: LocalRefinementParameters, context: JobContext, inputs: "Inputs", refines_rest: bool) -> "ArrayStore":
    """Decide how images are packed, and say what the run will take.

    Raises
    ------
    InputError
        Even with the images on disk it takes more memory than there is.
    """
    from triskelion.devices import available_memory_bytes
    from triskelion.refine.memory import estimate_memory

    estimate = estimate_memory(inputs, refines_rest)
    allowed = FREE_SHARE * available_memory_bytes() if parameters.memory_GB is None else parameters.memory_GB * 1e9
    packing = parameters.packing
    if packing == "auto":
        fitting = (name for name, dtype in IN_MEMORY.items() if estimate.total_bytes(dtype) <= allowed)
        packing = next(fitting, "disk")
    needed = estimate.working_bytes if packing == "disk" else estimate.total_bytes(IN_MEMORY[packing])
    grid = inputs.images.grid
    window = f"a window of {estimate.window_px} px" if estimate.window_px < grid.box_px else f"the whole box of {grid.box_px} px"
    on_disk = f" and {estimate.packed_values * 2 / 1e9:.1f} GB on disk" if packing == "disk" else ""
    context.log(f"search in {window}; images packed as {packing}: it takes about {needed / 1e9:.1f} GB of memory{on_disk}")
    if needed > allowed:
        raise InputError(
            f"it takes about {needed / 1e9:.1f} GB of memory, {allowed / 1e9:.1f} GB may be taken: bin the particles, "
            "give it more memory (memory_GB), or packing=auto"
        )
    return context.open_scratch() if packing == "disk" else MemoryStore(IN_MEMORY[packing])


def _begin(context: JobContext, inputs: "Inputs", means: "Means", wants_rest: bool) -> "tuple[LocalRefinement, list[IterationFigures]]":
    """Refine the rest and begin with the domain, or go on where the job was interrupted; return the figures of iterations already done."""
    from triskelion.jobs.refinement_checkpoint import restore_refinement, restore_start
    from triskelion.refine.local import LocalRefinement

    checkpoint = context.load_checkpoint()
    if checkpoint is None:
        start = _refine_rest(context, inputs, means) if wants_rest else inputs.start
    else:
        start = restore_start(inputs.start, checkpoint)
    with context.progress(len(inputs.images), "read and pack images") as bar:
        refinement = LocalRefinement(replace(inputs, start=start), means, advance=bar.advance)
    if checkpoint is None:
        return refinement, []
    history = restore_refinement(refinement, checkpoint)
    context.log(f"continued from the checkpoint: {len(history)} iterations were done")
    return refinement, history


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
