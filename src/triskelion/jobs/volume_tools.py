"""Job: a map or a mask made from a map, in one fixed order of operations.

The map: times ``mask`` - ``invert`` - ``flip_hand`` - ``gaussian_A`` - ``lowpass_A`` - ``rescale_box_px`` - ``crop_box_px`` - the sphere.
The mask: ``threshold`` - ``fill_holes`` - ``dilation_px`` - ``soft_padding_px`` - ``complement``.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_length_px, parse_position_xyz_px
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.volume import Mask, Volume

DEFAULT_PADDING_A = 24.0


class VolumeToolsParameters(JobParameters):
    """What volume_tools wants to know; the fields stand in the order of the operations."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # dilation_px=5 from Python is "5" from the command line

    volume: str | None = slot("volume", title="Map", optional=True, help="The map to work on; left out, the mask is worked on instead.")
    volume_name: Literal["map", "half_a", "half_b", "map_sharp", "mask_base"] = parameter(
        "map", title="Which map", help="Which map of the job is meant."
    )
    mask: str | None = slot(
        "mask",
        title="Mask",
        optional=True,
        help="Multiplied with the map. Without a map, the mask to threshold, dilate and pad again, or to complement as it is.",
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
        help="Density at which the mask begins (0.05 suits a mask base). Left out: 0.2 of the maximum after the steps above, 0.5 for a mask.",
    )
    fill_holes: bool = parameter(False, title="Fill holes", help="Fill holes that the thresholded map encloses.")
    dilation_px: str = parameter("0", title="Dilation", unit="px", help="Grow the mask by this distance; 7A is read as Å.")
    soft_padding_px: str | None = parameter(
        None,
        title="Soft padding",
        unit="px",
        help="Width of the cosine edge outside the dilated mask; 23.8A is read as Å. Left out: 5 x resolution where that is given, else 24 Å.",
    )
    complement: bool = parameter(False, title="Complement", help="1 - mask, as the last step: the mask of everything else.")
    resolution_A: float | None = parameter(
        None, title="Resolution", unit="Å", gt=0, le=100, help="Of the map: soft padding is compared with 5 x resolution / pixel size."
    )


MASK_STEPS = ("threshold", "fill_holes", "dilation_px", "soft_padding_px", "complement")


def run(parameters: VolumeToolsParameters, context: JobContext) -> None:
    """Make the map or the mask."""
    volume = _edit_map(parameters, context)
    if parameters.output == "map":
        _save_map(parameters, context, volume)
    else:
        _save_mask(context, volume, _make_mask(parameters, context, volume))


def _edit_map(parameters: VolumeToolsParameters, context: JobContext) -> "Volume":
    from triskelion.maps import edit

    source = volume = _read_input(parameters, context)
    if parameters.invert:
        volume = edit.invert(volume)
    if parameters.flip_hand:
        volume = edit.flip_hand(volume)
    if parameters.gaussian_A is not None:
        volume = edit.blur_map(volume, parameters.gaussian_A)
    if parameters.lowpass_A is not None:
        volume = edit.lowpass_map(volume, parameters.lowpass_A)
    if parameters.rescale_box_px is not None:
        volume = edit.rescale_map(volume, parameters.rescale_box_px)
    if parameters.crop_box_px is not None:
        volume = edit.crop_map(volume, parameters.crop_box_px)
    if (parameters.sphere_xyz_px is None) != (parameters.sphere_radius_A is None):
        raise InputError("a sphere wants both sphere_xyz_px and sphere_radius_A")
    if parameters.sphere_xyz_px is not None and parameters.sphere_radius_A is not None:
        center = parse_position_xyz_px(parameters.sphere_xyz_px, source.pixel_size_A, "sphere_xyz_px")
        edit.require_inside(center, source, "sphere_xyz_px")
        volume = edit.keep_sphere_of_map(volume, edit.move_point_to_grid(center, source, volume), parameters.sphere_radius_A)
    return volume


def _read_input(parameters: VolumeToolsParameters, context: JobContext) -> "Volume":
    from triskelion.data.volume import Volume
    from triskelion.maps.edit import apply_mask

    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    if parameters.volume is not None:
        names = [] if parameters.volume_name == "map" else [parameters.volume_name]
        volume = context.read_volume(parameters.volume, *names)
        return volume if mask is None else apply_mask(volume, mask)
    if mask is None:
        raise InputError("volume_tools wants a volume or a mask to work on: neither was given")
    return Volume(mask.array, mask.pixel_size_A)


def _save_map(parameters: VolumeToolsParameters, context: JobContext, volume: "Volume") -> None:
    from triskelion.plots.map_slices import collect_map_slices

    unused = [name for name in MASK_STEPS if getattr(parameters, name) != type(parameters).model_fields[name].default]
    if unused:
        raise InputError(f"output is a map, but {', '.join(unused)} makes a mask: give output=mask or leave it out")
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


def _make_mask(parameters: VolumeToolsParameters, context: JobContext, volume: "Volume") -> "Mask":
    from triskelion.masks.make import make_mask, soft_mask_as_it_is
    from triskelion.masks.soft_edge import complement

    only_mask = parameters.volume is None
    dilation_px = parse_length_px(parameters.dilation_px, volume.pixel_size_A, "dilation_px")
    if only_mask and parameters.threshold is None and not (parameters.fill_holes or dilation_px or parameters.soft_padding_px):
        mask = soft_mask_as_it_is(volume)
    else:
        threshold = _choose_threshold(parameters, context, volume, only_mask)
        padding_px = _choose_padding_px(parameters, context, volume.pixel_size_A)
        context.log(f"threshold {threshold:.4g} (maximum {volume.array.max():.4g}), dilation {dilation_px:.4g} px, soft padding {padding_px:.4g} px")
        mask = make_mask(volume, threshold, dilation_px, padding_px, parameters.fill_holes)
    return complement(mask) if parameters.complement else mask


def _choose_threshold(parameters: VolumeToolsParameters, context: JobContext, volume: "Volume", only_mask: bool) -> float:
    from triskelion.masks.binarize import automatic_threshold, binarize, largest_piece_fraction

    automatic = 0.5 if only_mask else automatic_threshold(volume.array)
    threshold = automatic if parameters.threshold is None else parameters.threshold
    share = largest_piece_fraction(binarize(volume.array, threshold))
    if share < 0.5:
        context.warn(
            f"the largest piece above the threshold holds only {100 * share:.0f} % of it: smooth the map (gaussian_A) or raise the threshold"
        )
    return threshold


def _choose_padding_px(parameters: VolumeToolsParameters, context: JobContext, pixel_size_A: float) -> float:
    from triskelion.masks.soft_edge import minimum_padding_px, padding_warning

    if parameters.soft_padding_px is None:
        return DEFAULT_PADDING_A / pixel_size_A if parameters.resolution_A is None else minimum_padding_px(parameters.resolution_A, pixel_size_A)
    padding_px = parse_length_px(parameters.soft_padding_px, pixel_size_A, "soft_padding_px")
    warning = None if parameters.resolution_A is None else padding_warning(padding_px, parameters.resolution_A, pixel_size_A)
    if warning is not None:
        context.warn(warning)
    return padding_px


JOB = JobType("volume_tools", "Make a mask, filter, resample or crop a map", VolumeToolsParameters, run, {"mask": "mask", "map": "volume"})
