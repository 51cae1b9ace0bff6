"""What homogeneous_refinement and nonuniform_refinement share, which is all but one default: whole particles, from a map alone or from poses.

Poses are searched anywhere (``poses=search``) with the map that is given, low-passed, or climb from those that the particles have
(``poses=input``). Half-sets stay what they are; where poses are searched, the half maps share what is
coarser than ``independent_beyond_A``, and nothing else.
"""

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.refinement_checkpoint import continue_refinement
from triskelion.jobs.refinement_means import RefinementParameters, choose_store, read_recording
from triskelion.jobs.spec import SlotKind, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.particles import Particles
    from triskelion.geometry.symmetry import PointGroup
    from triskelion.imaging.forward import Grid
    from triskelion.imaging.stream import ImageStream
    from triskelion.refine.homogeneous import HomogeneousRefinement, WholeSettings
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Inputs, Means, Settings, Start

SHIFT_EXTENT_PER_BOX = 0.1
FOLDS = 3  # a reference of two thirds of a whole particle's images is as good as one of more, and each takes time

OUTPUTS: dict[str, SlotKind] = {
    "map": "volume",
    "map_sharp": "volume",
    "map_local": "volume",
    "half_a": "volume",
    "half_b": "volume",
    "mask": "mask",
    "particles": "particles",
}


class WholeRefinementParameters(RefinementParameters):
    """What homogeneous_refinement and nonuniform_refinement want to know."""

    particles: str = slot(
        "particles",
        title="Particles",
        help="Particles with half-sets. The Ewald sphere is taken as flat: a correction for its curvature is not offered.",
    )
    volume: str | None = slot(
        "volume",
        title="Volume",
        optional=True,
        help="Map to start from where poses are searched. Where they are given: a job with half maps made from them; left out, these are "
        "reconstructed first.",
    )
    mask: str | None = slot(
        "mask",
        title="Static mask",
        optional=True,
        help="Soft mask inside which references are cut out; its corrected FSC then gives the resolution. Left out: a sphere that fills the box, "
        "and an automatic mask for the FSC.",
    )
    poses: Literal["search", "input"] = parameter(
        "search", title="Poses", help="Search them anywhere, with nothing but the volume, or start from those of the particles."
    )
    symmetry: str = parameter(
        "C1",
        title="Symmetry",
        help="Point group C1, C4, D7, T, O, I (RELION's orientations), I1, I3 or I4, its axes through the box centre; maps are symmetric, and every "
        "pose is given in the asymmetric unit.",
    )
    initial_lowpass_A: float = parameter(30.0, title="Initial low-pass", unit="Å", gt=0, le=200, help="Resolution of the first references.")
    independent_beyond_A: float = parameter(
        20.0,
        title="Half-sets independent beyond",
        unit="Å",
        gt=0,
        le=200,
        help="Where poses are searched, half maps share what is coarser, which keeps them in one frame; at least five pixels.",
    )
    dynamic_mask: bool = parameter(
        True,
        title="Dynamic mask",
        help="From 12 Å on, cut references out where the map has density: above 0.2 of its maximum, 1 up to 6 Å from there, 0 from 14 Å on.",
    )
    particle_scale: bool = parameter(
        False,
        title="Particle scale",
        help="Estimate the contrast of each particle against the map of its half-set, iteration by iteration once most poses are found.",
    )
    shift_extent_A: float | None = parameter(
        None,
        title="Shift extent",
        unit="Å",
        gt=0,
        le=500,
        help="Largest shift from the middle of the image that is searched, or from the shift that is given; left out, a tenth of the box.",
    )
    extra_passes: int = parameter(0, title="Extra passes", ge=0, le=50, advanced=True, help="Iterations after it has converged.")


def run(parameters: WholeRefinementParameters, context: JobContext) -> None:
    """Refine iteration by iteration, reconstruct, report."""
    from triskelion.devices import set_threads
    from triskelion.geometry.symmetry import parse_symmetry
    from triskelion.jobs.report_refinement import calibrate
    from triskelion.jobs.report_whole import report_audit, report_iteration, report_result
    from triskelion.jobs.run_iterations import run_iterations
    from triskelion.kernels.choice import choose_kernels
    from triskelion.refine.asymmetric_unit import move_to_asymmetric_unit
    from triskelion.refine.homogeneous import WholeSettings
    from triskelion.refine.memory import estimate_memory
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means

    set_threads(context.threads)
    kernels = choose_kernels(parameters.device)
    shared = SharedRecord(read_recording(parameters, context), context.ranks)
    group = parse_symmetry(parameters.symmetry)
    inputs = _read_inputs(parameters, context, group, shared)
    grid = inputs.images.grid
    whole = WholeSettings(
        searches=parameters.poses == "search",
        independent_beyond_A=parameters.independent_beyond_A,
        group=group,
        has_static_mask=parameters.mask is not None,
    )
    means = Means(kernels, shared, choose_store(parameters, context, estimate_memory(inputs, searched=whole.group), grid.box_px))
    refinement = _prepare(context, inputs, means, whole)
    checkpoint = context.load_checkpoint()
    history = [] if checkpoint is None else continue_refinement(context, refinement, checkpoint)
    result = run_iterations(context, refinement, history, report_iteration, parameters.extra_passes)
    result = move_to_asymmetric_unit(calibrate(context, refinement, result), whole.group)
    with context.progress(len(inputs.images), "reconstruct") as bar:
        half_maps = refinement.final_half_maps(result, bar.advance)
    context.ranks.by_first(lambda: report_result(context, refinement, result, half_maps, history))
    if parameters.restart_audit:
        report_audit(context, refinement)
    context.save_arrays("shared", shared.settled)
    context.summarize(n_particles=len(inputs.images), box_px=grid.box_px, pixel_size_A=grid.pixel_size_A, symmetry=whole.group.name)


def _read_inputs(parameters: WholeRefinementParameters, context: JobContext, group: "PointGroup", shared: "SharedRecord") -> "Inputs":
    """Read and check what is refined.

    Raises
    ------
    InputError
        Particles, volume and mask do not belong together, or there are more particles than the iterations can take up.
    DataError
        Particles have no half-sets.
    """
    from triskelion.masks.automatic import spherical_mask
    from triskelion.refine.domain import Domain
    from triskelion.refine.state import Inputs

    particles = context.read_particles(parameters.particles)
    particles.require_half_sets()
    _require_iterations(parameters, len(particles))
    half_maps, stream = _read_half_maps(parameters, context, particles, group)
    grid = stream.grid
    mask = spherical_mask(grid.box_px, grid.pixel_size_A) if parameters.mask is None else context.read_mask(parameters.mask)
    require_same_grid(grid, mask, "the volume", "the mask")
    start = _make_start(parameters, particles, half_maps, grid, group, shared)
    inputs = Inputs(stream, start, Domain(mask.array, np.zeros(3), np.zeros(3)), _settings(parameters, grid))
    if parameters.poses == "input" and parameters.volume is not None:
        _check_half_sets(context, shared, inputs)
    return inputs


def _require_iterations(parameters: WholeRefinementParameters, n_particles: int) -> None:
    """Raise InputError where the refinement would end before it has looked at every particle."""
    from triskelion.refine.homogeneous import BATCH_GROWTH, FIRST_BATCH

    needed = 1 + max(math.ceil(math.log(n_particles / FIRST_BATCH, BATCH_GROWTH)), 0) if parameters.poses == "search" else 1
    if parameters.max_iterations < needed:
        raise InputError(
            f"{n_particles} particles are taken up in {needed} iterations, max_iterations is {parameters.max_iterations}: give it {needed} or more"
        )


def _read_half_maps(
    parameters: WholeRefinementParameters, context: JobContext, particles: "Particles", group: "PointGroup"
) -> tuple[tuple[np.ndarray, np.ndarray], "ImageStream"]:
    """Half maps to start from, and the images on their grid; where poses are searched both are the map that was given."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.imaging.forward import reference_grid
    from triskelion.jobs.read_images import open_stream
    from triskelion.kernels import cpu
    from triskelion.maps.reconstruct import reconstruct_halves

    if parameters.volume is None:
        if parameters.poses == "search":
            raise InputError("poses are searched with a map: give any of the particle as volume (30 Å are enough), or refine from poses=input")
        stream = open_stream(context, particles, reference_grid(particles))
        rotations, shifts_px = rotvec_to_matrix(particles["rotvec_rad"]), particles["shift_A"] / stream.grid.pixel_size_A
        with context.progress(len(particles), "reconstruct at the given poses") as bar:
            half_maps, _, _ = reconstruct_halves(stream, particles["half_set"], rotations, shifts_px, cpu, bar.advance, group)
        return half_maps, stream
    names = ("map", "map") if parameters.poses == "search" else ("half_a", "half_b")
    half_a, half_b = (context.read_volume(parameters.volume, name) for name in names)
    grid = reference_grid(particles, half_a.box_px)
    for half in (half_a, half_b):
        require_same_grid(grid, half, "a map of these images", "the volume")
    return (half_a.array, half_b.array), open_stream(context, particles, grid)


def _make_start(
    parameters: WholeRefinementParameters,
    particles: "Particles",
    half_maps: tuple[np.ndarray, np.ndarray],
    grid: "Grid",
    group: "PointGroup",
    shared: "SharedRecord",
) -> "Start":
    """Poses to start from, in the asymmetric unit; a loose mask of the particle."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.geometry.symmetry import reduce_to_asymmetric_unit
    from triskelion.refine.state import Start

    n, pixel_size_A = len(particles), grid.pixel_size_A
    if parameters.poses == "search":
        rotations, shifts_px = np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 2))
    else:
        rotations, shifts_px = reduce_to_asymmetric_unit(rotvec_to_matrix(particles["rotvec_rad"]), group), particles["shift_A"] / pixel_size_A
    # made from both half maps, so it is a shared quantity; in bytes, to be recorded cheaply
    loose = shared.settle_by_first("particle_mask", lambda: np.rint(_loose_mask(parameters, half_maps, pixel_size_A).array * 255).astype(np.uint8))
    poses = rotations, shifts_px, rotations, shifts_px
    return Start(particles["uid"], particles["half_set"], *poses, half_maps, loose.astype(np.float32) / 255)


def _loose_mask(parameters: WholeRefinementParameters, half_maps: tuple[np.ndarray, np.ndarray], pixel_size_A: float) -> Mask:
    """Loose mask of the particle in the map to start from, as the first references show it."""
    import torch

    from triskelion.fourier.filters import lowpass
    from triskelion.masks.automatic import particle_mask

    average = (half_maps[0] + half_maps[1]) / 2
    return particle_mask(Volume(lowpass(torch.from_numpy(average), pixel_size_A, parameters.initial_lowpass_A).numpy(), pixel_size_A))


def _settings(parameters: WholeRefinementParameters, grid: "Grid") -> "Settings":
    from triskelion.refine.state import Settings

    tenth_A = SHIFT_EXTENT_PER_BOX * grid.box_px * grid.pixel_size_A
    return Settings(
        rotation_extent_deg=180.0,
        shift_extent_A=tenth_A if parameters.shift_extent_A is None else parameters.shift_extent_A,
        initial_lowpass_A=parameters.initial_lowpass_A,
        max_align_resolution_A=parameters.max_align_resolution_A,
        use_prior=parameters.poses == "input",
        coarse_starts=False,
        nonuniform=parameters.nonuniform,
        marginalize=parameters.marginalize,
        subtract_background=False,
        dynamic_mask=parameters.dynamic_mask,
        particle_scale=parameters.particle_scale,
        use_window=False,
        n_folds=FOLDS,
        max_iterations=parameters.max_iterations,
        seed=parameters.seed,
    )


def _check_half_sets(context: JobContext, shared: "SharedRecord", inputs: "Inputs") -> None:
    """Warn, or refuse, where the half maps that were given are not those of the half-sets."""
    from triskelion.kernels import cpu
    from triskelion.refine.half_sets import check_half_sets

    warning = check_half_sets(shared, inputs, cpu)
    if warning is not None:
        context.warn(warning)


def _prepare(context: JobContext, inputs: "Inputs", means: "Means", whole: "WholeSettings") -> "HomogeneousRefinement":
    from triskelion.refine.homogeneous import HomogeneousRefinement

    with context.progress(len(inputs.images), "read and pack images") as bar:
        return HomogeneousRefinement(inputs, means, whole, bar.advance)
