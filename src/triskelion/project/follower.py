"""What a rank that is not the first sees of the world: it reads what the first reads, and leaves telling and saving to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from triskelion.errors import JobError
from triskelion.io.scratch import ScratchStore
from triskelion.project.context import Jobs, read_checkpoint
from triskelion.project.layout import JobPaths
from triskelion.project.reading import ProjectReader
from triskelion.ranks import Ranks


class SilentProgress:
    """A bar that nobody sees."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""


class FollowerContext(ProjectReader):
    """``jobs.context.JobContext`` of a follower.

    Parameters
    ----------
    paths : JobPaths
    threads : int
        Processor cores this rank may use.
    ranks : Ranks
    """

    def __init__(self, paths: JobPaths, threads: int, ranks: Ranks):
        super().__init__(paths.project)
        self.folder, self.threads, self.ranks = paths.folder, threads, ranks
        self._paths = paths

    def _leave_to_the_first(self, *arguments: Any, **named: Any) -> None:
        """Do nothing."""

    log = warn = plot = summarize = save_checkpoint = _leave_to_the_first
    save_particles = save_volume = save_segmentation = save_json = save_arrays = save_text = _leave_to_the_first

    @contextmanager
    def progress(self, total: int, title: str) -> Iterator[SilentProgress]:
        """Show nothing."""
        yield SilentProgress()

    def open_scratch(self) -> ScratchStore:
        """Open room on the disk of the job."""
        return ScratchStore(self.folder)

    def load_checkpoint(self) -> dict[str, np.ndarray] | None:
        """Return the newest checkpoint, or None."""
        return read_checkpoint(self._paths)

    def run_children(self, jobs: Jobs) -> Iterator[tuple[int, str | JobError]]:
        """Jobs that start others are run by one process."""
        raise JobError(f"several ranks cannot start {jobs[0][0]} together: run this job with one")
