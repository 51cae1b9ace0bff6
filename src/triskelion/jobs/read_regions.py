"""What jobs about regions start from: a segmentation as it was edited, the map that was segmented, and which regions are meant."""

from typing import TYPE_CHECKING, NamedTuple

from triskelion.data.segmentation import Segmentation
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.data.volume import Volume
    from triskelion.masks.regions import Edit, RegionState


class EditedRegions(NamedTuple):
    """A segmentation, the edits that were taken, and the regions they leave."""

    segmentation: Segmentation
    edits: "tuple[Edit, ...]"
    state: "RegionState"


def read_regions(context: JobContext, reference: str, n_edits: int | None = None) -> EditedRegions:
    """Read a segmentation and its edits, the first ``n_edits`` or all.

    Raises
    ------
    InputError
        There are fewer edits.
    """
    from triskelion.masks.regions import replay_edits

    segmentation = context.read_segmentation(reference)
    edits = context.read_region_edits(reference)
    if n_edits is not None and n_edits > len(edits):
        raise InputError(f"n_edits is {n_edits}, but the regions of {reference} were edited {len(edits)} times only")
    edits = edits[:n_edits]
    return EditedRegions(segmentation, edits, replay_edits(segmentation, edits).state)


def choose_regions(context: JobContext, regions: EditedRegions, which: str | None) -> frozenset[int]:
    """Return the regions that ``which`` means; those selected, or all shown ones where none is, if it is None.

    Raises
    ------
    InputError
        No region is meant.
    """
    from triskelion.jobs.region_selection import select_regions

    if which is not None:
        return select_regions(which, regions.segmentation, regions.state, context)
    if not regions.state.chosen:
        raise InputError("all regions are hidden and none is selected: show some, or say which with regions")
    return regions.state.chosen


def read_segmented_map(context: JobContext, reference: str, volume: str | None, gaussian_A: float | None) -> "tuple[Volume, str]":
    """Return the map that was segmented, blurred as it was then, or another in its place; and how that map is referred to.

    Raises
    ------
    InputError
        The segmentation comes from a file, and no map is given.
    """
    from triskelion.maps.edit import blur_map

    made = context.read_parameters(reference) or {}
    source = volume or made.get("volume")
    if source is None:
        raise InputError(f"nothing tells which map {reference} was made of: give it as volume")
    name = made.get("volume_name", "map") if volume is None else "map"
    density = context.read_volume(source, name)
    width_A = (context.read_summary(reference) or {}).get("gaussian_A") if gaussian_A is None else gaussian_A
    return (blur_map(density, width_A) if width_A else density), source
