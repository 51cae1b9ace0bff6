"""Job: half maps and map from particles at the poses they have.

In this order: half-sets are drawn anew (``resplit_half_sets``), poses go to those of the mirror image (``flip_hand``), images are back-projected
at all symmetric mates of their poses into a box of ``box_px`` pixels.
"""

from typing import TYPE_CHECKING

from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.particles import Particles
    from triskelion.data.volume import Mask, Volume


class ReconstructParameters(JobParameters):
    """What reconstruct wants to know."""

    particles: str = slot(
        "particles",
        title="Particles",
        help="Particles with poses and half-sets. The Ewald sphere is taken as flat: a correction for its curvature is not offered.",
    )
    mask: str | None = slot("mask", title="Mask", optional=True, help="For the FSC only: its curve, corrected, then gives the resolution.")
    box_px: int | None = parameter(
        None,
        title="Box",
        unit="px",
        ge=16,
        le=2048,
        help="Edge of the map's box: the same field of view in other pixels (images are Fourier-cropped), as CryoSPARC's refinement box size. "
        "Left out: that of the particles (of their first optics group), which refinements of them ask for. volume_tools crops a map.",
    )
    symmetry: str = parameter(
        "C1",
        title="Symmetry",
        help="Point group C1, C4, D7, T, O, I (RELION's orientations), I1, I3 or I4, its axes through the box centre: every image counts at all its "
        "symmetric poses. The poses that are saved stay as they are.",
    )
    resplit_half_sets: bool = parameter(
        False,
        title="Re-split half-sets",
        help="Draw the half-sets anew with the seed. Half maps of poses that were refined in other half-sets are not independent.",
    )
    tighten_fsc_mask: bool = parameter(
        False,
        title="FSC mask auto-tightening",
        help="Of masks from wide to tight, take for the tight FSC the widest that gives the best corrected resolution (saved as mask_fsc), "
        "instead of the one at half of the maximum.",
    )
    flip_hand: bool = parameter(
        False, title="Flip hand", help="Reconstruct the mirror image (x becomes -x about the box centre) and save the poses that go with it."
    )


def run(parameters: ReconstructParameters, context: JobContext) -> None:
    """Back-project each half-set, report."""
    from triskelion.data.volume import Volume, require_same_grid
    from triskelion.devices import set_threads
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.geometry.symmetry import mirror_group, parse_symmetry
    from triskelion.imaging.forward import reference_grid
    from triskelion.jobs.read_images import open_stream
    from triskelion.jobs.report_maps import plot_views, report_half_maps
    from triskelion.kernels import cpu
    from triskelion.maps.reconstruct import reconstruct_halves
    from triskelion.masks.automatic import particle_mask
    from triskelion.plots.scale import collect_scale
    from triskelion.resolution.fsc import average_map

    set_threads(context.threads)
    group = parse_symmetry(parameters.symmetry)
    if parameters.flip_hand:
        group = mirror_group(group)
    particles = _prepare_particles(parameters, context)
    grid = reference_grid(particles, parameters.box_px)
    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    if mask is not None:
        require_same_grid(grid, mask, "the reconstruction", "the mask")
    stream = open_stream(context, particles, grid)
    rotations, shifts_px = rotvec_to_matrix(particles["rotvec_rad"]), particles["shift_A"] / grid.pixel_size_A
    with context.progress(len(particles), "reconstruct") as bar:
        half_maps, sigma2, precision = reconstruct_halves(stream, particles["half_set"], rotations, shifts_px, cpu, bar.advance, group)
    half_a, half_b = (Volume(half, grid.pixel_size_A) for half in half_maps)
    tight = _tighten_mask(context, half_a, half_b, parameters.seed) if parameters.tighten_fsc_mask else None
    report_half_maps(context, half_a, half_b, mask, parameters.seed, tight=tight)
    context.save_volume(particle_mask(average_map(half_a, half_b)), "mask")
    plot_views(context, rotations, precision, sigma2, grid)
    context.plot("scale", collect_scale(particles["contrast"]))
    context.save_particles(particles)
    context.summarize(n_particles=len(particles), box_px=grid.box_px, pixel_size_A=grid.pixel_size_A, symmetry=group.name)


def _prepare_particles(parameters: ReconstructParameters, context: JobContext) -> "Particles":
    """Read the particles; draw half-sets and mirror poses where that is asked for."""
    from triskelion.data.particles import draw_half_sets
    from triskelion.geometry.hand import mirror_rotations
    from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix

    particles = context.read_particles(parameters.particles)
    if parameters.resplit_half_sets:
        particles = draw_half_sets(particles, parameters.seed)
        context.warn(
            f"half-sets were drawn anew with seed {parameters.seed}: if the poses were refined in other half-sets, both new halves hold images "
            "that were aligned to the same noise, and the FSC between them is too good"
        )
    particles.require_half_sets()
    if parameters.flip_hand:
        mirrored = {name: matrix_to_rotvec(mirror_rotations(rotvec_to_matrix(particles[name]))) for name in ("rotvec_rad", "consensus_rotvec_rad")}
        particles = particles.with_columns(**mirrored)
        context.log("hand flipped: map and poses are those of the mirror image")
    return particles


def _tighten_mask(context: JobContext, half_a: "Volume", half_b: "Volume", seed: int) -> "Mask":
    from triskelion.resolution.auto_tighten import tighten_mask

    mask = tighten_mask(half_a, half_b, seed)
    context.save_volume(mask, "mask_fsc")
    context.log(f"FSC mask tightened: {100 * float(mask.array.mean(dtype='float64')):.1f} % of the box")
    return mask


JOB = JobType(
    "reconstruct",
    "Reconstruct half maps from posed particles",
    ReconstructParameters,
    run,
    {
        "map": "volume",
        "map_sharp": "volume",
        "half_a": "volume",
        "half_b": "volume",
        "mask": "mask",
        "mask_fsc": "mask",
        "particles": "particles",
    },
)
