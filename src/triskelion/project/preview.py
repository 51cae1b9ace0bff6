"""What a job would do, told without making it."""

from collections.abc import Mapping
from typing import Any

from triskelion.errors import InputError
from triskelion.jobs.registry import job_type
from triskelion.project.layout import ProjectPaths
from triskelion.project.parameters import build_parameters
from triskelion.project.reading import ProjectReader


class PreviewContext(ProjectReader):
    """Reads, and keeps what is said; it has no folder to write to."""

    def __init__(self, project: ProjectPaths):
        super().__init__(project)
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        """Keep a line."""
        self.lines.append(message)

    def warn(self, message: str) -> None:
        """Keep a line that says it is a warning."""
        self.lines.append(f"warning: {message}")


def preview_job(project: ProjectPaths, type_name: str, given: Mapping[str, Any]) -> list[str]:
    """Return what a job with these parameters would do, line by line; relative paths are relative to the project.

    Raises
    ------
    InputError
        A parameter or an input does not fit, or jobs of this type have no preview.
    JobError
        An input job does not exist or is not completed.
    """
    kind = job_type(type_name)
    if kind.preview is None:
        raise InputError(f"{type_name} has no preview: run it")
    context = PreviewContext(project)
    kind.preview(build_parameters(kind, given), context)
    return context.lines
