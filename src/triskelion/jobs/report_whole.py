"""What a refinement of whole particles shows after each iteration and leaves at its end."""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.data.volume import Mask, Volume
from triskelion.jobs.context import JobContext
from triskelion.jobs.refinement_controls import STUCK_SHARE
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
    from triskelion.refine.homogeneous import HomogeneousRefinement
    from triskelion.refine.state import IterationResult
    from triskelion.resolution.curves import FscCurves


def report_iteration(context: JobContext, refinement: "HomogeneousRefinement", result: "IterationResult", history: list[IterationFigures]) -> None:
    """Plot and log the newest iteration."""
    from triskelion.plots.pose_change import collect_pose_change

    plot_iteration(context, refinement, result, history, _static_mask(refinement), (_newest_mask(refinement), None))
    if not refinement.whole.searches:
        turn_deg, shift_A = measure_pose_change(refinement, result)
        context.plot("pose_change", collect_pose_change(turn_deg, shift_A, rotation_extent_deg=None, shift_extent_A=None), result.number)
    part = "" if len(result.refined) == len(result.rotations) else f"; {len(result.refined)} particles so far"
    context.log(
        f"iteration {result.number}: {result.curves.resolution_A():.2f} Å; aligned to {result.limit_A:.1f} Å; "
        f"poses moved by {result.median_step_deg:.2f}° and {result.median_step_A:.2f} Å (median); "
        f"{100 * refinement.global_share:.0f} % are searched anywhere next{part}"
    )


def report_result(
    context: JobContext,
    refinement: "HomogeneousRefinement",
    result: "IterationResult",
    half_maps: tuple[np.ndarray, np.ndarray],
    history: list[IterationFigures],
) -> None:
    """Save poses, maps and figures of the last iteration, say in words what is to be doubted."""
    from triskelion.plots.mask_slices import collect_mask_slices
    from triskelion.resolution.fsc import average_map

    half_a, half_b = (Volume(half, refinement.grid.pixel_size_A) for half in half_maps)
    static = _static_mask(refinement)
    curves = report_half_maps(context, half_a, half_b, static, refinement.settings.seed, local_lowpass=refinement.settings.nonuniform)
    mask = _newest_mask(refinement) if static is None else static
    context.save_volume(mask, "mask")
    context.plot("mask_slices", collect_mask_slices(mask, average_map(half_a, half_b)))
    report_contrast(context, refinement, refinement.contrast)
    changed = {}
    if not refinement.whole.searches:
        changed = dict(zip(("rotation_change_deg", "shift_change_A"), measure_pose_change(refinement, result), strict=True))
        context.summarize(**{f"median_{name}": float(np.median(change)) for name, change in changed.items()})
    # domains are refined from here: these poses are their consensus
    save_poses(context, refinement, result, (result.rotations, result.shifts_px), **changed)
    converged = any(figures.converged for figures in history)
    for warning in list_warnings(refinement, result, curves, converged):
        context.warn(warning)
    context.summarize(iterations=result.number, converged=converged, median_rotation_sd_deg=float(np.median(result.rotation_sd_deg)))


def list_warnings(refinement: "HomogeneousRefinement", result: "IterationResult", curves: "FscCurves", converged: bool) -> list[str]:
    """Say what a person should know before believing the result."""
    settings = refinement.settings
    found = doubt_end(converged, result.number, settings.max_iterations)
    begun_at_A = min(settings.initial_lowpass_A, refinement.whole.independent_beyond_A)
    found += doubt_resolution(curves, begun_at_A, "what both halves began with or share", "the particles were aligned")
    return found + doubt_views(*list_views(refinement, result))


def report_audit(context: JobContext, refinement: "HomogeneousRefinement") -> None:
    """Search a share of the particles anywhere once more; warn where that finds better poses."""
    from triskelion.refine.global_audit import audit_globally

    audit = audit_globally(refinement)
    percent = 100 * audit.better_share
    context.log(f"restart audit: for {percent:.1f} % of {audit.n_particles} particles a search anywhere finds a better pose elsewhere")
    context.summarize(restart_better_share=audit.better_share, restart_particles=audit.n_particles)
    if audit.better_share > STUCK_SHARE:
        context.warn(
            f"restart audit: for {percent:.0f} % of the particles a search anywhere finds better poses elsewhere: so many are not to be trusted; "
            "the images may hold too little signal, or not this particle, or it has a symmetry that was not given"
        )


def measure_pose_change(refinement: "HomogeneousRefinement", result: "IterationResult") -> tuple[np.ndarray, np.ndarray]:
    """How far the refined particles are from the poses they were given: rotation (°), to the nearest symmetric mate, and shift (Å)."""
    from triskelion.geometry.rotations import rotation_difference_deg
    from triskelion.geometry.symmetry import nearest_symmetry_mate

    start, rows = refinement.start, result.refined
    given = start.rotations[rows]
    turned_deg = rotation_difference_deg(given, nearest_symmetry_mate(result.rotations[rows], given, refinement.whole.group))
    return turned_deg, np.linalg.norm(result.shifts_px[rows] - start.shifts_px[rows], axis=1) * refinement.grid.pixel_size_A


def _static_mask(refinement: "HomogeneousRefinement") -> Mask | None:
    """The mask that was given, if there is one."""
    return Mask(refinement.mask, refinement.grid.pixel_size_A) if refinement.whole.has_static_mask else None


def _newest_mask(refinement: "HomogeneousRefinement") -> Mask:
    """The mask that references are cut out with."""
    return Mask(refinement.alignment_mask, refinement.grid.pixel_size_A)
