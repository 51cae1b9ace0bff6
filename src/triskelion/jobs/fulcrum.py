"""Job: a fulcrum placed on the map, where a person would click.

With ``regions`` and ``against``, the centre of the interface between the two. With ``near``, the point of the surface of ``regions`` or of ``mask``
that is nearest to a point, or, with ``along``, the first that a line from there meets. With ``regions`` or ``mask`` alone, the centre. ``near`` alone
is the point itself. ``local_refinement --fulcrum J12`` takes it from this job; once poses are refined, estimate_fulcrum tells it from them.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import ConfigDict

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_position_xyz_px
from triskelion.jobs.read_regions import choose_regions, read_regions, read_segmented_map
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.volume import Volume

HALF = 0.5  # of a mask is inside
TOUCHING_A = 8.0  # parts further apart hardly hinge on one another


class FulcrumParameters(JobParameters):
    """What fulcrum wants to know."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # regions=3

    segmentation: str | None = slot("segmentation", title="Segmentation", optional=True, help="Regions of a map, as they are edited now.")
    mask: str | None = slot("mask", title="Mask", optional=True, help="Mask of the domain, where there is no segmentation.")
    volume: str | None = slot("volume", title="Map", optional=True, help="Map to show the fulcrum on. Left out, the one that was segmented.")
    regions: str | None = parameter(
        None, title="Regions", help="The domain: 3,17,head | shown | selected | within 30A of x,y,z ... Left out: those selected, or all shown ones."
    )
    against: str | None = parameter(None, title="Against", help="The regions that it turns against: the fulcrum is the centre of the interface.")
    near: str | None = parameter(
        None, title="Near", unit="px", help="A point x,y,z from the corner voxel, whose nearest point of the surface is taken; with A behind, in Å."
    )
    along: str | None = parameter(None, title="Along", help="With near: a direction x,y,z; the first point of the surface on that line is taken.")


class Place(NamedTuple):
    """A fulcrum, how it was found, and the parts of the map that tell where it is."""

    xyz_px: np.ndarray
    how: str
    parts: dict[str, np.ndarray]


def run(parameters: FulcrumParameters, context: JobContext) -> None:
    """Find the point, show it, and say it in px and Å."""
    from triskelion.maps.edit import require_inside
    from triskelion.plots.fulcrum_place import collect_fulcrum_place

    volume, parts = _read_parts(parameters, context)
    place = _find_place(parameters, context, volume, parts)
    require_inside(place.xyz_px, volume, "the fulcrum")
    typed = ",".join(f"{value:.1f}" for value in place.xyz_px)
    typed_A = ",".join(f"{value:.1f}" for value in place.xyz_px * volume.pixel_size_A)
    context.log(f"fulcrum: {typed} px = {typed_A} Å (x,y,z from the corner voxel), {place.how}")
    context.plot("fulcrum_place", collect_fulcrum_place(volume, place.xyz_px, place.parts))
    context.summarize(
        fulcrum=typed,
        fulcrum_xyz_px=place.xyz_px.tolist(),
        fulcrum_xyz_A=(place.xyz_px * volume.pixel_size_A).tolist(),
        how=place.how,
        box_px=volume.box_px,
        pixel_size_A=volume.pixel_size_A,
    )


def _read_parts(parameters: FulcrumParameters, context: JobContext) -> "tuple[Volume, dict[str, np.ndarray]]":
    """Return the map, and the voxels of the domain and of what it turns against, by label."""
    from triskelion.data.volume import Volume, require_same_grid
    from triskelion.masks.regions import label_regions

    if parameters.segmentation is not None:
        edited = read_regions(context, parameters.segmentation)
        volume, _ = read_segmented_map(context, parameters.segmentation, parameters.volume, None)
        require_same_grid(volume, edited.segmentation, "the map", "the segmentation")
        labels = label_regions(edited.segmentation, edited.state)
        names = {"regions": parameters.regions, **({"against": parameters.against} if parameters.against is not None else {})}
        found = {name: choose_regions(context, edited, which) for name, which in names.items()}
        shared = found["regions"] & found.get("against", frozenset())
        if shared:
            raise InputError(f"regions {', '.join(map(str, sorted(shared)))} are on both sides: say what turns, and against what")
        return volume, {which or "chosen regions": np.isin(labels, list(found[name])) for name, which in names.items()}
    if parameters.regions is not None or parameters.against is not None:
        raise InputError("regions belong to a segmentation: give one, or a mask alone")
    if parameters.mask is not None:
        mask = context.read_mask(parameters.mask)
        volume = Volume(mask.array, mask.pixel_size_A) if parameters.volume is None else context.read_volume(parameters.volume)
        require_same_grid(volume, mask, "the map", "the mask")
        return volume, {"mask": mask.array >= HALF}
    if parameters.volume is None or parameters.near is None:
        raise InputError("a fulcrum wants a segmentation with regions, a mask, or a map with the point near")
    return context.read_volume(parameters.volume), {}


def _find_place(parameters: FulcrumParameters, context: JobContext, volume: "Volume", parts: dict[str, np.ndarray]) -> Place:
    from triskelion.data.volume import Mask
    from triskelion.masks.contact import find_contact
    from triskelion.masks.surface import first_surface_point, nearest_surface_point

    if parameters.along is not None and (parameters.near is None or not parts):
        raise InputError("along is the direction of a line: it wants the point near, and regions or a mask that the line meets")
    if parameters.against is not None and parameters.near is not None:
        raise InputError("against puts the fulcrum at the interface, near at the surface: give one of the two")
    if parameters.against is not None:
        contact = find_contact(*parts.values())
        gap_A = contact.gap_px * volume.pixel_size_A
        if gap_A > TOUCHING_A:
            context.warn(f"the parts do not touch, their nearest voxels are {gap_A:.0f} Å apart: the fulcrum lies half way between them")
        context.summarize(n_contact_voxels=contact.n_voxels, gap_A=gap_A)
        return Place(contact.center_xyz_px, "centre of the interface", parts)
    if parameters.near is None:
        return Place(Mask(next(iter(parts.values())), volume.pixel_size_A).center_xyz_px, "centre of mass", parts)
    point = np.array(parse_position_xyz_px(parameters.near, volume.pixel_size_A, "near"))
    if not parts:
        return Place(point, "as typed", parts)
    first = next(iter(parts.values()))
    if parameters.along is None:
        return Place(nearest_surface_point(first, point), "nearest point of the surface", parts)
    direction = parse_position_xyz_px(parameters.along, 1.0, "along")
    return Place(first_surface_point(first, point, direction), "first point of the surface on the line", parts)


JOB = JobType("fulcrum", "Place a fulcrum at an interface, on a surface or at a centre", FulcrumParameters, run, {})
