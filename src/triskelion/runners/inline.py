"""Run jobs in the calling process: for tests and notebooks, where starting a process per job would cost more than the job."""

from dataclasses import dataclass
from typing import ClassVar

from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.screen import Screen
from triskelion.project.store import JobRecord
from triskelion.runners.base import require_success
from triskelion.runners.worker import run_job


@dataclass(frozen=True)
class InlineRunner:
    """Runs a job here and now. Memory figures are then those of the whole program.

    Attributes
    ----------
    show : bool
        Show log and progress.
    """

    show: bool = False
    waits_for_inputs: ClassVar[bool] = False

    def admit(self, project: ProjectPaths, record: JobRecord) -> None:
        """Take every job."""

    def run(self, paths: JobPaths) -> None:
        """Run a job and return when it is completed."""
        require_success(paths, run_job(paths, self, pid=None, screen=Screen() if self.show else None))

    def start(self, paths: JobPaths) -> None:
        """Run a job as ``run`` does: here nothing goes on by itself."""
        self.run(paths)
