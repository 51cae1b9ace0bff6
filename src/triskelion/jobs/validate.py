"""Job: the FSC of any two half maps, or of two maps, in any mask, and what is to be doubted of it.

All curves are those of every other job: no mask, spherical, loose, tight, corrected by noise substitution, and the mask that is given, with its
correction. Of half maps 0.143 gives the resolution; two maps of whole data sets are compared at 0.5. Then the maps are looked at themselves: whether
they were masked already, whether their noise is independent and alike, whether the curve comes back behind its crossing.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import model_validator

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.volume import Volume

THRESHOLDS = {"half_maps": 0.143, "maps": 0.5}


class ValidateParameters(JobParameters):
    """What validate wants to know."""

    volume: str | None = slot("volume", title="Half maps", optional=True, help="A job with both half maps; left out, give first and second.")
    first: str | None = slot("volume", title="First", optional=True, help="A half map or map: J5.half_a, or a file.")
    second: str | None = slot("volume", title="Second", optional=True, help="The one to correlate it with: J5.half_b, J9, or a file.")
    mask: str | None = slot("mask", title="Mask", optional=True, help="Adds its curve, whose correction then gives the resolution.")
    kind: Literal["half_maps", "maps"] = parameter(
        "half_maps", title="Kind", help="What first and second are: half maps are read at 0.143, maps of whole, independent data sets at 0.5."
    )

    @model_validator(mode="after")
    def _want_two_maps(self) -> "ValidateParameters":
        pair = (self.first is not None, self.second is not None)
        if pair not in ((True, True), (False, False)) or (self.volume is not None) == all(pair):
            raise ValueError("give either volume, a job with half maps, or both first and second")
        if self.volume is not None and self.kind == "maps":
            raise ValueError("kind=maps goes with first and second: volume stands for two half maps")
        return self


def run(parameters: ValidateParameters, context: JobContext) -> None:
    """Compute the curves, look for doubts, say both."""
    from triskelion.devices import set_threads
    from triskelion.jobs.report_maps import save_curves
    from triskelion.plots.map_slices import collect_map_slices
    from triskelion.plots.mask_slices import collect_mask_slices
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.doubts import doubt_curves, doubt_half_maps
    from triskelion.resolution.fsc import average_map, compute_fsc_curves

    set_threads(context.threads)
    first, second = _read_maps(parameters, context)
    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    curves = compute_fsc_curves(first, second, mask, parameters.seed)
    threshold = THRESHOLDS[parameters.kind]
    save_curves(context, curves)
    context.plot("gsfsc", curves.as_dict() | {"threshold": threshold})
    through = None if mask is None else np.rint(mask.center_xyz_px).astype(int)
    context.plot("map_slices", collect_map_slices({"first": first, "second": second}, through_xyz_px=through))
    if mask is not None:
        context.plot("mask_slices", collect_mask_slices(mask, average_map(first, second)))
    doubts = curves.warnings() + doubt_curves(curves)
    if parameters.kind == "half_maps":
        doubts += doubt_half_maps(first, second)
    for doubt in doubts:
        context.warn(doubt)
    if not doubts:
        context.log("nothing speaks against these curves")
    resolutions_A = {name: curves.resolution_A(name, threshold) for name in curves.curves}
    told = ", ".join(f"{name.replace('_', ' ')} {resolution_A:.2f} Å" for name, resolution_A in resolutions_A.items())
    context.log(f"resolution {resolutions_A[curves.headline]:.2f} Å ({curves.headline}, {threshold:g}); by curve: {told}")
    context.summarize(
        resolution_A=finite_or_none(resolutions_A[curves.headline]),
        unmasked_resolution_A=finite_or_none(resolutions_A["none"]),
        threshold=threshold,
        n_doubts=len(doubts),
        box_px=first.box_px,
        pixel_size_A=first.pixel_size_A,
    )


def _read_maps(parameters: ValidateParameters, context: JobContext) -> "tuple[Volume, Volume]":
    """Read the two maps; refuse the same one twice."""
    from triskelion.data.volume import require_same_grid

    if parameters.volume is not None:
        first, second = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
    else:
        first, second = (context.read_volume(str(reference)) for reference in (parameters.first, parameters.second))
    require_same_grid(first, second, "the first map", "the second map")
    if np.array_equal(first.array, second.array):
        raise InputError("the two maps are the same, value by value: give two independent ones")
    return first, second


JOB = JobType("validate", "FSC of two maps in any mask, and what to doubt of it", ValidateParameters, run, {})
