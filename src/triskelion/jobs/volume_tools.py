"""Job: a map or a mask made from a map, in one fixed order of operations.

The map: times ``mask`` - ``invert`` - ``flip_hand`` - ``gaussian_A`` - ``lowpass_A`` - ``rescale_box_px`` - ``crop_box_px`` - ``onto`` - the sphere.
The mask: ``threshold`` - ``fill_holes`` - ``dilation_px`` - ``soft_padding_px`` - ``complement``.
The steps are listed with their numbers before anything is made; ``triskelion run volume_tools ... --preview`` lists them and makes nothing.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import ConfigDict

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot
from triskelion.jobs.volume_steps import MapStep, MaskPlan, plan_map, plan_mask

if TYPE_CHECKING:
    from triskelion.data.volume import Mask, Volume


class VolumeToolsParameters(JobParameters):
    """What volume_tools wants to know; the fields stand in the order of the operations."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # dilation_px=5 from Python is "5" from the command line

    volume: str | None = slot("volume", title="Map", optional=True, help="The map to work on; left out, the mask is worked on instead.")
    volume_name: Literal["map", "half_a", "half_b", "map_sharp", "mask_base", "complement_base"] = parameter(
        "map", title="Which map", help="Which map of the job is meant."
    )
    mask: str | None = slot(
        "mask",
        title="Mask",
        optional=True,
        help="Multiplied with the map. Without a map, the mask to threshold, dilate and pad again, or to complement as it is.",
    )
    onto: str | None = slot(
        "volume",
        title="Onto the grid of",
        optional=True,
        help="A map whose box and pixel size the result shall have; both boxes have the same centre.",
    )
    output: Literal["map", "mask"] = parameter("mask", title="Output", help="Whether a map or a soft mask comes out.")
    invert: bool = parameter(False, title="Invert", help="Turn dark protein bright.")
    flip_hand: bool = parameter(
        False, title="Flip hand", help="Mirror the map: x becomes -x about the box centre, which leaves symmetry axes where they are."
    )
    gaussian_A: float | None = parameter(
        None, title="Gaussian", unit="Å", gt=0, le=200, help="Standard deviation of a Gaussian blur: smooth a map before its threshold is taken."
    )
    lowpass_A: float | None = parameter(None, title="Low-pass", unit="Å", gt=0, le=500, help="Resolution of an 8th-order Butterworth low-pass.")
    rescale_box_px: int | None = parameter(
        None, title="Rescale to box", unit="px", ge=4, le=4096, help="Fourier crop or pad: the same field of view in other pixels."
    )
    crop_box_px: int | None = parameter(
        None, title="Crop to box", unit="px", ge=4, le=4096, help="Crop, or pad with 0, about the centre; the pixel size stays."
    )
    sphere_xyz_px: str | None = parameter(
        None,
        title="Sphere centre",
        unit="px",
        help="Keep only what lies in a sphere about x,y,z, counted from the corner voxel of the input map; 249.5,250.1,253.3A is read as Å.",
    )
    sphere_radius_A: float | None = parameter(None, title="Sphere radius", unit="Å", gt=0, le=2000, help="Radius of that sphere.")
    threshold: float | None = parameter(
        None,
        title="Threshold",
        help="Density at which the mask begins. Left out: 0.2 of the maximum after the steps above, 0.5 for a mask, all that a mask base holds.",
    )
    fill_holes: bool = parameter(False, title="Fill holes", help="Fill holes that the thresholded map encloses.")
    dilation_px: str | None = parameter(
        None,
        title="Dilation",
        unit="px",
        help="Grow the mask by this distance; 7A is read as Å, auto is 2 x resolution. Left out: 7 Å where the map is a mask base, else 0.",
    )
    soft_padding_px: str | None = parameter(
        None,
        title="Soft padding",
        unit="px",
        help="Width of the cosine edge outside the dilated mask; 23.8A is read as Å, auto is 5 x resolution. "
        "Left out: 5 x resolution where that is given, else 24 Å.",
    )
    complement: bool = parameter(False, title="Complement", help="1 - mask, as the last step: the mask of everything else.")
    resolution_A: float | None = parameter(
        None,
        title="Resolution",
        unit="Å",
        gt=0,
        le=100,
        help="Of the map: soft padding is compared with 5 x resolution / pixel size. "
        "Left out: suggestions go by what the job that made the map found.",
    )


MASK_STEPS = ("threshold", "fill_holes", "dilation_px", "soft_padding_px", "complement")
AT_EDGE = 0.02  # of a mask, on the outermost voxels of the box
MOST_OF_BOX = 0.5


class Plan(NamedTuple):
    """What is going to be done, and the map that the mask, if one is wanted, is made of."""

    volume: "Volume"
    mask: MaskPlan | None


def run(parameters: VolumeToolsParameters, context: JobContext) -> None:
    """Make the map or the mask."""
    plan = _make_plan(parameters, context)
    if plan.mask is None:
        _save_map(context, plan.volume)
    else:
        _save_mask(context, plan.volume, _make_mask(context, plan.volume, plan.mask))


def preview(parameters: VolumeToolsParameters, context: JobContext) -> None:
    """List the steps, and what there is to warn of, without making anything."""
    _make_plan(parameters, context)


def _make_plan(parameters: VolumeToolsParameters, context: JobContext) -> Plan:
    """Resolve every number, which takes the map steps where the threshold depends on them, and list the steps."""
    unused = [name for name in MASK_STEPS if getattr(parameters, name) != type(parameters).model_fields[name].default]
    if parameters.output == "map" and unused:
        raise InputError(f"output is a map, but {', '.join(unused)} makes a mask: give output=mask or leave it out")
    source, taken = _read_input(parameters, context)
    onto = None if parameters.onto is None else context.read_volume(parameters.onto)
    steps = plan_map(parameters, source, onto)
    volume = _apply(source, steps)
    lines = taken + [step.text for step in steps]
    if parameters.output == "map":
        _list_steps(context, lines)
        return Plan(volume, None)
    resolution_A = parameters.resolution_A or _find_resolution_A(parameters, context)
    mask = plan_mask(parameters, volume, _lowest_of_base(parameters, context, source), resolution_A)
    _list_steps(context, lines + mask.describe(volume.pixel_size_A))
    _suggest(context, volume.pixel_size_A, resolution_A)
    _warn_of_plan(context, volume, mask, parameters.resolution_A if parameters.soft_padding_px is None else resolution_A)
    return Plan(volume, mask)


def _read_input(parameters: VolumeToolsParameters, context: JobContext) -> "tuple[Volume, list[str]]":
    """Return what is worked on, and in words where it comes from."""
    from triskelion.data.volume import Volume
    from triskelion.maps.edit import apply_mask

    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    if parameters.volume is not None:
        names = [] if parameters.volume_name == "map" else [parameters.volume_name]
        volume = context.read_volume(parameters.volume, *names)
        name = "" if parameters.volume_name == "map" else f"{parameters.volume_name} of "
        taken = f"take {name}{parameters.volume}: {volume.box_px} px of {volume.pixel_size_A:.4g} Å"
        return (volume, [taken]) if mask is None else (apply_mask(volume, mask), [taken, f"multiply with the mask {parameters.mask}"])
    if mask is None:
        raise InputError("volume_tools wants a volume or a mask to work on: neither was given")
    return Volume(mask.array, mask.pixel_size_A), [f"take the mask {parameters.mask}: {mask.box_px} px of {mask.pixel_size_A:.4g} Å"]


def _apply(volume: "Volume", steps: list[MapStep]) -> "Volume":
    for step in steps:
        volume = step.apply(volume)
    return volume


def _list_steps(context: JobContext, lines: list[str]) -> None:
    for number, line in enumerate(lines, start=1):
        context.log(f"{number}. {line}")


def _find_resolution_A(parameters: VolumeToolsParameters, context: JobContext) -> float | None:
    """Return the resolution that the job which made the map found, None where there is no such figure."""
    summary = {} if parameters.volume is None else context.read_summary(parameters.volume) or {}
    return summary.get("resolution_A") or summary.get("map_resolution_A")


def _lowest_of_base(parameters: VolumeToolsParameters, context: JobContext, source: "Volume") -> float | None:
    """Return the lowest density of a mask base: what is 0 there is outside; None for other maps."""
    made = {} if parameters.volume is None else context.read_parameters(parameters.volume) or {}
    positive = source.array[source.array > 0]
    return float(positive.min()) if made.get("job_type") == "mask_base" and len(positive) else None


def _suggest(context: JobContext, pixel_size_A: float, resolution_A: float | None) -> None:
    from triskelion.masks.soft_edge import minimum_padding_px, suggest_dilation_px

    if resolution_A is not None:
        dilation_px, padding_px = (suggest(resolution_A, pixel_size_A) for suggest in (suggest_dilation_px, minimum_padding_px))
        context.log(
            f"suggested at {resolution_A:.3g} Å and {pixel_size_A:.4g} Å/px: dilation {dilation_px:.1f} px (2 x resolution), "
            f"soft padding {padding_px:.1f} px (5 x resolution)"
        )


def _warn_of_plan(context: JobContext, volume: "Volume", plan: MaskPlan, resolution_A: float | None) -> None:
    from triskelion.masks.binarize import binarize, largest_piece_fraction
    from triskelion.masks.soft_edge import padding_warning

    if plan.threshold is None:
        return
    share = largest_piece_fraction(binarize(volume.array, plan.threshold))
    if share < 0.5:
        context.warn(
            f"the largest piece above the threshold holds only {100 * share:.0f} % of it: smooth the map (gaussian_A) or raise the threshold"
        )
    if resolution_A is not None:
        warning = padding_warning(plan.padding_px, resolution_A, volume.pixel_size_A)
        if warning is not None:
            context.warn(warning)


def _make_mask(context: JobContext, volume: "Volume", plan: MaskPlan) -> "Mask":
    from triskelion.masks.soft_edge import complement, edge_value

    mask = plan.make(volume)
    highest = edge_value(mask)
    if highest > AT_EDGE:
        context.warn(
            f"the mask touches the edge of the box (value {highest:.2f} there), which cuts it off: pad the box, or dilate and pad the mask less"
        )
    share = float(mask.array.mean(dtype="float64"))
    if share > MOST_OF_BOX:
        context.warn(f"the mask covers {100 * share:.0f} % of the box: raise the threshold, or dilate and pad it less")
    return complement(mask) if plan.complement else mask


def _save_map(context: JobContext, volume: "Volume") -> None:
    from triskelion.plots.map_slices import collect_map_slices

    context.save_volume(volume, "map")
    context.plot("map_slices", collect_map_slices({"map": volume}))
    context.summarize(box_px=volume.box_px, pixel_size_A=volume.pixel_size_A)


def _save_mask(context: JobContext, volume: "Volume", mask: "Mask") -> None:
    from triskelion.plots.mask_slices import collect_mask_slices

    context.save_volume(mask, "mask")
    context.plot("mask_slices", collect_mask_slices(mask, volume))
    share = float(mask.array.mean(dtype="float64"))
    center = ",".join(f"{value:.1f}" for value in mask.center_xyz_px)
    context.log(f"mask: {100 * share:.2f} % of the box, centre of mass {center} px")
    context.summarize(box_px=mask.box_px, pixel_size_A=mask.pixel_size_A, share_of_box=share, center_xyz_px=mask.center_xyz_px.tolist())


JOB = JobType(
    "volume_tools", "Make a mask, filter, resample or crop a map", VolumeToolsParameters, run, {"mask": "mask", "map": "volume"}, preview=preview
)
