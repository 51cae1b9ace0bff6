"""Job: the density inside chosen regions of a segmentation, and the density inside all others, each as a map on the parent map's own grid.

A mask base is what a mask is made of (``triskelion run volume_tools --volume J9``), not a mask: mask slots refuse it. The map is blurred as it
was when it was segmented, so that every voxel of a region is at or above the level of the segmentation. The edits that were used are kept in
``regions_used.json``; ``n_edits`` takes an earlier state of the same history.
"""

from typing import TYPE_CHECKING

from pydantic import ConfigDict

from triskelion.jobs.context import JobContext
from triskelion.jobs.read_regions import choose_regions, read_regions, read_segmented_map
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.volume import Volume

FEW = 0.02  # of the voxels of the regions


class MaskBaseParameters(JobParameters):
    """What mask_base wants to know."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # regions=3

    segmentation: str = slot("segmentation", title="Segmentation", help="Regions of a map, as they are edited now.")
    volume: str | None = slot("volume", title="Map", optional=True, help="The map whose density is kept. Left out, the one that was segmented.")
    regions: str | None = parameter(
        None,
        title="Regions",
        help="Which: 3,17,head | all | shown | largest 5 | within 30A of x,y,z | inside J8 | all but 3. "
        "Left out: those selected, or all shown ones if none is.",
    )
    gaussian_A: float | None = parameter(
        None, title="Gaussian", unit="Å", ge=0, le=200, advanced=True, help="Standard deviation of a blur. Left out: as when the map was segmented."
    )
    n_edits: int | None = parameter(
        None, title="Edits", ge=0, advanced=True, help="How many of the edits of the regions count, from the first on. Left out: all there are."
    )


def run(parameters: MaskBaseParameters, context: JobContext) -> None:
    """Cut the map in two, show and record how."""
    from triskelion.masks.base import split_density
    from triskelion.plots.mask_base import collect_mask_base

    edited = read_regions(context, parameters.segmentation, parameters.n_edits)
    chosen = choose_regions(context, edited, parameters.regions)
    volume, source = read_segmented_map(context, parameters.segmentation, parameters.volume, parameters.gaussian_A)
    base, rest = split_density(volume, edited.segmentation, edited.state, chosen)
    listed = ", ".join(f"{number} {edited.state.names.get(number, '')}".strip() for number in sorted(chosen))
    context.log(f"mask base: regions {listed}; {len(edited.state.regions) - len(chosen)} others make the complement base")
    context.save_volume(base, "mask_base")
    if rest.array.any():
        context.save_volume(rest, "complement_base")
    else:
        context.warn("there is no complement base: the mask base holds all regions")
    context.save_json(
        "regions_used",
        {
            "segmentation": parameters.segmentation,
            "selection": parameters.regions,
            "regions": sorted(chosen),
            "n_edits": len(edited.edits),
            "edits": [edit.describe() for edit in edited.edits],
        },
    )
    context.plot("mask_base", collect_mask_base(volume, base, rest))
    _summarize(context, base, edited.segmentation.level, (context.read_summary(source) or {}).get("resolution_A"))
    context.summarize(regions=sorted(chosen), n_regions=len(chosen), n_edits=len(edited.edits))


def _summarize(context: JobContext, base: "Volume", level: float, map_resolution_A: float | None) -> None:
    n_voxels = int((base.array != 0).sum())
    n_dark = int((base.array < 0).sum())
    if n_dark > FEW * n_voxels:
        context.warn(f"{100 * n_dark / n_voxels:.0f} % of the voxels of the regions have negative density: is this the map that was segmented?")
    context.summarize(
        box_px=base.box_px,
        pixel_size_A=base.pixel_size_A,
        n_voxels=n_voxels,
        volume_A3=n_voxels * base.pixel_size_A**3,
        level=level,
        map_resolution_A=map_resolution_A,
    )


JOB = JobType(
    "mask_base",
    "Save the density inside chosen regions as the base of a mask",
    MaskBaseParameters,
    run,
    {"mask_base": "volume", "complement_base": "volume"},
)
