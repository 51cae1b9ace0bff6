"""Job: poses of one domain refined about its fulcrum, the rest of the particle subtracted on the fly."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zipfile import is_zipfile

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_position_xyz_px
from triskelion.jobs.read_images import read_image_set
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.imaging.forward import Grid, ImageSet
    from triskelion.jobs.report_refinement import IterationFigures
    from triskelion.refine.engine import LocalRefinement
    from triskelion.refine.reference import Domain
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Settings, Start


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
    max_iterations: int = parameter(15, title="Maximum iterations", ge=1, le=100, advanced=True, help="It stops by itself when nothing improves.")
    replay: Path | None = parameter(
        None,
        title="Replay shared quantities",
        advanced=True,
        help="shared.npz of another run: resolution limits, filters, noise and prior widths are taken from there.",
    )


def run(parameters: LocalRefinementParameters, context: JobContext) -> None:
    """Read, refine the rest, refine the domain iteration by iteration, report."""
    from triskelion.devices import set_threads
    from triskelion.jobs.refinement_checkpoint import pack_checkpoint
    from triskelion.jobs.report_refinement import report_iteration, report_result, summarize_iteration
    from triskelion.refine.shared import SharedRecord

    set_threads(context.threads)
    settings = _settings(parameters)
    particles = context.read_particles(parameters.particles)
    particles.require_half_sets()
    shared = SharedRecord(_read_recording(parameters, context))
    mask, domain, start, grid = _read_start(parameters, context, particles, shared)
    images = read_image_set(context, particles, grid)
    refinement, history = _begin(parameters, context, images, start, domain, settings, shared)
    result = None
    while result is None or not (result.converged or refinement.is_finished):
        context.save_checkpoint(pack_checkpoint(refinement, history))
        with context.progress(len(particles), f"iteration {len(history) + 1}") as bar:
            result = refinement.run_iteration(bar.advance)
        history.append(summarize_iteration(result))
        report_iteration(context, result, history, mask, domain, grid, settings)
    report_result(context, particles, refinement, result, mask, grid)
    context.save_arrays("shared", shared.settled)
    context.summarize(n_particles=len(particles), box_px=grid.box_px, pixel_size_A=grid.pixel_size_A)


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
        max_iterations=parameters.max_iterations,
        seed=parameters.seed,
    )


def _read_start(
    parameters: LocalRefinementParameters, context: JobContext, particles: Particles, shared: "SharedRecord"
) -> "tuple[Mask, Domain, Start, Grid]":
    """Read half maps, mask and consensus poses; check that they belong together."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.imaging.forward import Grid
    from triskelion.masks.automatic import particle_mask
    from triskelion.refine.reference import Domain
    from triskelion.refine.state import Start
    from triskelion.resolution.fsc import average_map

    half_a, half_b = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
    mask = context.read_mask(parameters.mask)
    require_same_grid(half_a, half_b, "half map a", "half map b")
    require_same_grid(half_a, mask, "the half maps", "the mask")
    pixel = _pixel_size_of_images(half_a, particles)
    domain = Domain.of_mask(mask, _fulcrum_xyz_px(parameters.fulcrum, mask))
    consensus = particles if parameters.consensus is None else _matched(context.read_particles(parameters.consensus), particles)
    names = ("consensus_rotvec_rad", "consensus_shift_A") if parameters.consensus is None else ("rotvec_rad", "shift_A")
    # made from both half maps, so it is a shared quantity; in bytes, to be recorded cheaply
    loose = shared.settle("particle_mask", lambda: np.rint(particle_mask(average_map(half_a, half_b)).array * 255).astype(np.uint8))
    start = Start(
        uid=particles["uid"],
        half_set=particles["half_set"],
        rotations=rotvec_to_matrix(particles["rotvec_rad"]),
        shifts_px=particles["shift_A"] / pixel,
        consensus_rotations=rotvec_to_matrix(consensus[names[0]]),
        consensus_shifts_px=consensus[names[1]] / pixel,
        half_maps=(half_a.array, half_b.array),
        particle_mask=np.maximum(loose.astype(np.float32) / 255, mask.array),
    )
    return mask, domain, start, Grid(half_a.box_px, pixel)


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


def _begin(
    parameters: LocalRefinementParameters,
    context: JobContext,
    images: "ImageSet",
    start: "Start",
    domain: "Domain",
    settings: "Settings",
    shared: "SharedRecord",
) -> "tuple[LocalRefinement, list[IterationFigures]]":
    """Refine the rest and begin with the domain, or go on where the job was interrupted; return the figures of iterations already done."""
    from triskelion.jobs.refinement_checkpoint import restore_refinement, restore_start
    from triskelion.kernels import cpu
    from triskelion.refine.engine import LocalRefinement

    checkpoint = context.load_checkpoint()
    if checkpoint is None:
        start = _refine_rest_first(parameters, context, images, start, domain, settings, shared)
        return LocalRefinement(images, start, domain, settings, cpu, shared), []
    refinement = LocalRefinement(images, restore_start(start, checkpoint), domain, settings, cpu, shared)
    history = restore_refinement(refinement, checkpoint)
    context.log(f"continued from the checkpoint: {len(history)} iterations were done")
    return refinement, history


def _refine_rest_first(
    parameters: LocalRefinementParameters,
    context: JobContext,
    images: "ImageSet",
    start: "Start",
    domain: "Domain",
    settings: "Settings",
    shared: "SharedRecord",
) -> "Start":
    """Refine the poses of the background where that is wanted."""
    from triskelion.geometry.rotations import rotation_difference_deg
    from triskelion.kernels import cpu
    from triskelion.refine.rest import ITERATIONS, is_rest_larger, refine_rest

    wanted = parameters.background_poses == "refine"
    if parameters.background_poses == "auto":
        larger = shared.settle("is_rest_larger", lambda: is_rest_larger(start.half_maps, domain, start.particle_mask))
        wanted = settings.subtract_background and bool(larger)
    if not wanted:
        return start
    with context.progress(ITERATIONS * len(images), "refine the rest first") as bar:
        refined = refine_rest(images, start, domain, settings, cpu, shared, bar.advance)
    turned = rotation_difference_deg(start.consensus_rotations, refined.consensus_rotations)
    context.log(f"the rest of the particle was refined first: its poses turned by {np.median(turned):.2f}° (median)")
    return refined


JOB = JobType(
    "local_refinement",
    "Refine one domain about its fulcrum",
    LocalRefinementParameters,
    run,
    {"map": "volume", "map_sharp": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask", "particles": "particles"},
)
