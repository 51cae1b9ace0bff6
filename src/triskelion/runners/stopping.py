"""Stop a job, wherever it is: waiting in the queue, at work on this machine, on another, or in a cluster."""

import os
import signal
import time
from dataclasses import replace

from triskelion.errors import JobError
from triskelion.project.layout import JobPaths
from triskelion.project.processes import process_exists
from triskelion.project.status import JobStatus, read_status, write_status
from triskelion.project.submission import read_submission
from triskelion.runners.slurm import SlurmAway, SlurmRefused, cancel, read_states


def kill_job(paths: JobPaths, patience_s: float = 20.0) -> None:
    """Stop a job: in order if it answers within ``patience_s``, by force if not.

    Raises
    ------
    JobError
        The job has ended already, its worker on another machine has not answered yet, or SLURM does not cancel it.
    """
    status = read_status(paths)
    if status.is_over:
        raise JobError(f"{paths.name} is {status.state} already")
    slurm_id = _slurm_id(paths)
    paths.kill_request.touch()
    if slurm_id is not None:
        cancel(slurm_id)
    if status.state != "running":
        _write_killed(paths, status, "killed before it started")
        return
    if status.is_local and status.pid is not None and process_exists(status.pid):
        os.kill(status.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if read_status(paths).is_over:
            return
        time.sleep(0.05)
    if slurm_id is not None and _has_ended(slurm_id):
        _write_killed(paths, status, "cancelled in SLURM: it did not answer")
        return
    if not (status.is_local and status.pid is not None):
        raise JobError(f"{paths.name} on {status.host} was asked to stop and has not answered yet: it will at its next step")
    os.kill(status.pid, signal.SIGKILL)
    _write_killed(paths, status, "killed by force: it did not answer")


def _write_killed(paths: JobPaths, status: JobStatus, message: str) -> None:
    write_status(paths, replace(status, state="killed", message=message, ended=time.time()))


def _slurm_id(paths: JobPaths) -> str | None:
    """Return the number of a job that SLURM has, None for any other."""
    submission = read_submission(paths) if paths.queue_entry.exists() else None
    return None if submission is None else submission.slurm_id


def _has_ended(slurm_id: str) -> bool:
    try:
        state = read_states([slurm_id]).get(slurm_id)
    except (SlurmAway, SlurmRefused):
        return False
    return state is None or state.word not in ("RUNNING", "COMPLETING", "SUSPENDED", "PENDING")
