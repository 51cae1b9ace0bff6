"""Jobs that a job on a slurm lane starts, as a job array, side by side: each task runs one, and asks for what was asked for the starting job.

``array.json`` in the folder of the starting job lists them and holds SLURM's number, so that tasks know what they run, and a job that is resumed
cancels what is left of the array that it had begun before.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from triskelion.errors import DataError, JobError
from triskelion.project.layout import JobPaths
from triskelion.project.plain_json import read_json, write_json, write_text
from triskelion.project.status import read_status, requeue_job, write_status
from triskelion.project.store import read_job
from triskelion.project.submission import Submission, read_submission, write_submission
from triskelion.runners.keeper import find_template
from triskelion.runners.lanes import SlurmLane, read_lanes
from triskelion.runners.queue import build_submission
from triskelion.runners.slurm import SlurmAway, SlurmState, cancel, read_array, submit
from triskelion.runners.slurm_lane import AT_WORK, ENDS, WAITING, render_script

LOOK_S = 1.0
CANCELLED_S = 60.0  # that tasks may need to end


def find_array_lane(paths: JobPaths) -> tuple[Submission, SlurmLane] | None:
    """Return what a job asked of its lane, where that runs the jobs it starts as arrays; None elsewhere.

    Raises
    ------
    InputError
        The lane is not described where this node looks.
    """
    submission = read_submission(paths)
    if submission is None or "SLURM_JOB_ID" not in os.environ:
        return None
    _, lane = read_lanes(paths.project).find(submission.lane)
    return (submission, lane) if isinstance(lane, SlurmLane) and lane.arrays else None


def find_task(parent: JobPaths) -> JobPaths:
    """Return the job that this task of an array runs."""
    return parent.project.job(read_json(parent.array)["jobs"][int(os.environ["SLURM_ARRAY_TASK_ID"])])


def run_array(parent: JobPaths, children: Sequence[JobPaths], check_cancelled: Callable[[], None]) -> Iterator[JobPaths]:
    """Run jobs as the tasks of an array; yield each that is over, well or badly.

    Raises
    ------
    JobError
        The starting job is not on a lane with arrays, or SLURM does not take this one.
    """
    found = find_array_lane(parent)
    if found is None:
        raise JobError(f"{parent.name} is not on a slurm lane with arrays")
    _cancel_earlier_array(parent)
    waiting = [child for child in children if read_status(child).state != "completed"]
    yield from (child for child in children if child not in waiting)
    if not waiting:
        return
    array = _submit(parent, waiting, *found)
    try:
        while waiting:
            check_cancelled()
            time.sleep(LOOK_S)
            array.look_after(waiting)
            over = [child for child in waiting if read_status(child).is_over]
            waiting = [child for child in waiting if child not in over]
            yield from over
    finally:
        if waiting:
            _stop(array.slurm_id, waiting)


class _Array:
    """An array that SLURM has taken."""

    def __init__(self, slurm_id: str, children: Sequence[JobPaths], lane: SlurmLane):
        self.slurm_id, self._lane = slurm_id, lane
        self._task_of = {child: task for task, child in enumerate(children)}
        self._asked_at = time.monotonic()
        self._ended_since: dict[JobPaths, float] = {}

    def look_after(self, waiting: Sequence[JobPaths]) -> None:
        """Write down what SLURM says of tasks that cannot say it themselves."""
        if time.monotonic() - self._asked_at < self._lane.poll_s:
            return
        self._asked_at = time.monotonic()
        try:
            states = read_array(self.slurm_id)
        except SlurmAway:
            return
        for child in waiting:
            self._follow(child, states.get(self._task_of[child]))

    def _follow(self, child: JobPaths, state: SlurmState | None) -> None:
        submission = read_submission(child)
        if state is not None and state.word in WAITING | AT_WORK:
            note = f"SLURM {self.slurm_id}_{self._task_of[child]}: {state.word.lower()} ({state.nodes or state.reason})"
            if submission is not None and submission.note != note:
                write_submission(child, replace(submission, note=note))
            return
        since = self._ended_since.setdefault(child, time.monotonic())
        known = state is not None and state.word in ENDS
        if known or time.monotonic() - since >= self._lane.settle_s:
            status = read_status(child)
            if not status.is_over:
                word, message = ENDS[state.word] if state is not None and known else ("failed", f"its task ended suddenly; see {child.log}")
                write_status(child, replace(status, state=word, message=message, ended=time.time()))


def _submit(parent: JobPaths, children: Sequence[JobPaths], given: Submission, lane: SlurmLane) -> _Array:
    """Hand the jobs to SLURM."""
    for child in children:
        if read_status(child).is_over:
            requeue_job(child)
    wanted = [build_submission(read_job(child), given.lane, lane, given.asked, tuple(given.worker)) for child in children]
    most = max(wanted, key=lambda each: (each.cpus, each.gpus, each.memory_GB))  # one request for all tasks
    template = find_template(read_lanes(parent.project).slots_key(given.lane)[0], lane)
    runs_task = replace(most, worker=[*given.worker, "--array"])
    script = render_script(parent, read_job(children[0]).type, runs_task, lane, template, exit_code=os.devnull)
    write_text(parent.array_script, script)
    jobs = [child.name for child in children]
    write_json(parent.array, {"jobs": jobs, "slurm_id": None})
    slurm_id = submit(str(parent.array_script), array=f"0-{len(jobs) - 1}" + (f"%{lane.at_once}" if lane.at_once else ""))
    write_json(parent.array, {"jobs": jobs, "slurm_id": slurm_id})
    for task, (child, asked) in enumerate(zip(children, wanted, strict=True)):
        write_submission(child, replace(asked, slurm_id=f"{slurm_id}_{task}", note=f"SLURM {slurm_id}_{task}: submitted"))
    return _Array(slurm_id, children, lane)


def _cancel_earlier_array(parent: JobPaths) -> None:
    """Cancel what is left of an array that was begun before the job was interrupted, and see it end: its jobs go on in the next one."""
    try:
        before = read_json(parent.array) if parent.array.exists() else {}
    except DataError:
        before = {}
    if not before.get("slurm_id"):
        return
    children = [parent.project.job(name) for name in before["jobs"]]
    _stop(before["slurm_id"], children)
    deadline = time.monotonic() + CANCELLED_S
    while time.monotonic() < deadline and any(state.word in AT_WORK for state in read_array(before["slurm_id"]).values()):
        time.sleep(LOOK_S)
    for child in children:
        if not read_status(child).is_over:
            _write_stopped(child)


def _stop(slurm_id: str, children: Sequence[JobPaths]) -> None:
    """Cancel an array; jobs that run are told by SLURM, and write how they end themselves."""
    cancel(slurm_id)
    for child in children:
        if read_status(child).state == "queued":
            _write_stopped(child)


def _write_stopped(child: JobPaths) -> None:
    write_status(child, replace(read_status(child), state="killed", message="stopped with the job that had started it", ended=time.time()))
