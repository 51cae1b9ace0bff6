"""Job: the point about which a domain turns, and the widths of its hinge, from refined poses.

The fulcrum is the point that stays where it was in the images when the poses change from the consensus to the refined ones. Where the poses leave
it open along some direction (a domain that turns about one axis may turn about any point of that axis), its standard deviation says so.
Errors of the poses draw the estimate towards the centre of the domain, and a prior draws it towards the fulcrum of the refinement: when the two lie
far apart, refine once more with the suggestion. Extents are suggested as 2.5 times the widths that the poses show.
"""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.jobs.context import JobContext
from triskelion.jobs.report_fulcrum import report_fulcrum, warn_of_open_directions
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.refine.fulcrum import FulcrumEstimate


class EstimateFulcrumParameters(JobParameters):
    """What estimate_fulcrum wants to know."""

    particles: str = slot(
        "particles", title="Particles", help="Refined poses of a domain, as local_refinement leaves them: with their consensus poses."
    )
    volume: str | None = slot("volume", title="Volume", optional=True, help="Map to show the fulcrum on.")
    mask: str | None = slot("mask", title="Mask", optional=True, help="Mask of the domain, to show beside and to measure the distance from.")
    longest_sd_A: float = parameter(
        10.0, title="Undetermined from", unit="Å", gt=0, le=200, advanced=True, help="Directions in which the fulcrum is known less well are named."
    )


def run(parameters: EstimateFulcrumParameters, context: JobContext) -> None:
    """Read poses, estimate, show."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.refine.fulcrum import suggest_fulcrum

    particles = context.read_particles(parameters.particles)
    volume = None if parameters.volume is None else context.read_volume(parameters.volume)
    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    if volume is not None and mask is not None:
        require_same_grid(volume, mask, "the map", "the mask")
    grid = next((each for each in (volume, mask) if each is not None), particles.optics[0])
    pixel_size_A, middle = grid.pixel_size_A, box_center_px(grid.box_px)
    estimate = suggest_fulcrum(
        rotvec_to_matrix(particles["rotvec_rad"]),
        particles["shift_A"] / pixel_size_A,
        rotvec_to_matrix(particles["consensus_rotvec_rad"]),
        particles["consensus_shift_A"] / pixel_size_A,
        seed=parameters.seed,
    )
    fulcrum_xyz_px = estimate.fulcrum_xyz_px + middle
    report_fulcrum(context, estimate, fulcrum_xyz_px, pixel_size_A)
    warn_of_open_directions(context, estimate, pixel_size_A, parameters.longest_sd_A)
    if mask is not None:
        distance_A = float(np.linalg.norm(fulcrum_xyz_px - mask.center_xyz_px)) * pixel_size_A
        context.log(f"the fulcrum lies {distance_A:.1f} Å from the centre of the mask")
        context.summarize(distance_from_mask_center_A=distance_A)
    if volume is not None:
        _plot(context, estimate, fulcrum_xyz_px, volume, mask)
    context.summarize(n_particles=len(particles), n_used=estimate.n_used, box_px=grid.box_px, pixel_size_A=pixel_size_A)


def _plot(context: JobContext, estimate: "FulcrumEstimate", fulcrum_xyz_px: np.ndarray, volume: Volume, mask: Mask | None) -> None:
    from triskelion.plots.fulcrum import collect_fulcrum

    context.plot("fulcrum", collect_fulcrum(volume, fulcrum_xyz_px, estimate.sd_xyz_px, mask=mask))


JOB = JobType("estimate_fulcrum", "Estimate fulcrum, prior widths and extents from refined poses", EstimateFulcrumParameters, run, {})
