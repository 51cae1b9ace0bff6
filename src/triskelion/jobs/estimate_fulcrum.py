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
    report_fulcrum(context, estimate, fulcrum_xyz_px, pixel_size_A, parameters.longest_sd_A)
    if mask is not None:
        distance_A = float(np.linalg.norm(fulcrum_xyz_px - mask.center_xyz_px)) * pixel_size_A
        context.log(f"the fulcrum lies {distance_A:.1f} Å from the centre of the mask")
        context.summarize(distance_from_mask_center_A=distance_A)
    if volume is not None:
        _plot(context, estimate, fulcrum_xyz_px, volume, mask)
    context.summarize(n_particles=len(particles), n_used=estimate.n_used)


def report_fulcrum(context: JobContext, estimate: "FulcrumEstimate", fulcrum_xyz_px: np.ndarray, pixel_size_A: float, longest_sd_A: float) -> None:
    """Log and summarize an estimate; ``fulcrum_xyz_px`` counts from the corner voxel. Name the directions that are known less well than so."""
    from triskelion.resolution.curves import finite_or_none

    sd_A = estimate.sd_xyz_px * pixel_size_A
    typed = ",".join(f"{x:.1f}" for x in fulcrum_xyz_px)
    spread = ", ".join("open" if np.isinf(sd) else f"{sd:.1f}" for sd in sd_A)
    hinge = ", ".join(f"{sd:.1f}" for sd in estimate.hinge_sd_deg)
    context.log(f"the fulcrum that the poses suggest: {typed} px from the corner voxel; sd in x, y, z by chance {spread} Å")
    # rounded up: an extent too narrow does harm, one too wide costs time
    rotation_extent_deg, shift_extent_A = np.ceil(estimate.rotation_extent_deg), np.ceil(estimate.shift_extent_px * pixel_size_A)
    context.log(
        f"widths of the hinge {hinge}° about its principal axes, of the fulcrum's image {estimate.shift_sd_px * pixel_size_A:.1f} Å per axis; "
        f"suggested extents {rotation_extent_deg:.0f}° and {shift_extent_A:.0f} Å"
    )
    for axis, sd_px in zip(estimate.axes, estimate.axis_sd_px, strict=True):
        if sd_px * pixel_size_A > longest_sd_A:
            along = ", ".join(f"{x:.2f}" for x in axis)
            known = "not at all" if np.isinf(sd_px) else f"to {sd_px * pixel_size_A:.0f} Å"
            context.warn(
                f"the poses determine the fulcrum {known} along ({along}): there the domain hardly turns about an axis across; any point does"
            )
    context.summarize(
        fulcrum_xyz_px=fulcrum_xyz_px.tolist(),
        fulcrum_xyz_A=(fulcrum_xyz_px * pixel_size_A).tolist(),
        fulcrum=typed,
        sd_xyz_px=[finite_or_none(float(sd)) for sd in estimate.sd_xyz_px],
        sd_xyz_A=[finite_or_none(float(sd)) for sd in sd_A],
        hinge_widths_deg=estimate.hinge_sd_deg.tolist(),
        hinge_axes_xyz=estimate.hinge_axes.tolist(),
        prior_rotation_sd_deg=float(np.sqrt((estimate.hinge_sd_deg**2).mean())),
        prior_shift_sd_A=estimate.shift_sd_px * pixel_size_A,
        suggested_rotation_extent_deg=float(rotation_extent_deg),
        suggested_shift_extent_A=float(shift_extent_A),
    )


def _plot(context: JobContext, estimate: "FulcrumEstimate", fulcrum_xyz_px: np.ndarray, volume: Volume, mask: Mask | None) -> None:
    from triskelion.plots.fulcrum import collect_fulcrum

    context.plot("fulcrum", collect_fulcrum(volume, fulcrum_xyz_px, estimate.sd_xyz_px, mask=mask))


JOB = JobType("estimate_fulcrum", "Estimate fulcrum, prior widths and extents from refined poses", EstimateFulcrumParameters, run, {})
