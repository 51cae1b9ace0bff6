"""Give jobs to a lane: they wait in its queue for their inputs and for room, and run when both are there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.status import read_status
from triskelion.project.store import JobRecord, read_job
from triskelion.project.submission import enter_queue, list_unfinished_inputs, read_submission
from triskelion.runners.base import EXIT_INPUT, require_success
from triskelion.runners.host import HostPaths
from triskelion.runners.keeper import find_template, tend_queue
from triskelion.runners.lanes import SlurmLane, read_lanes
from triskelion.runners.local import WORKER
from triskelion.runners.queue import build_submission
from triskelion.runners.slurm_lane import render_script

_WORD_S = 15.0


@dataclass(frozen=True)
class LaneRunner:
    """Puts jobs into the queue of a lane.

    Attributes
    ----------
    lane : str or None
        Its name; None for the default lane.
    asked : mapping of str to str
        ``gpus``, ``memory_GB``, and variables of the lane's template, for these jobs.
    worker : tuple of str
        The command that runs a job folder.
    """

    lane: str | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    worker: tuple[str, ...] = WORKER
    waits_for_inputs: ClassVar[bool] = True

    def admit(self, project: ProjectPaths, record: JobRecord) -> None:
        """Raise InputError where the lane does not exist, could never hold the job, or its template wants what is not given."""
        lanes = read_lanes(project)
        name, lane = lanes.find(self.lane)
        submission = build_submission(record, name, lane, self.asked, self.worker)
        if isinstance(lane, SlurmLane):
            render_script(project.job("J0"), record.type, submission, lane, find_template(lanes.slots_key(name)[0], lane))

    def start(self, paths: JobPaths) -> None:
        """Put a job into the queue and return when the lane has said what comes of it.

        Raises
        ------
        JobFailed
            The lane refused it.
        """
        self.enqueue(paths)
        tend_queue(paths.project)
        deadline = time.monotonic() + _WORD_S
        while time.monotonic() < deadline:
            status = read_status(paths)
            if status.state == "failed":
                require_success(paths, EXIT_INPUT)
            if status.state != "queued" or status.message:
                return
            time.sleep(0.05)

    def enqueue(self, paths: JobPaths) -> None:
        """Put a job into the queue, for a keeper to find."""
        name, lane = read_lanes(paths.project).find(self.lane)
        submission = build_submission(read_job(paths), name, lane, self.asked, self.worker)
        enter_queue(paths, replace(submission, waits_for=list_unfinished_inputs(paths)))
        HostPaths.here().register(paths.project)

    def run(self, paths: JobPaths) -> None:
        """Put a job into the queue and wait until it is completed; whoever stops waiting does not stop the job."""
        self.start(paths)
        tended = time.monotonic()
        while not read_status(paths).is_over:
            time.sleep(0.2)
            if time.monotonic() - tended > _WORD_S:
                tended = time.monotonic()
                tend_queue(paths.project)
        require_success(paths, EXIT_INPUT)


def find_lane_of(paths: JobPaths) -> LaneRunner | None:
    """Return what gives a job to the lane it was on, asking for the same; None for one that never was on a lane."""
    submission = read_submission(paths)
    if submission is None:
        return None
    return LaneRunner(submission.lane, submission.asked, tuple(submission.worker))
