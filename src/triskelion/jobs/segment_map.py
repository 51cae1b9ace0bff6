"""Job: a map cut into regions: Gaussian, level, watershed, grouping by scale space, small regions joined or dropped."""

from typing import TYPE_CHECKING, Literal

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.report_segmentation import OUTPUTS, report_segmentation
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.segmentation import Segmentation
    from triskelion.data.volume import Volume
    from triskelion.masks.density_level import Solvent

GAUSSIAN_A, GAUSSIAN_PX = 2.0, 1.5
MANY_LEAVES = 20_000


class SegmentMapParameters(JobParameters):
    """What segment_map wants to know."""

    volume: str = slot("volume", title="Map", help="The map to segment.")
    half_maps: str | None = slot(
        "volume", title="Half maps", optional=True, help="A job with half maps of this map: noise is measured from their difference too."
    )
    volume_name: Literal["map", "map_sharp"] = parameter("map", title="Which map", help="Which map of the job is meant.")
    gaussian_A: float | None = parameter(
        None,
        title="Gaussian",
        unit="Å",
        ge=0,
        le=200,
        help="Standard deviation of a blur before anything else; 0 for none. Left out: 2 Å, or 1.5 px where that is more.",
    )
    threshold: float | None = parameter(
        None, title="Threshold", help="Density level that regions reach. Left out: by enclosed volume where one is given, else from the noise."
    )
    mass_kDa: float | None = parameter(
        None, title="Mass", unit="kDa", gt=0, le=1e6, help="Of the particle: the level encloses 1.21 Å³ per Da, the volume of protein."
    )
    volume_A3: float | None = parameter(None, title="Enclosed volume", unit="Å³", gt=0, le=1e10, help="The level encloses this volume.")
    grouping_steps: int = parameter(4, title="Grouping steps", ge=0, le=50, help="Smoothing steps that join regions; 0 leaves the watershed regions.")
    step_size_px: float = parameter(
        1.0, title="Step size", unit="px", gt=0, le=20, help="By how much the standard deviation of the smoothing grows at each step."
    )
    minimum_voxels: int = parameter(1, title="Smallest region", unit="px", ge=1, le=10**9, help="Fewest voxels of a region, after grouping.")
    minimum_A3: float = parameter(
        1000.0, title="Smallest volume", unit="Å³", ge=0, le=1e9, help="Least volume of a region, after grouping; 1000 Å³ are less than 1 kDa."
    )
    small_regions: Literal["join", "drop"] = parameter(
        "join", title="Small regions", help="Join them to the neighbour with most contact (those without any are dropped), or drop them."
    )


def run(parameters: SegmentMapParameters, context: JobContext) -> None:
    """Segment the map."""
    from triskelion.maps.edit import blur_map
    from triskelion.masks.scale_space import group_regions
    from triskelion.masks.segment import find_watershed_regions

    names = [] if parameters.volume_name == "map" else [parameters.volume_name]
    volume = context.read_volume(parameters.volume, *names)
    gaussian_A = parameters.gaussian_A
    if gaussian_A is None:
        gaussian_A = max(GAUSSIAN_A, GAUSSIAN_PX * volume.pixel_size_A)
    if gaussian_A > 0:
        volume = blur_map(volume, gaussian_A)
    level = _choose_level(parameters, context, volume, gaussian_A)
    context.log(f"Gaussian {gaussian_A:.3g} Å, level {level:.5g} (maximum {volume.array.max():.5g})")
    segmentation = find_watershed_regions(volume, level)
    if segmentation.n_leaves > MANY_LEAVES:
        context.warn(f"{segmentation.n_leaves} watershed regions are too many to be structure: raise the threshold, or gaussian_A")
    if parameters.grouping_steps:
        segmentation = group_regions(segmentation, volume, parameters.grouping_steps, parameters.step_size_px)
    segmentation = _treat_small_regions(parameters, context, segmentation)
    report_segmentation(segmentation, volume, context)


def _choose_level(parameters: SegmentMapParameters, context: JobContext, volume: "Volume", gaussian_A: float) -> float:
    from triskelion.masks import density_level

    given = [name for name in ("threshold", "mass_kDa", "volume_A3") if getattr(parameters, name) is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} say the same thing, the level of the regions: give one")
    solvent = _measure_solvent(parameters, context, volume, gaussian_A)
    if parameters.threshold is not None:
        level = parameters.threshold
    elif parameters.mass_kDa is not None:
        level = density_level.level_of_volume(volume.array, volume.pixel_size_A, density_level.volume_of_mass_A3(parameters.mass_kDa))
    elif parameters.volume_A3 is not None:
        level = density_level.level_of_volume(volume.array, volume.pixel_size_A, parameters.volume_A3)
    else:
        level = density_level.choose_level(volume.array, solvent)
    warning = density_level.noise_warning(level, solvent)
    if warning is not None:
        context.warn(warning)
    context.summarize(gaussian_A=gaussian_A, solvent_mean=solvent.mean, solvent_sd=solvent.sd)
    return level


def _measure_solvent(parameters: SegmentMapParameters, context: JobContext, volume: "Volume", gaussian_A: float) -> "Solvent":
    """Measure solvent from the map and, where there are half maps, from their difference: the larger noise counts, as either may be filtered away."""
    from triskelion.data.volume import require_same_grid
    from triskelion.maps.edit import blur_map
    from triskelion.masks.density_level import Solvent, measure_half_map_noise, measure_solvent

    solvent = measure_solvent(volume.array)
    if parameters.half_maps is None:
        return solvent
    halves = [context.read_volume(parameters.half_maps, name) for name in ("half_a", "half_b")]
    for half in halves:
        require_same_grid(volume, half, "the map", "its half map")
    half_a, half_b = (blur_map(half, gaussian_A).array if gaussian_A > 0 else half.array for half in halves)
    return Solvent(solvent.mean, max(solvent.sd, measure_half_map_noise(half_a, half_b)))


def _treat_small_regions(parameters: SegmentMapParameters, context: JobContext, segmentation: "Segmentation") -> "Segmentation":
    from triskelion.masks.small_regions import drop_small_regions, join_small_regions, least_voxels

    least = least_voxels(segmentation.pixel_size_A, parameters.minimum_voxels, parameters.minimum_A3)
    treat = join_small_regions if parameters.small_regions == "join" else drop_small_regions
    kept = treat(segmentation, least)
    if kept.n_leaves == 0:
        raise InputError(f"no region has {least} voxels: lower minimum_voxels and minimum_A3, or the threshold")
    dropped = segmentation.n_leaves - kept.n_leaves
    context.log(f"{dropped} of {segmentation.n_leaves} watershed regions dropped: the regions they were in have fewer than {least} voxels")
    return kept


JOB = JobType("segment_map", "Cut a map into regions and groups", SegmentMapParameters, run, OUTPUTS)
