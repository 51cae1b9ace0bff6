"""What volume_tools is going to do, as a list of steps in its one order of operations, each with its numbers resolved, before it is done."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from triskelion.errors import InputError
from triskelion.jobs.lengths import parse_length_px, parse_position_xyz_px

if TYPE_CHECKING:
    from triskelion.data.volume import Mask, OnGrid, Volume
    from triskelion.jobs.volume_tools import VolumeToolsParameters

DEFAULT_PADDING_A = 24.0
SUGGESTED = "auto"
BASE_DILATION_A = 7.0  # the densest part of a domain is what regions hold: its mask is to hold its side chains too


class GridSize(NamedTuple):
    """The grid of a map that is still to be made."""

    box_px: int
    pixel_size_A: float


@dataclass(frozen=True)
class MapStep:
    """One operation from map to map: what people are told, what is done, and the grid that comes out."""

    text: str
    apply: "Callable[[Volume], Volume]"
    grid: GridSize


@dataclass(frozen=True)
class MaskPlan:
    """How the mask is made of the map that the map steps leave.

    Attributes
    ----------
    threshold : float or None
        None for a mask that is taken as it came out of the steps.
    why : str
        Where the threshold comes from.
    dilation_px, padding_px : float
    fill_holes, complement : bool
    """

    threshold: float | None
    why: str
    dilation_px: float
    padding_px: float
    fill_holes: bool
    complement: bool

    def describe(self, pixel_size_A: float) -> list[str]:
        """Return the steps in words."""
        lengths = lambda px: f"{px:.4g} px ({px * pixel_size_A:.4g} Å)"
        steps = ["take the mask as it is, values cut to 0 to 1"]
        if self.threshold is not None:
            steps = [f"threshold at {self.threshold:.4g} ({self.why})"]
            steps += ["fill the holes that it encloses"] if self.fill_holes else []
            steps += [f"dilate by {lengths(self.dilation_px)}"] if self.dilation_px else []
            steps += [f"soft padding of {lengths(self.padding_px)}, a cosine" if self.padding_px else "no soft padding: the mask is binary"]
        return steps + (["take the complement, 1 - mask"] if self.complement else [])

    def make(self, volume: "Volume") -> "Mask":
        """Make the mask, all but the complement."""
        from triskelion.masks.make import make_mask, soft_mask_as_it_is

        if self.threshold is None:
            return soft_mask_as_it_is(volume)
        return make_mask(volume, self.threshold, self.dilation_px, self.padding_px, self.fill_holes)


def plan_map(parameters: "VolumeToolsParameters", source: "OnGrid", onto: "OnGrid | None") -> list[MapStep]:
    """Return the operations on the map, in their order; ``onto`` is the grid of the map in that slot.

    Raises
    ------
    InputError
        A parameter is incomplete, or a point lies outside the box.
    """
    from triskelion.maps import edit

    steps: list[MapStep] = []
    grid = GridSize(source.box_px, source.pixel_size_A)

    def add(text: str, apply: "Callable[[Volume], Volume]", new_grid: GridSize | None = None) -> None:
        nonlocal grid
        grid = new_grid or grid
        steps.append(MapStep(text, apply, grid))

    if parameters.invert:
        add("invert the contrast", edit.invert)
    if parameters.flip_hand:
        add("flip the hand, x becomes -x", edit.flip_hand)
    if parameters.gaussian_A is not None:
        width = parameters.gaussian_A
        add(f"blur with a Gaussian of sd {width:g} Å ({width / grid.pixel_size_A:.3g} px)", partial(edit.blur_map, sigma_A=width))
    if parameters.lowpass_A is not None:
        add(f"low-pass at {parameters.lowpass_A:g} Å (Butterworth, order 8)", partial(edit.lowpass_map, resolution_A=parameters.lowpass_A))
    if parameters.rescale_box_px is not None:
        new = GridSize(parameters.rescale_box_px, grid.pixel_size_A * grid.box_px / parameters.rescale_box_px)
        add(f"rescale to {_describe_grid(new)}", partial(edit.rescale_map, box_px=new.box_px), new)
    if parameters.crop_box_px is not None:
        new = GridSize(parameters.crop_box_px, grid.pixel_size_A)
        word = "crop" if new.box_px <= grid.box_px else "pad with 0"
        add(f"{word} to {_describe_grid(new)}", partial(edit.crop_map, box_px=new.box_px), new)
    if onto is not None:
        new = GridSize(onto.box_px, onto.pixel_size_A)
        add(f"resample on the grid of {parameters.onto}, {_describe_grid(new)}", partial(edit.resample_map, grid=new), new)
    if (parameters.sphere_xyz_px is None) != (parameters.sphere_radius_A is None):
        raise InputError("a sphere wants both sphere_xyz_px and sphere_radius_A")
    if parameters.sphere_xyz_px is not None and parameters.sphere_radius_A is not None:
        typed = parse_position_xyz_px(parameters.sphere_xyz_px, source.pixel_size_A, "sphere_xyz_px")
        edit.require_inside(typed, source, "sphere_xyz_px")
        center = edit.move_point_to_grid(typed, source, grid)
        where = ",".join(f"{value:.1f}" for value in center)
        text = f"keep the sphere of {parameters.sphere_radius_A:g} Å about {where} px"
        add(text, partial(edit.keep_sphere_of_map, center_xyz_px=center, radius_A=parameters.sphere_radius_A))
    return steps


def plan_mask(parameters: "VolumeToolsParameters", volume: "Volume", lowest_of_base: float | None, resolution_A: float | None) -> MaskPlan:
    """Return how the mask will be made of a map that has gone through the map steps.

    Parameters
    ----------
    lowest_of_base : float or None
        Where the input is a mask base, the lowest density that it holds.
    resolution_A : float or None
        What is known of the map's resolution, for lengths that are ``auto``.

    Raises
    ------
    InputError
        A length is not one, or is to be suggested without a resolution.
    """
    from triskelion.masks.binarize import automatic_threshold
    from triskelion.masks.soft_edge import minimum_padding_px, suggest_dilation_px

    pixel_size_A = volume.pixel_size_A
    if parameters.dilation_px is None:
        dilation_px = 0.0 if lowest_of_base is None else BASE_DILATION_A / pixel_size_A
    else:
        dilation_px = _read_length(parameters.dilation_px, "dilation_px", pixel_size_A, resolution_A, suggest_dilation_px)
    typed = parameters.soft_padding_px
    if typed is None:
        padding_px = DEFAULT_PADDING_A / pixel_size_A
        if parameters.resolution_A is not None:
            padding_px = minimum_padding_px(parameters.resolution_A, pixel_size_A)
    else:
        padding_px = _read_length(typed, "soft_padding_px", pixel_size_A, resolution_A, minimum_padding_px)
    plan = MaskPlan(parameters.threshold, "given", dilation_px, padding_px, parameters.fill_holes, parameters.complement)
    if parameters.threshold is not None:
        return plan
    if parameters.volume is None:
        as_it_is = not (parameters.fill_holes or dilation_px or typed is not None)
        return replace(plan, threshold=None if as_it_is else 0.5, why="the middle of a mask")
    if lowest_of_base is not None:
        return replace(plan, threshold=0.5 * lowest_of_base, why=f"half of the lowest density of the mask base, {lowest_of_base:.4g}")
    return replace(plan, threshold=automatic_threshold(volume.array), why=f"0.2 of the maximum, {volume.array.max():.4g}")


def _read_length(text: str, name: str, pixel_size_A: float, resolution_A: float | None, suggest: Callable[[float, float], float]) -> float:
    if text.strip() != SUGGESTED:
        return parse_length_px(text, pixel_size_A, name)
    if resolution_A is None:
        raise InputError(f"{name} is auto, but nothing tells the resolution of the map: give resolution_A")
    return suggest(resolution_A, pixel_size_A)


def _describe_grid(grid: "OnGrid") -> str:
    return f"{grid.box_px} px of {grid.pixel_size_A:.4g} Å"
