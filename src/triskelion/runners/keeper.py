"""The keeper of the queue: ``python -m triskelion.runners.keeper``, one process for one person on one machine.

It starts queued jobs when their inputs and the room for them are there, and writes down what became of jobs that could not say so
themselves. It lives while there is something to look after. It may die at any time: all it knows is in the projects' files, and the next
command in a project, or the next job that ends, starts another (``tend_queue``).
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from triskelion.devices import MEMORY_VARIABLE
from triskelion.errors import DataError
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.status import read_status, read_written_status, write_status
from triskelion.project.submission import Submission, leave_queue, list_queue, read_submission
from triskelion.runners.host import HostPaths, host_name
from triskelion.runners.lanes import Lane, SlurmLane, read_lanes
from triskelion.runners.local_lane import LocalLaneKeeper
from triskelion.runners.queue import Entry
from triskelion.runners.slurm_lane import TEMPLATE, SlurmLaneKeeper, tell_why_stopped

KEEPER = (sys.executable, "-P", "-m", "triskelion.runners.keeper")
PASS_S = 0.5
SHARE_OF_A_CORE = 0.02  # hundreds of waiting jobs take tens of milliseconds to look at
_FIRST_PASS_S = 10.0


class Keeper:
    """Looks after the queues of all projects that this machine knows of."""

    def __init__(self, host: HostPaths):
        self._host = host
        self._local = LocalLaneKeeper()
        self._slurm = SlurmLaneKeeper()

    def advance(self) -> None:
        """Look at every job in the queues once."""
        self._local.reap()
        lanes: dict[tuple[str, str], Lane] = {}
        entries: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for project in self._host.list_projects():
            try:
                self._collect(project, lanes, entries)
            except Exception as error:
                logging.exception("project %s", project.folder)
                _note_all(project, str(error))
        for key, found in entries.items():
            found.sort(key=lambda entry: entry.submission.submitted)
            lane = lanes[key]
            try:
                if isinstance(lane, SlurmLane):
                    self._slurm.advance(key[1], lane, find_template(key[0], lane), found)
                else:
                    self._local.advance(key[1], lane, found)
            except Exception as error:  # one lane must not hold up the others
                logging.exception("lane %s", key[1])
                for entry in found:
                    entry.note(str(error))

    def is_idle(self) -> bool:
        """Whether no queue holds a job of this machine; projects whose queues are empty are forgotten."""
        idle = True
        for project in self._host.list_projects():
            if has_entries(project):
                idle = False
            else:
                self._host.forget(project)
                if has_entries(project):  # somebody was quick
                    self._host.register(project)
                    idle = False
        return idle

    def _collect(self, project: ProjectPaths, lanes: dict[tuple[str, str], Lane], entries: dict[tuple[str, str], list[Entry]]) -> None:
        described = read_lanes(project)
        for entry in list_entries(project):
            lane = described.lanes.get(entry.submission.lane)
            if is_over(entry, lane):
                if tell_why_stopped(entry):
                    leave_queue(entry.paths)
            elif lane is None:
                entry.note(f"waits for a lane {entry.submission.lane}: there is none of this name in lanes.toml any more")
            else:
                key = described.slots_key(entry.submission.lane)
                lanes[key] = lane
                entries[key].append(entry)


def is_over(entry: Entry, lane: Lane | None) -> bool:
    """Whether a job is over; a worker of this machine that vanished is written down, of one in a cluster SLURM knows better."""
    try:
        written = read_written_status(entry.paths)
    except DataError as error:  # nobody can go on with it before the doctor has been there
        logging.warning("%s", error)
        return True
    if entry.status.is_over and not written.is_over and not isinstance(lane, SlurmLane):
        write_status(entry.paths, entry.status)
        return True
    return written.is_over


def find_template(file: str, lane: SlurmLane) -> Path:
    """Return the template of a lane that is described in ``file``."""
    return TEMPLATE if lane.template is None else Path(file).parent / lane.template


def list_entries(project: ProjectPaths) -> list[Entry]:
    """Return the jobs in the queue of a project that this machine looks after; entries of jobs that are gone are removed."""
    found = []
    for paths in list_queue(project):
        if not paths.folder.is_dir():
            leave_queue(paths)
            continue
        submission = _read_ours(paths)
        if submission is not None:
            found.append(Entry(paths, submission, read_status(paths)))
    return found


def has_entries(project: ProjectPaths) -> bool:
    """Whether this machine has to look after a job of a project."""
    return any(_read_ours(paths) is not None for paths in list_queue(project))


def _read_ours(paths: JobPaths) -> Submission | None:
    """Read a submission of this machine; one that is damaged is the doctor's to tell."""
    try:
        submission = read_submission(paths)
    except DataError as error:
        logging.warning("%s", error)
        return None
    return submission if submission is not None and submission.host == host_name() else None


def _note_all(project: ProjectPaths, text: str) -> None:
    """Say at every job of a project why nothing goes on."""
    for entry in list_entries(project):
        entry.note(text)


def tend_queue(project: ProjectPaths) -> None:
    """See to it that a keeper lives, if the queue of the project holds jobs of this machine, and that it has looked at them."""
    if not has_entries(project):
        return
    host = HostPaths.here()
    host.register(project)
    if host.lock.is_held():
        return
    before = _read_last_pass(host)
    with host.log.open("ab") as log:
        process = subprocess.Popen(KEEPER, cwd="/", env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    threading.Thread(target=process.wait, daemon=True).start()  # a program that lives longer must not keep its remains
    deadline = time.monotonic() + _FIRST_PASS_S
    while _read_last_pass(host) == before and time.monotonic() < deadline:
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    """What a job was given by a lane is not for the jobs that the keeper starts after it."""
    return {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", MEMORY_VARIABLE)}


def _read_last_pass(host: HostPaths) -> float | None:
    return host.last_pass.stat().st_mtime_ns if host.last_pass.exists() else None


def main() -> int:
    """Keep the queue until there is none; one who finds another keeper at work leaves at once."""
    host = HostPaths.here()
    host.folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    keeper, lock = Keeper(host), host.lock
    while lock.acquire():
        try:
            while True:
                before = time.process_time()
                keeper.advance()
                host.last_pass.touch()
                if keeper.is_idle():
                    break
                time.sleep(max(PASS_S, (time.process_time() - before) / SHARE_OF_A_CORE))
        finally:
            lock.release()
        if keeper.is_idle():  # looked at again after the lock was given back: who came between has found no keeper, and starts one
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
