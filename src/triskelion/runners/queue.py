"""The queue: from a job that was made to a lane that looks after it, and what the lanes have in common."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from triskelion.errors import InputError
from triskelion.jobs.registry import job_type
from triskelion.project.context import append_log
from triskelion.project.events import append_event
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.status import JobStatus, read_status, write_status
from triskelion.project.store import JobRecord
from triskelion.project.submission import Submission, leave_queue, write_submission
from triskelion.runners.host import host_name
from triskelion.runners.lanes import Lane, LocalLane, SlurmLane
from triskelion.runners.slots import Slots


@dataclass
class Entry:
    """A job in the queue, as it was when it was looked at."""

    paths: JobPaths
    submission: Submission
    status: JobStatus

    def note(self, text: str) -> None:
        """Say what the job waits for; nothing is written where that is known."""
        if text != self.submission.note:
            self.record(note=text)

    def record(self, **changes: object) -> None:
        """Write down how far the lane has come with the job."""
        self.submission = replace(self.submission, **changes)
        write_submission(self.paths, self.submission)

    def end(self, state: Literal["failed", "killed"], message: str) -> None:
        """Write the last state of a job for which no worker will."""
        append_log(self.paths, f"{state}: {message}")
        append_event(self.paths.events, "state", state=state, message=message)
        write_status(self.paths, replace(self.status, state=state, message=message, ended=time.time()))
        leave_queue(self.paths)


def build_submission(record: JobRecord, lane_name: str, lane: Lane, asked: Mapping[str, str], worker: tuple[str, ...]) -> Submission:
    """Return what a job asks of a lane.

    A job takes the cores of its ``threads``, the memory of its ``memory_GB``, and GPUs where it has a ``device`` that may be one; what it
    does not say is the lane's share.

    Parameters
    ----------
    asked : mapping of str to str
        ``gpus`` and ``memory_GB`` replace those; the rest is for the template of the lane.

    Raises
    ------
    InputError
        What is asked for is no number, unknown to the lane, or more than it has.
    """
    share = lane.share()
    uses_gpu = record.parameters.get("device", "cpu") != "cpu"
    announced_GB = record.parameters.get("memory_GB")
    submission = Submission(
        lane=lane_name,
        host=host_name(),
        worker=list(worker),
        cpus=record.threads or share.cpus or 1,
        gpus=int(_read_number(asked, "gpus", (share.gpus or 0) if uses_gpu else 0)),
        memory_GB=_read_number(asked, "memory_GB", announced_GB or share.memory_GB or 0.0),
        submitted=time.time(),
        variables={name: value for name, value in asked.items() if name not in ("gpus", "memory_GB")},
        asked=dict(asked),
    )
    if isinstance(lane, SlurmLane) and lane.arrays and job_type(record.type).starts_jobs:
        submission = replace(submission, cpus=1, gpus=0)  # it waits for the jobs that it starts, which take what was asked for
    if isinstance(lane, LocalLane):
        if submission.variables:
            name = next(iter(submission.variables))
            raise InputError(f"got {name} asked of the lane {lane_name}: a local lane may be asked for gpus and memory_GB (cores with --threads)")
        lacking = Slots(lane).find_lacking(submission)
        if lacking:
            raise InputError(f"the lane {lane_name} will never have room for this job: {'; '.join(lacking)}, when nothing else runs")
    return submission


def _read_number(asked: Mapping[str, str], name: str, default: float) -> float:
    try:
        number = float(asked.get(name, default))
    except ValueError:
        number = -1.0
    if number < 0 or not math.isfinite(number) or (name == "gpus" and number != int(number)):
        raise InputError(f"got {name}={asked[name]}: wanted {'how many' if name == 'gpus' else 'a number'}")
    return number


def read_asked(typed: list[str]) -> dict[str, str]:
    """Turn ``["gpus=2", "time=4:00:00"]`` into a dictionary; raise InputError for what is not ``name=value``."""
    asked = {}
    for each in typed:
        name, equals, value = each.partition("=")
        if not (equals and name.isidentifier() and value):
            raise InputError(f"got --ask {each}: wanted name=value, as in --ask gpus=2 or --ask time=4:00:00")
        asked[name] = value
    return asked


def list_awaited(entry: Entry) -> list[JobPaths] | None:
    """Return the inputs of a queued job that are not completed yet; None where one never will be, and the job has failed for it."""
    project: ProjectPaths = entry.paths.project
    awaited = []
    for paths in map(project.job, entry.submission.waits_for):
        if not paths.folder.is_dir():
            entry.end("failed", f"its input {paths.name} is gone: it was deleted while this job waited for it")
            return None
        status = read_status(paths)
        if status.state in ("failed", "killed"):
            entry.end("failed", f"its input {paths.name} {'failed' if status.state == 'failed' else 'was killed'}: {status.message}")
            return None
        if status.state != "completed":
            awaited.append(paths)
    return awaited


def name_awaited(awaited: list[JobPaths]) -> str:
    """Say which inputs a job waits for."""
    return f"waits for {', '.join(paths.name for paths in awaited)}"
