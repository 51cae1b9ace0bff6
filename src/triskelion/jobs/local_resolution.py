"""Job: local resolution, in Å per voxel, from where the half maps stop agreeing about it.

Band after band of spatial frequency, the half maps are correlated in a window about each voxel whose radius is 2.5 wavelengths, inside the mask. The
resolution is where that local FSC first drops below the threshold. `local_resolution.mrc` colours the surface of a map in ChimeraX ("color sample").
"""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.volume import Mask, Volume

INSIDE = 0.5  # of the mask


class LocalResolutionParameters(JobParameters):
    """What local_resolution wants to know."""

    volume: str = slot("volume", title="Volume", help="A job with half maps.")
    mask: str | None = slot("mask", title="Mask", optional=True, help="Of the particle. Left out, a loose automatic one.")
    threshold: float = parameter(
        0.5, title="FSC threshold", gt=0, lt=1, help="At 0.143, where global resolutions are read, the FSC of so few values is mostly chance."
    )
    window_factor: float = parameter(
        2.5,
        title="Window",
        ge=1,
        le=20,
        advanced=True,
        help="Radius of the window over the wavelength: wider ones tell less of the place, narrower ones scatter more.",
    )


def run(parameters: LocalResolutionParameters, context: JobContext) -> None:
    """Measure, save, show."""
    from triskelion.devices import set_threads
    from triskelion.masks.automatic import particle_mask
    from triskelion.resolution.fsc import average_map
    from triskelion.resolution.local import measure_local_resolution

    set_threads(context.threads)
    half_a, half_b = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
    average = average_map(half_a, half_b)
    mask = particle_mask(average) if parameters.mask is None else context.read_mask(parameters.mask)
    resolution = measure_local_resolution(half_a, half_b, mask, parameters.threshold, parameters.window_factor)
    report_local_resolution(context, resolution, average, mask, parameters.threshold)
    context.summarize(box_px=mask.box_px, pixel_size_A=mask.pixel_size_A)


def report_local_resolution(context: JobContext, resolution: "Volume", volume: "Volume", mask: "Mask", threshold: float) -> None:
    """Save local_resolution.mrc, show it on the map, which need not be filtered, and say what is typical of the particle."""
    import torch

    from triskelion.data.volume import Volume
    from triskelion.fourier.filters import lowpass
    from triskelion.plots.local_resolution import collect_local_resolution, find_particle

    context.save_volume(resolution, "local_resolution")
    typical_A = float(np.median(resolution.array[mask.array > INSIDE]))
    smooth = Volume(lowpass(torch.from_numpy(volume.array), volume.pixel_size_A, typical_A).numpy(), volume.pixel_size_A)
    context.plot("local_resolution", collect_local_resolution(resolution, smooth, mask, threshold))
    fine, median, coarse = (float(value) for value in np.percentile(resolution.array[find_particle(smooth, mask)], (10, 50, 90)))
    spread = f"median {median:.3g} Å, a tenth finer than {fine:.3g} Å, a tenth coarser than {coarse:.3g} Å"
    context.log(f"local resolution (FSC = {threshold:.3g}): {spread}")
    context.summarize(local_resolution_10_50_90_A=[fine, median, coarse])


JOB = JobType("local_resolution", "Measure local resolution from half maps", LocalResolutionParameters, run, {"local_resolution": "volume"})
