"""What jobs, previews and the editing of regions read of a project: files behind ``J5``, ``J5.name`` or a path, as data."""

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np

from triskelion.data.images import ImageSource
from triskelion.data.particles import Particles
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.masks.regions import Edit
from triskelion.project.connect import job_of_reference, resolve_input
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.region_history import read_edits
from triskelion.project.store import read_job, read_summary


class ProjectReader:
    """The reading half of ``jobs.context.JobContext``."""

    def __init__(self, project: ProjectPaths):
        self._project = project
        self.project_folder = project.folder

    def warn(self, message: str) -> None:
        """Tell whoever reads of something to be doubted."""
        warnings.warn(message, stacklevel=3)

    def read_particles(self, reference: str) -> Particles:
        """Load the particles that an input slot refers to; image paths become relative to the project, or absolute.

        In the STAR file of a job they are relative to the job's project, in any other to the folder of that file.
        """
        from triskelion.io.particle_star import read_particles

        path = resolve_input(self._project, reference, "particles")
        particles = read_particles(path)
        of_a_job = JobPaths(path.parent).record.exists()
        base = path.parent.parent if of_a_job else path.parent
        return particles if base == self.project_folder else _anchor_images(particles, base, self.project_folder)

    def open_images(self, particles: Particles) -> ImageSource:
        """Open the images of a particle table."""
        from triskelion.io.stacks import ParticleImages

        return ParticleImages(particles, self.project_folder)

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        """Load a map that an input slot refers to; ``name`` picks half_a, half_b or map_sharp of the same job."""
        from triskelion.io.mrc import read_volume

        return read_volume(resolve_input(self._project, reference, "volume", None if name == "map" else name))

    def read_mask(self, reference: str) -> Mask:
        """Load the mask that an input slot refers to."""
        from triskelion.io.mrc import read_mask

        return read_mask(resolve_input(self._project, reference, "mask"))

    def read_segmentation(self, reference: str) -> Segmentation:
        """Load the segmentation that an input slot refers to."""
        from triskelion.io.segmentation_npz import read_segmentation

        return read_segmentation(resolve_input(self._project, reference, "segmentation"))

    def read_parameters(self, reference: str) -> dict[str, Any] | None:
        """Return the type (as ``job_type``) and parameters of the job that an input slot refers to, None where that is a file."""
        paths = job_of_reference(self._project, reference)
        if paths is None:
            return None
        record = read_job(paths)
        return {"job_type": record.type, **record.parameters}

    def read_summary(self, reference: str) -> dict[str, Any] | None:
        """Return the figures of the job that an input slot refers to, None where that is a file."""
        paths = job_of_reference(self._project, reference)
        return None if paths is None else read_summary(paths)

    def read_region_edits(self, reference: str) -> tuple[Edit, ...]:
        """Return the edits of the regions of a segmentation job; none for a file."""
        paths = job_of_reference(self._project, reference)
        if paths is None:
            return ()
        stored = read_edits(paths.region_edits)
        if stored.warning:
            self.warn(stored.warning)
        return stored.edits

    def read_arrays(self, reference: str, name: str) -> dict[str, np.ndarray]:
        """Load ``<name>.npz`` of the job that an input slot refers to; raise InputError where there is none."""
        paths = job_of_reference(self._project, reference)
        if paths is None:
            raise InputError(f"{reference} is a file, but the {name} of a job are wanted: give the job (J5)")
        path = paths.output(f"{name}.npz")
        if not is_zipfile(path):
            raise InputError(
                f"{paths.name} ({read_job(paths).type}) has no {path.name}: give a job that saves it, made by this version of the program"
            )
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}


def _anchor_images(particles: Particles, base: Path, project_folder: Path) -> Particles:
    """Rewrite paths, of images and of kept masks, that are relative to ``base``: relative to the project if inside it, else absolute."""

    def anchor(path: str) -> str:
        absolute = os.path.abspath(base / path)
        return os.path.relpath(absolute, project_folder) if Path(absolute).is_relative_to(project_folder) else absolute

    paths, inverse = np.unique(particles["image_path"], return_inverse=True)
    optics = tuple(replace(group, kept_mask=anchor(group.kept_mask)) if group.kept_mask else group for group in particles.optics)
    return particles.with_optics(optics).with_columns(image_path=np.array([anchor(str(path)) for path in paths])[inverse])
