"""What a particle subtraction shows: images and maps before and after, contrast and power, and what is to be doubted."""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.volume import Mask, Volume
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.imaging.subtraction import PixelSubtraction
    from triskelion.refine.removal import Removal
    from triskelion.refine.state import Inputs

SHOWN_IMAGES = 8


def report_subtraction(context: JobContext, inputs: "Inputs", removal: "Removal", subtraction: "PixelSubtraction") -> None:
    """Plot and log what was taken out, in the frame that the particles came in."""
    from triskelion.plots.noise_model import collect_noise_model
    from triskelion.plots.scale import collect_scale
    from triskelion.refine.removal import power_before_after, share_of_power

    grid = inputs.images.grid
    _plot_maps(context, inputs, removal)
    _plot_images(context, subtraction)
    before, after = power_before_after(inputs, subtraction)
    context.plot("noise_model", collect_noise_model(after, grid.box_px, grid.pixel_size_A, previous=before, previous_label="before subtraction"))
    context.plot("scale", collect_scale(removal.images.particles["contrast"]))
    half_a, half_b = inputs.start.half_maps
    particle = (half_a + half_b) * inputs.start.particle_mask
    share = share_of_power(particle, removal.mask)
    context.log(f"{100 * share:.1f} % of the power of the map was subtracted from {len(inputs.images)} images")
    context.summarize(removed_power_share=share)
    contrast = removal.contrast
    if contrast is None:
        return
    known = contrast.error[np.isfinite(contrast.error)]
    error = float(np.median(known)) if len(known) else None
    context.log(f"per-particle scale: spread {contrast.spread:.3f}" + (f"; an image shows its own to {error:.3f} (median)" if error else ""))
    context.summarize(scale_sd=contrast.spread, scale_error=error)
    if contrast.n_limited:
        context.warn(
            f"the scale of {contrast.n_limited} of {len(inputs.images)} particles was limited to 0.2 to 3: they are no particles, "
            "or something else lies beside them; look at them, or leave them out"
        )


def _plot_maps(context: JobContext, inputs: "Inputs", removal: "Removal") -> None:
    """Plot slices through what is kept: the map before and after, and the kept mask on it."""
    from triskelion.plots.map_slices import collect_map_slices
    from triskelion.plots.mask_slices import collect_mask_slices

    grid, domain = inputs.images.grid, inputs.domain
    kept, removed = (Volume((halves[0] + halves[1]) / 2, grid.pixel_size_A) for halves in (removal.kept, removal.removed))
    before = Volume(kept.array + removed.array, grid.pixel_size_A)
    through = (domain.center_xyz_px + box_center_px(grid.box_px)).astype(int)
    context.plot("map_slices", collect_map_slices({"before": before, "removed": removed, "after": kept}, through_xyz_px=through))
    context.plot("mask_slices", collect_mask_slices(Mask(domain.mask, grid.pixel_size_A), before))


def _plot_images(context: JobContext, subtraction: "PixelSubtraction") -> None:
    """Plot images of the first optics group, spread over the table."""
    from triskelion.plots.subtracted_images import collect_subtracted_images

    particles = subtraction.images.particles
    group = int(particles["optics_group"][0])
    rows = np.flatnonzero(particles["optics_group"] == group)
    rows = rows[np.linspace(0, len(rows) - 1, min(SHOWN_IMAGES, len(rows))).astype(int)]
    before, removed = subtraction.images.source.read(rows), subtraction.project(rows)
    context.plot("subtracted_images", collect_subtracted_images(before, removed, particles.optics[group].pixel_size_A))
