"""Job: poses of one domain refined about its fulcrum, the rest of the particle subtracted on the fly."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zipfile import is_zipfile

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.images import ArrayStore, MemoryStore
from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_position_xyz_px
from triskelion.jobs.read_images import open_stream
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.jobs.report_refinement import IterationFigures
    from triskelion.refine.engine import LocalRefinement
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Inputs, Means, Settings, Start


FREE_SHARE = 0.9  # of the free memory that a job takes without being told
IN_MEMORY: dict[str, type[np.floating]] = {"float32": np.float32, "float16": np.float16}


class LocalRefinementParameters(JobParameters):
    """What local_refinement wants to know."""

    particles: str = slot("particles", title="Particles", help="Particles with poses and half-sets; refinement starts from these poses.")
    volume: str = slot("volume", title="Volume", help="A job with half maps of the whole particle.")
    mask: str = slot("mask", title="Mask", help="Soft mask of the domain to refine; everything outside it is background.")
    consensus: str | None = slot(
        "particles",
        title="Consensus poses",
        optional=True,
        help="Particles at whose poses the background is subtracted; left out, the consensus poses that the particles carry.",
    )
    fulcrum: str = parameter(
        "mask_center",
        title="Fulcrum",
        unit="px",
        help="Point about which the domain turns: mask_center, box_center, or x,y,z from the corner voxel; 249.5,250.1,253.3A is read as Å.",
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
    background: Literal["subtract", "none"] = parameter(
        "subtract", title="Background", help="Subtract the rest of the particle on the fly, or leave it (images already subtracted)."
    )
    background_poses: Literal["auto", "refine", "consensus"] = parameter(
        "auto",
        title="Background poses",
        help="Refine the rest of the particle first, so that its subtraction is exact; auto does so where the rest is the larger part.",
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
    memory_GB: float | None = parameter(
        None, title="Memory", unit="GB", gt=0, advanced=True, help="Memory the job may take; left out, nine tenths of what is free."
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
    from triskelion.jobs.report_refinement import report_iteration, report_result, summarize_iteration
    from triskelion.kernels import cpu
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means

    set_threads(context.threads)
    shared = SharedRecord(_read_recording(parameters, context))
    mask, inputs = _read_inputs(parameters, context, shared)
    wants_rest = _wants_rest(parameters, inputs, shared)
    means = Means(cpu, shared, _choose_store(parameters, context, inputs, wants_rest))
    refinement, history = _begin(context, inputs, means, wants_rest)
    result = None
    while result is None or not (result.converged or refinement.is_finished):
        context.save_checkpoint(pack_checkpoint(refinement, history))
        with context.progress(len(inputs.images), f"iteration {len(history) + 1}") as bar:
            result = refinement.run_iteration(bar.advance)
        history.append(summarize_iteration(result))
        report_iteration(context, refinement, result, history)
    with context.progress(len(inputs.images), "reconstruct") as bar:
        half_maps = refinement.final_half_maps(bar.advance)
    report_result(context, refinement, result, half_maps, mask)
    context.save_arrays("shared", shared.settled)
    grid = inputs.images.grid
    context.summarize(n_particles=len(inputs.images), box_px=grid.box_px, pixel_size_A=grid.pixel_size_A, window_px=refinement.grid.box_px)


def _settings(parameters: LocalRefinementParameters) -> "Settings":
    from triskelion.refine.state import Settings

    return Settings(
        rotation_extent_deg=parameters.rotation_extent_deg,
        shift_extent_A=parameters.shift_extent_A,
        initial_lowpass_A=parameters.initial_lowpass_A,
        max_align_resolution_A=parameters.max_align_resolution_A,
        use_prior=parameters.use_prior,
        marginalize=parameters.marginalize,
        subtract_background=parameters.background == "subtract",
        use_window=parameters.use_window,
        max_iterations=parameters.max_iterations,
        seed=parameters.seed,
    )


def _read_inputs(parameters: LocalRefinementParameters, context: JobContext, shared: "SharedRecord") -> "tuple[Mask, Inputs]":
    """Read particles, half maps, mask and consensus poses; check that they belong together."""
    from triskelion.imaging.forward import Grid
    from triskelion.refine.domain import Domain
    from triskelion.refine.state import Inputs

    particles = context.read_particles(parameters.particles)
    particles.require_half_sets()
    half_a, half_b = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
    mask = context.read_mask(parameters.mask)
    require_same_grid(half_a, half_b, "half map a", "half map b")
    require_same_grid(half_a, mask, "the half maps", "the mask")
    grid = Grid(half_a.box_px, _pixel_size_of_images(half_a, particles))
    domain = Domain.of_mask(mask, _fulcrum_xyz_px(parameters.fulcrum, mask))
    consensus = None if parameters.consensus is None else _matched(context.read_particles(parameters.consensus), particles)
    start = _make_start(particles, consensus, (half_a, half_b), mask, shared)
    return mask, Inputs(open_stream(context, particles, grid), start, domain, _settings(parameters))


def _make_start(particles: Particles, consensus: Particles | None, halves: tuple[Volume, Volume], mask: Mask, shared: "SharedRecord") -> "Start":
    """Poses to start from, poses and half maps of the consensus."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.masks.automatic import particle_mask
    from triskelion.refine.state import Start
    from triskelion.resolution.fsc import average_map

    pixel_size_A = _pixel_size_of_images(halves[0], particles)
    given = particles if consensus is None else consensus
    names = ("consensus_rotvec_rad", "consensus_shift_A") if consensus is None else ("rotvec_rad", "shift_A")
    # made from both half maps, so it is a shared quantity; in bytes, to be recorded cheaply
    loose = shared.settle("particle_mask", lambda: np.rint(particle_mask(average_map(*halves)).array * 255).astype(np.uint8))
    return Start(
        uid=particles["uid"],
        half_set=particles["half_set"],
        rotations=rotvec_to_matrix(particles["rotvec_rad"]),
        shifts_px=particles["shift_A"] / pixel_size_A,
        consensus_rotations=rotvec_to_matrix(given[names[0]]),
        consensus_shifts_px=given[names[1]] / pixel_size_A,
        half_maps=(halves[0].array, halves[1].array),
        particle_mask=np.maximum(loose.astype(np.float32) / 255, mask.array),
    )


def _pixel_size_of_images(half_a: Volume, particles: Particles) -> float:
    """Pixel size of the optics group that the half maps were made on: headers of maps are rounded, and images must not be rescaled for that."""
    sizes = [group.pixel_size_A for group in particles.optics]
    same = [size for size in sizes if abs(size - half_a.pixel_size_A) <= 1e-3 * size]
    if not same:
        raise InputError(
            f"the half maps have {half_a.pixel_size_A:g} Å/px, the particles {', '.join(f'{size:g}' for size in sizes)} Å/px: "
            "give half maps that were reconstructed from these particles"
        )
    return same[0]


def _fulcrum_xyz_px(text: str, mask: Mask) -> np.ndarray:
    if text == "mask_center":
        return mask.center_xyz_px
    if text == "box_center":
        return np.full(3, float(box_center_px(mask.box_px)))
    fulcrum = np.array(parse_position_xyz_px(text, mask.pixel_size_A, "fulcrum"))
    if (fulcrum < 0).any() or (fulcrum > mask.box_px - 1).any():
        raise InputError(
            f"the fulcrum {text} lies outside the box of {mask.box_px} px ({mask.box_px * mask.pixel_size_A:g} Å): "
            "it is counted x,y,z from the corner voxel, in px, or in Å with an A behind"
        )
    return fulcrum


def _matched(consensus: Particles, particles: Particles) -> Particles:
    """The rows of ``consensus`` in the order of ``particles``."""
    mine, theirs = join_by_uid(particles, consensus)
    if len(mine) != len(particles):
        raise InputError(
            f"{len(particles) - len(mine)} of {len(particles)} particles are not among the {len(consensus)} consensus particles: "
            "give the table they were selected from"
        )
    order = np.empty(len(particles), dtype=np.int64)
    order[mine] = theirs
    return consensus.select(order)


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
    from triskelion.refine.engine import LocalRefinement

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
