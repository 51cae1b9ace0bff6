"""What a runner is: something that gets a worker to run a job folder."""

from typing import ClassVar, Protocol

from triskelion.errors import JobCancelled, JobError
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.status import read_status
from triskelion.project.store import JobRecord

EXIT_COMPLETED, EXIT_DEFECT, EXIT_INPUT, EXIT_KILLED = 0, 1, 2, 130


class JobFailed(JobError):
    """A job ended badly.

    Attributes
    ----------
    exit_code : int
        2 where the input was at fault, 1 where the program was, 130 where it was killed.
    """

    exit_code = EXIT_DEFECT

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class JobKilled(JobFailed, JobCancelled):
    """A job was asked to stop; whoever waits for it stops too."""

    def __init__(self, message: str):
        super().__init__(message, EXIT_KILLED)


class Runner(Protocol):
    """Runs jobs that are queued."""

    waits_for_inputs: ClassVar[bool]  # whether it takes jobs whose inputs are still being made

    def admit(self, project: ProjectPaths, record: JobRecord) -> None:
        """Raise InputError where it could never run a job, before the job is made."""
        ...

    def run(self, paths: JobPaths) -> None:
        """Run a job and wait for it; raise JobFailed unless it is completed."""
        ...

    def start(self, paths: JobPaths) -> None:
        """Get a job to run and return at once."""
        ...


def require_success(paths: JobPaths, exit_code: int) -> None:
    """Raise JobFailed unless the job, which has ended, is completed."""
    status = read_status(paths)
    if status.state == "completed":
        return
    if status.state == "killed":
        raise JobKilled(f"{paths.name} was killed: {status.message}")
    raise JobFailed(f"{paths.name} failed: {status.message}", exit_code)
