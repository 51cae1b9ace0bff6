"""What a local refinement shows after each iteration and leaves at its end."""

import math
from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.volume import Mask, Volume
from triskelion.jobs.context import JobContext
from triskelion.jobs.report_fulcrum import report_fulcrum
from triskelion.jobs.report_maps import report_half_maps
from triskelion.jobs.report_refinement import (
    IterationFigures,
    doubt_end,
    doubt_resolution,
    doubt_views,
    list_views,
    plot_iteration,
    report_contrast,
    save_poses,
)

if TYPE_CHECKING:
    from triskelion.refine.local import LocalRefinement
    from triskelion.refine.state import IterationResult, Settings
    from triskelion.resolution.curves import FscCurves

AT_EXTENT = 0.95  # of an extent counts as having run into it
SHARE_AT_EXTENT = 0.05
UNINFORMED = 0.8  # posterior over prior width from which on the images hardly count
AWAY_SD, AWAY_A = 3.0, 15.0  # a suggested fulcrum so far from the one given is worth another run


def report_iteration(context: JobContext, refinement: "LocalRefinement", result: "IterationResult", history: list[IterationFigures]) -> None:
    """Plot and log the newest iteration; all in the window of the domain."""
    from triskelion.plots.pose_change import collect_pose_change

    number, settings, grid = result.number, refinement.settings, refinement.grid
    mask = Mask(refinement.mask, grid.pixel_size_A)
    fulcrum_xyz_px = refinement.domain.lever_xyz_px + box_center_px(grid.box_px)
    plot_iteration(context, refinement, result, history, mask, (mask, fulcrum_xyz_px))
    if not refinement.extent.is_fixed:
        extents = {"rotation_extent_deg": settings.rotation_extent_deg, "shift_extent_A": settings.shift_extent_A}
        context.plot("pose_change", collect_pose_change(result.turn_deg, result.shift_A, **extents), number)
    widths = f"prior {result.prior_rotation_sd_deg:.1f}° and {result.prior_shift_sd_A:.1f} Å per axis" if settings.use_prior else "no prior"
    context.log(
        f"iteration {number}: {result.curves.resolution_A():.2f} Å in the mask; aligned to {result.limit_A:.1f} Å; "
        f"poses moved by {result.median_step_deg:.2f}° and {result.median_step_A:.2f} Å (median); {widths}"
    )


def report_result(
    context: JobContext, refinement: "LocalRefinement", result: "IterationResult", half_maps: tuple[np.ndarray, np.ndarray]
) -> "FscCurves":
    """Save poses, maps and figures of the last iteration, say in words what is to be doubted; return the curves of the maps."""
    from triskelion.masks.soft_edge import measure_padding_px, padding_warning

    start, settings, grid = refinement.start, refinement.settings, refinement.inputs.images.grid
    half_a, half_b = (Volume(half, grid.pixel_size_A) for half in half_maps)
    mask = Mask(refinement.domain.mask, grid.pixel_size_A)
    curves = report_half_maps(context, half_a, half_b, mask, settings.seed, refinement.domain.fulcrum_xyz_px + box_center_px(grid.box_px))
    context.save_volume(mask, "mask")
    report_contrast(context, refinement, refinement.contrast)
    consensus = start.consensus_rotations, start.consensus_shifts_px
    save_poses(context, refinement, result, consensus, rotation_change_deg=result.turn_deg, shift_change_A=result.shift_A)
    for warning in list_warnings(result, settings, list_views(refinement, result)):
        context.warn(warning)
    resolution_A = curves.resolution_A()
    thin = padding_warning(measure_padding_px(mask), resolution_A, grid.pixel_size_A) if math.isfinite(resolution_A) else None
    if thin is not None:
        context.warn(thin)
    if not refinement.extent.is_fixed:
        report_hinge(context, refinement)
    context.summarize(
        iterations=result.number,
        converged=result.converged,
        median_rotation_change_deg=float(np.median(result.turn_deg)),
        median_shift_change_A=float(np.median(result.shift_A)),
        median_rotation_sd_deg=float(np.median(result.rotation_sd_deg)),
        prior_rotation_sd_deg=result.prior_rotation_sd_deg,
        prior_shift_sd_A=result.prior_shift_sd_A,
    )
    return curves


def report_hinge(context: JobContext, refinement: "LocalRefinement") -> None:
    """Suggest fulcrum, extents and prior widths from the poses, for the next run; save the poses without the prior, which they are suggested from."""
    from triskelion.geometry.fulcrum import shift_of_origin
    from triskelion.geometry.rotations import matrix_to_rotvec
    from triskelion.refine.fulcrum import FEWEST_PARTICLES, PoseErrors, remove_prior, suggest_fulcrum

    start, domain, images = refinement.start, refinement.domain, refinement.images
    rows, rotations, centers_px, covariance = remove_prior(refinement.used_prior, refinement.rotations, refinement.centers_px, refinement.covariance)
    if len(rows) < FEWEST_PARTICLES:
        return
    shifts_px = shift_of_origin(rotations, centers_px + images.offsets_px[rows], domain.center_xyz_px)
    grid = refinement.inputs.images.grid
    units = np.array([1, 1, 1, grid.pixel_size_A, grid.pixel_size_A])
    free = {"uid": start.uid[rows], "rotvec_rad": matrix_to_rotvec(rotations), "shift_A": shifts_px * grid.pixel_size_A}
    known = {"covariance_rad_A": covariance * np.outer(units, units), "posterior_factors": refinement.means.shared.settled["calibration"]}
    context.save_arrays("free_poses", free | known)
    consensus = start.consensus_rotations[rows], start.consensus_shifts_px[rows]
    errors = PoseErrors(covariance, domain.center_xyz_px)
    estimate = suggest_fulcrum(rotations, shifts_px, *consensus, errors, refinement.settings.seed)
    middle = box_center_px(grid.box_px)
    report_fulcrum(context, estimate, estimate.fulcrum_xyz_px + middle, grid.pixel_size_A)
    away_px, sd_px = estimate.fulcrum_xyz_px - domain.fulcrum_xyz_px, estimate.sd_xyz_px
    if np.isfinite(sd_px).all() and (np.abs(away_px) > AWAY_SD * sd_px).any() and np.linalg.norm(away_px) * grid.pixel_size_A > AWAY_A:
        context.warn(
            f"the poses suggest a fulcrum {np.linalg.norm(away_px) * grid.pixel_size_A:.0f} Å from the one that was given: "
            f"clone the job with fulcrum={','.join(f'{x:.1f}' for x in estimate.fulcrum_xyz_px + middle)}"
        )


def list_warnings(result: "IterationResult", settings: "Settings", views: tuple[np.ndarray, np.ndarray]) -> list[str]:
    """Say what a person should know before believing the result; ``views`` as ``list_views`` gives them."""
    if not (settings.rotation_extent_deg or settings.shift_extent_A):
        return []
    found = doubt_end(result.converged, result.number, settings.max_iterations)
    found += doubt_resolution(result.curves, settings.initial_lowpass_A, "that of the first references", "the domain was aligned")
    known_deg, prior_deg = float(np.median(result.rotation_sd_deg)), result.prior_rotation_sd_deg
    if settings.use_prior and settings.rotation_extent_deg and known_deg > UNINFORMED * prior_deg:
        found.append(
            f"the images say little of how the domain is turned: its rotation is known to {known_deg:.1f}° (median), by the prior alone to "
            f"{prior_deg:.1f}°; take a larger domain, or a narrower rotation extent"
        )
    for what, change, extent in (
        ("rotation", result.turn_deg, settings.rotation_extent_deg),
        ("shift", result.shift_A, settings.shift_extent_A),
    ):
        share = float((change > AT_EXTENT * extent).mean())
        if extent and share > SHARE_AT_EXTENT:
            found.append(f"{100 * share:.0f} % of the particles are at the {what} extent: give a larger one, or check mask and fulcrum")
    return found + doubt_views(*views)
