"""Bring a finished refinement of RELION into the project as one job: particles, half maps, map and mask."""

from pathlib import Path
from typing import Literal

from triskelion.data.volume import Volume, require_same_grid
from triskelion.jobs import import_particles
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter


class ImportRelionParameters(JobParameters):
    """What import_relion is told."""

    folder: Path = parameter(title="Job folder", help="Of a finished Refine3D or PostProcess job: /data/project/Refine3D/job019.")
    data_dir: Path | None = parameter(
        None, title="Data folder", help="Folder in which the stacks are looked for; default: RELION's project folder, which the job lies in."
    )
    contrast: Literal["detect", "bright", "dark"] = parameter(
        "detect", title="Contrast", help="Protein bright or dark in the files; detect: seen from the images. Dark images are inverted when read."
    )
    drop_bad: bool = parameter(
        False, title="Drop bad particles", help="Leave out particles whose image or values cannot be used, instead of stopping."
    )


def run(parameters: ImportRelionParameters, context: JobContext) -> None:
    """Find the files of the job, import its particles as import_particles does, save its maps under the project's names."""
    from triskelion.io.mrc import read_mask, read_volume
    from triskelion.io.relion_job import find_relion_job
    from triskelion.plots.map_slices import collect_map_slices

    job = find_relion_job(context.project_folder / parameters.folder)
    context.log(f"{job.kind}: particles {job.particles}")
    volumes = {name: read_volume(path) for name, path in job.volumes.items()}
    for name, volume in volumes.items():
        require_same_grid(volumes["half_a"], volume, f"half_a ({job.volumes['half_a']})", f"{name} ({job.volumes[name]})")
    mask = read_mask(job.mask) if job.mask is not None else None
    if mask is not None:
        require_same_grid(volumes["half_a"], mask, f"half_a ({job.volumes['half_a']})", f"mask ({job.mask})")
    for what in job.missing:
        context.warn(f"{what} of {parameters.folder} is no longer there: import it with import_volume, or make another with volume_tools")

    import_particles.run(
        import_particles.ImportParticlesParameters(
            meta=job.particles, data_dir=parameters.data_dir, contrast=parameters.contrast, drop_bad=parameters.drop_bad, seed=parameters.seed
        ),
        context,
    )
    for name, volume in volumes.items():
        context.log(f"{name}: {job.volumes[name]}")
        context.save_volume(volume, name)
    if mask is not None:
        context.log(f"mask: {job.mask}")
        context.save_volume(mask, "mask")
    shown = volumes | ({"mask": Volume(mask.array, mask.pixel_size_A)} if mask is not None else {})
    context.plot("map_slices", collect_map_slices(shown))
    context.summarize(relion_job=job.kind, map_box_px=volumes["half_a"].box_px, kinds=[*volumes, *(["mask"] if mask is not None else [])])


JOB = JobType(
    name="import_relion",
    title="Import a Refine3D or PostProcess job of RELION",
    parameters=ImportRelionParameters,
    run=run,
    outputs={"particles": "particles", "map": "volume", "half_a": "volume", "half_b": "volume", "map_sharp": "volume", "mask": "mask"},
)
