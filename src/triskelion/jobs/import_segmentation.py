"""Job: a segmentation made with Segger, brought into the project on the grid of its map."""

from pathlib import Path

from triskelion.jobs.context import JobContext
from triskelion.jobs.report_segmentation import OUTPUTS, report_segmentation
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

MOST_BELOW_LEVEL = 0.01  # share of the voxels of regions


class ImportSegmentationParameters(JobParameters):
    """What import_segmentation is told."""

    path: Path = parameter(title="File", help="Segger's .seg file, as Chimera and ChimeraX save it.")
    volume: str = slot("volume", title="Map", help="The map that was segmented; the segmentation lies on its grid.")


def run(parameters: ImportSegmentationParameters, context: JobContext) -> None:
    """Read the file, compare it with the map, save regions, groups and names."""
    from triskelion.io.segger import read_segger

    volume = context.read_volume(parameters.volume)
    segmentation = read_segger(context.project_folder / parameters.path, volume)
    below = float((volume.array.ravel()[segmentation.inside_px] < segmentation.level).mean()) if segmentation.n_leaves else 0.0
    if below > MOST_BELOW_LEVEL:
        context.warn(
            f"{100 * below:.0f} % of the voxels of the regions lie below the level {segmentation.level:.4g} of the file: "
            "was it made from another map, or from a smoothed one?"
        )
    report_segmentation(segmentation, volume, context)


JOB = JobType("import_segmentation", "Import regions and groups made with Segger", ImportSegmentationParameters, run, OUTPUTS)
