"""Job: from which directions the particles were seen, and whether that suffices for the map to be equally good in all of them.

Three answers: how often each direction is looked along; the posterior precision of each direction of Fourier space, the sum of s² C² / sigma² over
the particles whose central slice contains it; and, where half maps are given, how well these agree in cones of 20° about each direction. From the
second follows SCF* (1 for even views, 0.81 for side views only), from the third cFAR, the smallest over the largest area under the conical FSCs.
"""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.data.volume import Volume
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.particles import Particles
    from triskelion.geometry.symmetry import PointGroup

LEAST_CFAR = 0.5
LEAST_SCF = 0.81


class OrientationParameters(JobParameters):
    """What orientation wants to know."""

    particles: str = slot("particles", title="Particles", help="Particles with poses; some images are read for their noise.")
    volume: str | None = slot("volume", title="Half maps", optional=True, help="A job with half maps of these particles: adds conical FSCs and cFAR.")
    mask: str | None = slot(
        "mask", title="Mask", optional=True, help="For the conical FSCs: without one, noise of the solvent makes them drop early."
    )
    symmetry: str = parameter("C1", title="Symmetry", help="Point group: every particle counts at all its symmetric poses.")
    n_cones: int = parameter(128, title="Cones", ge=20, le=2000, advanced=True, help="Directions of the conical FSCs, over the half sphere.")


def run(parameters: OrientationParameters, context: JobContext) -> None:
    """Read, measure, say in words."""
    from triskelion.devices import set_threads
    from triskelion.geometry.symmetry import parse_symmetry

    set_threads(context.threads)
    group = parse_symmetry(parameters.symmetry)
    particles = context.read_particles(parameters.particles)
    _report_views(context, particles, group)
    if parameters.volume is not None:
        half_a, half_b = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
        if parameters.mask is not None:
            from triskelion.data.volume import require_same_grid

            mask = context.read_mask(parameters.mask)
            require_same_grid(half_a, mask, "half map a", "the mask")
            half_a, half_b = (Volume(half.array * mask.array, half.pixel_size_A) for half in (half_a, half_b))
        _report_cones(context, half_a, half_b, parameters.n_cones)
    elif parameters.mask is not None:
        context.warn("the mask is not used: it is for conical FSCs, which need half maps (volume)")


def _report_views(context: JobContext, particles: "Particles", group: "PointGroup") -> None:
    """Plot viewing directions and posterior precision; sum up how even they are."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.geometry.symmetry import expand_poses
    from triskelion.imaging.forward import reference_grid
    from triskelion.imaging.noise import SAMPLE, image_noise
    from triskelion.imaging.precision import measure_precision
    from triskelion.imaging.stream import spread_rows
    from triskelion.jobs.read_images import open_stream
    from triskelion.jobs.report_maps import N_DIRECTIONS, plot_views
    from triskelion.jobs.report_refinement import doubt_views
    from triskelion.resolution.orientation import half_sphere_directions, posterior_precision, sampling_compensation

    grid = reference_grid(particles)
    stream = open_stream(context, particles, grid)
    sigma2 = image_noise(stream, spread_rows(np.arange(len(particles)), particles["uid"], SAMPLE))
    with context.progress(len(particles), "precision") as bar:
        precision = measure_precision(particles, grid, stream.disc, sigma2, bar.advance)
    rotations = expand_poses(rotvec_to_matrix(particles["rotvec_rad"]), group.rotations)
    precision = np.tile(precision, len(group.rotations))
    plot_views(context, rotations, precision, sigma2, grid)
    directions = half_sphere_directions(N_DIRECTIONS)
    by_direction = posterior_precision(rotations, precision, directions)
    scf = sampling_compensation(by_direction)
    lowest, highest = float(by_direction.min()), float(by_direction.max())
    spread = highest / lowest if lowest > 0 else None
    least = _describe_direction(directions[by_direction.argmin()])
    told = f"differs {spread:.1f}-fold" if spread is not None else "is 0 somewhere"
    context.log(f"posterior precision {told} between directions, least about {least}; SCF* {scf:.2f}")
    context.save_arrays("precision", {"direction_xyz": directions, "precision": by_direction})
    context.summarize(n_particles=len(particles), scf=scf, precision_max_over_min=spread, least_seen_xyz=directions[by_direction.argmin()].tolist())
    for warning in doubt_views(rotations, precision):
        context.warn(warning)
    if scf < LEAST_SCF:
        context.warn(
            f"SCF* is {scf:.2f}: the views are more uneven than side views alone would be ({LEAST_SCF}); the map needs more particles for the same "
            "resolution, and is worst about " + least
        )


def _report_cones(context: JobContext, half_a: Volume, half_b: Volume, n_cones: int) -> None:
    """Plot conical FSCs; sum up how different they are."""
    from triskelion.plots.conical_fsc import collect_conical_fsc
    from triskelion.resolution.orientation import compute_conical_fsc

    conical = compute_conical_fsc(half_a, half_b, n_cones)
    context.plot("conical_fsc", collect_conical_fsc(conical, half_a.box_px, half_a.pixel_size_A))
    worst = conical.directions_xyz[conical.areas.argmin()]
    context.save_arrays("conical_fsc", {"direction_xyz": conical.directions_xyz, "fsc": conical.curves, "whole": conical.whole})
    context.log(f"cFAR {conical.area_ratio:.2f}, worst about {_describe_direction(worst)}")
    context.summarize(cfar=conical.area_ratio, worst_xyz=worst.tolist())
    if conical.area_ratio < LEAST_CFAR:
        context.warn(
            f"cFAR is {conical.area_ratio:.2f}, below {LEAST_CFAR}: the map is anisotropic, worst about {_describe_direction(worst)}; "
            "its resolution in one figure says too much for that direction"
        )


def _describe_direction(direction_xyz: np.ndarray) -> str:
    """Return azimuth and elevation in words."""
    from triskelion.resolution.orientation import direction_angles_deg

    azimuth, elevation = direction_angles_deg(direction_xyz)
    return f"azimuth {float(azimuth):.0f}°, elevation {float(elevation):.0f}°"


JOB = JobType("orientation", "Viewing directions, posterior precision by direction, and cFAR", OrientationParameters, run, {})
