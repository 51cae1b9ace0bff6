"""The jobs there are. Modules are imported when a job is asked for, so that listing them costs nothing."""

from importlib import import_module

from triskelion.errors import InputError
from triskelion.jobs.spec import JobType

NAMES = (
    "simulate",
    "fetch_empiar",
    "import_particles",
    "import_relion",
    "import_volume",
    "reconstruct",
    "segment_map",
    "import_segmentation",
    "find_domains",
    "mask_base",
    "volume_tools",
    "homogeneous_refinement",
    "nonuniform_refinement",
    "predict",
    "particle_subtraction",
    "local_refinement",
    "fulcrum",
    "estimate_fulcrum",
    "sharpen",
    "validate",
    "local_resolution",
    "orientation",
    "composite_map",
    "domain_motion",
    "series",
    "compare",
    "subset",
    "export_cryosparc",
)


def job_type(name: str) -> JobType:
    """Return the job type called ``name``."""
    if name not in NAMES:
        raise InputError(f"there is no job type {name!r}: choose one of {', '.join(NAMES)}")
    return import_module(f"triskelion.jobs.{name}").JOB
