"""All that a job sees of the world; project/ implements it, tests may do so in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from triskelion.data.images import ArrayStore, ImageSource
from triskelion.data.particles import Particles
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import JobError
from triskelion.masks.regions import Edit
from triskelion.ranks import Ranks


class Progress(Protocol):
    """A bar that moves."""

    def advance(self, steps: int = 1) -> None:
        """Say that ``steps`` more are done."""
        ...


class JobContext(Protocol):
    """The calls a job may make."""

    folder: Path  # the job's own folder
    project_folder: Path  # relative paths in tables are relative to it
    threads: int  # processor cores this process may use
    ranks: Ranks  # the processes that share the job, and which of them this is

    def log(self, message: str) -> None:
        """Write a line to the log."""
        ...

    def warn(self, message: str) -> None:
        """Write a warning to log, summary and report."""
        ...

    def progress(self, total: int, title: str) -> AbstractContextManager[Progress]:
        """Show a progress bar while the block runs; cancellation is noticed in ``advance``."""
        ...

    def plot(self, name: str, data: dict[str, Any], iteration: int | None = None) -> None:
        """Save a diagnostic: ``data`` as JSON, and the PNG that ``plots.registry`` draws from it."""
        ...

    def read_particles(self, reference: str) -> Particles:
        """Load the particles that an input slot refers to."""
        ...

    def open_images(self, particles: Particles) -> ImageSource:
        """Open the images of a particle table."""
        ...

    def open_scratch(self) -> ArrayStore:
        """Open room on the disk of the job for arrays that do not fit into memory; it is gone when the job ends."""
        ...

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        """Load a map that an input slot refers to; ``name`` picks map, half_a, half_b or map_sharp of a job."""
        ...

    def read_mask(self, reference: str) -> Mask:
        """Load the mask that an input slot refers to."""
        ...

    def read_segmentation(self, reference: str) -> Segmentation:
        """Load the segmentation that an input slot refers to."""
        ...

    def read_parameters(self, reference: str) -> dict[str, Any] | None:
        """Return the type (as ``job_type``) and parameters of the job that an input slot refers to, None where that is a file."""
        ...

    def read_arrays(self, reference: str, name: str) -> dict[str, np.ndarray]:
        """Load ``<name>.npz`` of the job that an input slot refers to."""
        ...

    def read_summary(self, reference: str) -> dict[str, Any] | None:
        """Return the figures of the job that an input slot refers to, None where that is a file."""
        ...

    def read_region_edits(self, reference: str) -> tuple[Edit, ...]:
        """Return what people did to the regions of the segmentation job that an input slot refers to; nothing where that is a file."""
        ...

    def save_particles(self, particles: Particles, name: str = "particles") -> None:
        """Save ``<name>.star``."""
        ...

    def save_volume(self, volume: Volume | Mask, name: str, iteration: int | None = None) -> None:
        """Save ``<name>.mrc`` (under ``iterations/`` where an iteration is given)."""
        ...

    def save_segmentation(self, segmentation: Segmentation, name: str = "segmentation") -> None:
        """Save ``<name>.npz``."""
        ...

    def save_json(self, name: str, data: dict[str, Any]) -> None:
        """Save ``<name>.json``."""
        ...

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Save ``<name>.npz``."""
        ...

    def save_text(self, filename: str, text: str) -> None:
        """Save a text file."""
        ...

    def summarize(self, **figures: Any) -> None:
        """Add figures to summary.json (resolution_A, b_factor_A2, iterations, n_particles ...)."""
        ...

    def save_checkpoint(self, state: dict[str, np.ndarray]) -> None:
        """Keep what a resumed job needs (one checkpoint: the newest)."""
        ...

    def load_checkpoint(self) -> dict[str, np.ndarray] | None:
        """Return the newest checkpoint, or None in a job that has none."""
        ...

    def run_children(self, jobs: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[int, str | JobError]]:
        """Run other jobs of the project (type and parameters), none of which waits for another: side by side where the lane can.

        Yields, as they end, which of them it was and its name (``J7``), or why it failed.
        """
        ...
