"""Print the log of a job, and what is added to it."""

import time

import typer

from triskelion.api import Job


def print_log(job: Job, follow: bool) -> None:
    """Print log.txt; with ``follow``, go on until the job has ended."""
    offset = _print_from(job, 0)
    while follow and not job.status.is_over:
        time.sleep(0.3)
        offset = _print_from(job, offset)
    _print_from(job, offset)


def _print_from(job: Job, offset: int) -> int:
    if not job.log_path.exists():
        return offset
    with job.log_path.open("rb") as stream:
        stream.seek(offset)
        whole_lines = stream.read().rpartition(b"\n")
    typer.echo((whole_lines[0] + whole_lines[1]).decode("utf-8", errors="replace"), nl=False)
    return offset + len(whole_lines[0]) + len(whole_lines[1])
