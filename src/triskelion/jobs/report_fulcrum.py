"""What jobs say of a fulcrum that poses suggest."""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.refine.fulcrum import FulcrumEstimate


def report_fulcrum(context: JobContext, estimate: "FulcrumEstimate", fulcrum_xyz_px: np.ndarray, pixel_size_A: float) -> None:
    """Log and summarize an estimate; ``fulcrum_xyz_px`` counts from the corner voxel."""
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


def warn_of_open_directions(context: JobContext, estimate: "FulcrumEstimate", pixel_size_A: float, longest_sd_A: float) -> None:
    """Name the directions along which the fulcrum is known less well than ``longest_sd_A``."""
    for axis, sd_px in zip(estimate.axes, estimate.axis_sd_px, strict=True):
        if sd_px * pixel_size_A > longest_sd_A:
            along = ", ".join(f"{x:.2f}" for x in axis)
            known = "not at all" if np.isinf(sd_px) else f"to {sd_px * pixel_size_A:.0f} Å"
            context.warn(
                f"the poses determine the fulcrum {known} along ({along}): there the domain hardly turns about an axis across; any point does"
            )
