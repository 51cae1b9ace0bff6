"""Job: half maps and map from particles at the poses they have."""

from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot


class ReconstructParameters(JobParameters):
    """What reconstruct wants to know."""

    particles: str = slot("particles", title="Particles", help="Particles with poses and half-sets.")
    mask: str | None = slot("mask", title="Mask", optional=True, help="For the FSC only: its curve, corrected, then gives the resolution.")
    box_px: int | None = parameter(
        None, title="Box", unit="px", ge=16, le=2048, help="Box of the map; left out, that of the particles (of their first optics group)."
    )


def run(parameters: ReconstructParameters, context: JobContext) -> None:
    """Back-project each half-set, report."""
    from triskelion.data.volume import Volume, require_same_grid
    from triskelion.devices import set_threads
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.imaging.forward import reference_grid
    from triskelion.jobs.read_images import open_stream
    from triskelion.jobs.report_maps import plot_views, report_half_maps
    from triskelion.kernels import cpu
    from triskelion.maps.reconstruct import reconstruct_halves
    from triskelion.masks.automatic import particle_mask
    from triskelion.plots.scale import collect_scale
    from triskelion.resolution.fsc import average_map

    set_threads(context.threads)
    particles = context.read_particles(parameters.particles)
    particles.require_half_sets()
    grid = reference_grid(particles, parameters.box_px)
    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    if mask is not None:
        require_same_grid(grid, mask, "the reconstruction", "the mask")
    stream = open_stream(context, particles, grid)
    rotations, shifts_px = rotvec_to_matrix(particles["rotvec_rad"]), particles["shift_A"] / grid.pixel_size_A
    with context.progress(len(particles), "reconstruct") as bar:
        half_maps, sigma2, precision = reconstruct_halves(stream, particles["half_set"], rotations, shifts_px, cpu, bar.advance)
    half_a, half_b = (Volume(half, grid.pixel_size_A) for half in half_maps)
    report_half_maps(context, half_a, half_b, mask, parameters.seed)
    context.save_volume(particle_mask(average_map(half_a, half_b)), "mask")
    plot_views(context, rotations, precision, sigma2, grid)
    context.plot("scale", collect_scale(particles["contrast"]))
    context.save_particles(particles)
    context.summarize(n_particles=len(particles), box_px=grid.box_px, pixel_size_A=grid.pixel_size_A)


JOB = JobType(
    "reconstruct",
    "Reconstruct half maps from posed particles",
    ReconstructParameters,
    run,
    {"map": "volume", "map_sharp": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask", "particles": "particles"},
)
