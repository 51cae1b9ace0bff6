"""Job: the rest of the particle taken out of the images once and for all, as a stack of images that show only what is kept.

Local refinement does the same on the fly; a stack is for other programs, for classification, or for small boxes about the kept domain.
As in the refinement, the own half map of each half-set is put on the grey scale of the images, Wiener filtered, cut out with the mask and
projected at the consensus poses; images are not windowed, and change nowhere else. Half maps lose the same, so they still belong to the images.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.particles import Particles
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext, Progress
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.imaging.recenter import CroppedFrame
    from triskelion.imaging.subtraction import PixelSubtraction
    from triskelion.refine.removal import Removal
    from triskelion.refine.state import Inputs, Start

THINNEST_EDGE_PX = 3.0
SAMPLE_IMAGES = 50  # of an optics group, to see the scale of its pixels
HALF_PRECISION_SD = (0.05, 500.0)  # standard deviations of pixels that float16 holds to three digits and without overflow


class ParticleSubtractionParameters(JobParameters):
    """What particle_subtraction wants to know."""

    particles: str = slot("particles", title="Particles", help="Particles with poses and half-sets, whole.")
    volume: str = slot("volume", title="Volume", help="A job with half maps of the whole particle, reconstructed from these particles.")
    mask: str = slot("mask", title="Mask", help="Soft mask of what is kept, or of what is removed: see mask_of.")
    mask_of: Literal["kept", "removed"] = parameter(
        "kept", title="Mask of", help="kept: everything outside the mask is subtracted; removed: what is inside it."
    )
    poses: Literal["consensus", "current"] = parameter(
        "consensus", title="Poses", help="Poses at which the removed part is projected: consensus poses are those of the rest of the particle."
    )
    scale: bool = parameter(
        True, title="Per-particle scale", help="Estimate the contrast of each particle and subtract in proportion; off, as the table has it."
    )
    lowpass_A: float | None = parameter(
        None, title="Low-pass", unit="Å", gt=0, le=100, help="Subtract nothing finer; left out, the Wiener filter of the half maps decides."
    )
    box_px: int | None = parameter(
        None,
        title="Box",
        unit="px",
        ge=16,
        le=2048,
        help="Re-centre images and maps on the kept mask and crop them to this box (px of the half maps); left out, they stay as they are.",
    )
    output: Literal["float16", "float32"] = parameter(
        "float16", title="Numbers", help="float16 halves the stack and keeps three digits; RELION 3.1 and older read float32 only."
    )


def run(parameters: ParticleSubtractionParameters, context: JobContext) -> None:
    """Settle what is removed, write the stacks, move poses and maps into the new frame."""
    from triskelion.data.images import MemoryStore
    from triskelion.devices import set_threads
    from triskelion.jobs.report_subtraction import report_subtraction
    from triskelion.kernels import cpu
    from triskelion.refine.removal import make_subtraction, plan_removal
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means

    set_threads(context.threads)
    particles = context.read_particles(parameters.particles)
    removed_mask, inputs = _read_inputs(parameters, context, particles)
    frame = _choose_frame(parameters, context, inputs)
    means = Means(cpu, SharedRecord(), MemoryStore())
    with context.progress(len(particles) if parameters.scale else 0, "particle scale") as bar:
        removal = plan_removal(inputs, means, removed_mask, parameters.lowpass_A, parameters.scale, bar.advance)
    subtraction = make_subtraction(inputs, removal, means)
    with context.progress(len(particles), "subtract") as bar:
        written = _write_stacks(parameters, context, subtraction, frame, bar)
    context.save_particles(written if frame is None else frame.move_particles(written))
    _save_maps(context, inputs, removal, frame)
    report_subtraction(context, inputs, removal, subtraction)


def _read_inputs(parameters: ParticleSubtractionParameters, context: JobContext, particles: Particles) -> "tuple[np.ndarray, Inputs]":
    """Read what the slots refer to and check that it belongs together; the domain of the result is what is kept.

    Returns
    -------
    removed_mask : ndarray (n, n, n)
    inputs : Inputs

    Raises
    ------
    InputError
        Half maps, mask and particles do not belong together, or the mask leaves nothing to remove or to keep.
    DataError
        Particles have no half-sets.
    """
    from triskelion.imaging.forward import Grid
    from triskelion.jobs.read_domain import pixel_size_of_images, read_maps
    from triskelion.jobs.read_images import open_stream
    from triskelion.masks.automatic import particle_mask
    from triskelion.refine.domain import Domain
    from triskelion.refine.removal import require_both_parts
    from triskelion.refine.state import Inputs, Settings
    from triskelion.resolution.fsc import average_map

    particles.require_half_sets()
    half_a, half_b, mask = read_maps(context, parameters.volume, parameters.mask)
    _warn_of_inputs(context, mask, particles)
    average = average_map(half_a, half_b)
    loose = particle_mask(average).array
    # as in the refinement, a domain that is kept may reach beyond the loose mask of the particle
    loose = loose if parameters.mask_of == "removed" else np.maximum(loose, mask.array)
    removed_mask = mask.array if parameters.mask_of == "removed" else 1 - mask.array
    require_both_parts(average.array * loose, removed_mask)
    kept = mask if parameters.mask_of == "kept" else Mask(loose * (1 - mask.array), mask.pixel_size_A)
    grid = Grid(half_a.box_px, pixel_size_of_images(half_a, particles))
    start = _make_start(parameters, particles, (half_a.array, half_b.array), loose, grid.pixel_size_A)
    domain = Domain.of_mask(kept, kept.center_xyz_px)
    return removed_mask, Inputs(open_stream(context, particles, grid), start, domain, Settings(seed=parameters.seed))


def _make_start(
    parameters: ParticleSubtractionParameters, particles: Particles, half_maps: tuple[np.ndarray, np.ndarray], loose: np.ndarray, pixel_size_A: float
) -> "Start":
    """Half maps, and as consensus the poses at which the removed part is projected."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.refine.state import Start

    prefix = "consensus_" if parameters.poses == "consensus" else ""
    return Start(
        uid=particles["uid"],
        half_set=particles["half_set"],
        rotations=rotvec_to_matrix(particles["rotvec_rad"]),
        shifts_px=particles["shift_A"] / pixel_size_A,
        consensus_rotations=rotvec_to_matrix(particles[f"{prefix}rotvec_rad"]),
        consensus_shifts_px=particles[f"{prefix}shift_A"] / pixel_size_A,
        half_maps=half_maps,
        particle_mask=loose,
    )


def _warn_of_inputs(context: JobContext, mask: Mask, particles: Particles) -> None:
    from triskelion.masks.soft_edge import measure_padding_px

    padding_px = measure_padding_px(mask)
    if padding_px < THINNEST_EDGE_PX:
        context.warn(
            f"the mask has a hard edge ({padding_px:.1f} px wide): cutting the map there makes ripples that are subtracted from every image; "
            "give the mask soft padding with volume_tools"
        )
    if particles.kept_masks:
        context.warn(
            f"these images are already subtracted (kept: {', '.join(particles.kept_masks)}): give half maps that were reconstructed from them, "
            "else what is gone is subtracted once more"
        )


def _choose_frame(parameters: ParticleSubtractionParameters, context: JobContext, inputs: "Inputs") -> "CroppedFrame | None":
    """The frame of the results: centred on what is kept, in a smaller box; None where box and origin stay.

    Raises
    ------
    InputError
        What is kept does not fit into the box, or the box is no smaller.
    """
    from triskelion.imaging.recenter import CroppedFrame

    if parameters.box_px is None:
        return None
    grid, needed_px = inputs.images.grid, int(np.ceil(2 * inputs.domain.radius_px)) + 1
    if not needed_px <= parameters.box_px < grid.box_px:
        raise InputError(
            f"box_px is {parameters.box_px}: what is kept needs at least {needed_px} px about its centre, and the images have {grid.box_px}; "
            "choose a box between, or leave it out"
        )
    frame = CroppedFrame.about_point(inputs.images.particles, inputs.domain.center_xyz_px * grid.pixel_size_A, parameters.box_px * grid.pixel_size_A)
    corner_px = (inputs.domain.center_xyz_px + box_center_px(grid.box_px) - box_center_px(parameters.box_px)).tolist()
    moved = ",".join(f"{x:g}" for x in corner_px)
    context.log(f"the new box begins at voxel {moved} of the old one: a fulcrum of the old map is counted less that in the new one")
    context.summarize(corner_xyz_px=corner_px)
    n_beyond = frame.count_beyond(inputs.images.particles)
    if n_beyond:
        context.warn(f"the new box reaches beyond {n_beyond} of {len(inputs.images)} images: it is filled with their mean there")
    return frame


def _write_stacks(
    parameters: ParticleSubtractionParameters, context: JobContext, subtraction: "PixelSubtraction", frame: "CroppedFrame | None", bar: Progress
) -> Particles:
    """Write a stack per optics group, block by block; return the particles that refer to them, in the frame they had.

    A stack appears under its name when it is whole; what an earlier, killed run began goes first.
    """
    from triskelion.io.mrc import write_stack
    from triskelion.io.particle_labels import ORIGINAL_NAME

    for begun in context.folder.glob(".subtracted_*.mrcs"):
        begun.unlink()
    particles = subtraction.images.particles
    names = np.array([f"{index + 1:06d}@{path}" for index, path in zip(particles["image_index"].tolist(), particles["image_path"].tolist())])
    paths, places = particles["image_path"].astype(object), particles["image_index"].copy()
    folder = context.folder.relative_to(context.project_folder)
    for index in np.unique(particles["optics_group"]).tolist():
        rows = np.flatnonzero(particles["optics_group"] == index)
        file = f"subtracted_{index + 1}.mrcs"
        dtype = _choose_dtype(parameters, context, subtraction, rows)
        blocks = _subtract(subtraction, rows, frame, bar)
        write_stack(context.folder / file, blocks, len(rows), particles.optics[index].pixel_size_A, dtype)
        paths[rows], places[rows] = (folder / file).as_posix(), np.arange(len(rows))
    kept_mask = (folder / "mask.mrc").as_posix()
    optics = tuple(replace(group, image_sign=1, kept_mask=kept_mask) for group in particles.optics)
    written = particles.with_columns(image_path=paths.astype(np.str_), image_index=places).with_optics(optics)
    return replace(written, extra={**written.extra, ORIGINAL_NAME: names})


def _subtract(subtraction: "PixelSubtraction", rows: np.ndarray, frame: "CroppedFrame | None", bar: Progress) -> Iterator[np.ndarray]:
    """Yield what is left of the images ``rows``, all of one optics group, block by block."""
    from triskelion.imaging.recenter import crop_about

    particles = subtraction.images.particles
    group = particles.optics[int(particles["optics_group"][rows[0]])]
    for part, pixels, removed in subtraction.blocks(rows, bar.advance):
        left = pixels - removed
        yield left if frame is None else crop_about(left, frame.offsets_px[part], frame.box_px(group))


def _choose_dtype(
    parameters: ParticleSubtractionParameters, context: JobContext, subtraction: "PixelSubtraction", rows: np.ndarray
) -> type[np.floating]:
    """The numbers asked for; float32 where float16 would lose digits of images on an odd scale."""
    if parameters.output == "float32":
        return np.float32
    sd = float(subtraction.images.source.read(rows[:: 1 + len(rows) // SAMPLE_IMAGES]).std(dtype=np.float64))
    low, high = HALF_PRECISION_SD
    if low <= sd <= high:
        return np.float16
    context.warn(f"pixels have a standard deviation of {sd:.3g}, which float16 holds badly: the stack is written as float32")
    return np.float32


def _save_maps(context: JobContext, inputs: "Inputs", removal: "Removal", frame: "CroppedFrame | None") -> None:
    """Save what is left of the half maps, their mean and the kept mask, in the frame of the images."""
    grid, domain = inputs.images.grid, inputs.domain
    box_px = grid.box_px if frame is None else round(frame.extent_A / grid.pixel_size_A)
    half_a, half_b, mask = (array if frame is None else domain.cut(array, box_px) for array in (*removal.kept, domain.mask))
    for name, array in (("half_a", half_a), ("half_b", half_b), ("map", (half_a + half_b) / 2)):
        context.save_volume(Volume(array, grid.pixel_size_A), name)
    context.save_volume(Mask(mask, grid.pixel_size_A), "mask")
    context.summarize(n_particles=len(inputs.images), box_px=box_px, pixel_size_A=grid.pixel_size_A)


JOB = JobType(
    "particle_subtraction",
    "Subtract all but a domain from the images",
    ParticleSubtractionParameters,
    run,
    {"particles": "particles", "map": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask"},
)
