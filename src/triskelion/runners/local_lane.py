"""A local lane: queued jobs become worker processes of this machine while its slots last."""

import subprocess
import time

from triskelion.devices import MEMORY_VARIABLE
from triskelion.errors import DataError
from triskelion.project.layout import JobPaths
from triskelion.project.processes import process_exists
from triskelion.project.submission import read_submission
from triskelion.runners.lanes import LocalLane
from triskelion.runners.local import record_sudden_end, start_worker
from triskelion.runners.queue import Entry, list_awaited, name_awaited
from triskelion.runners.slots import Slots

_SLOW_START_S = 60.0  # a start that was not finished after this long never will be


class LocalLaneKeeper:
    """Starts what has room, and knows the processes it started."""

    def __init__(self):
        self._processes: dict[JobPaths, subprocess.Popen] = {}

    def reap(self) -> None:
        """Take note of workers that have ended; those that did so without a word have failed."""
        for paths, process in list(self._processes.items()):
            if process.poll() is None:
                continue
            del self._processes[paths]
            try:
                submission = read_submission(paths) if paths.folder.is_dir() else None
            except DataError:  # the doctor's to tell
                continue
            if submission is not None and submission.pid == process.pid:  # it may have been given to a lane again
                record_sudden_end(paths, process)

    def advance(self, name: str, lane: LocalLane, entries: list[Entry]) -> None:
        """Look at running jobs, then start those that are ready, in the order they came."""
        slots = Slots(lane)
        for entry in entries:
            if entry.submission.started is not None:
                slots.hold(entry.submission)
                self._look_after(entry)
        for entry in entries:
            if entry.submission.started is not None:
                continue
            awaited = list_awaited(entry)
            if awaited is None:
                continue
            if awaited:
                entry.note(name_awaited(awaited))
                continue
            lacking = slots.find_lacking(entry.submission)
            gpu_ids = slots.take(entry.submission)
            if gpu_ids is None:
                entry.note(f"waits for room on {name}: {'; '.join(lacking)}")
            else:
                self._start(entry, gpu_ids)

    def _start(self, entry: Entry, gpu_ids: list[str]) -> None:
        """Start a worker; that this was begun is written first, so that a job is never started twice."""
        entry.record(started=time.time(), gpu_ids=gpu_ids, note="starts")
        before = self._processes.pop(entry.paths, None)
        if before is not None:  # killed before it had begun, and resumed at once: two must not run
            before.kill()
            before.wait()
        try:
            given = {"CUDA_VISIBLE_DEVICES": ",".join(gpu_ids), MEMORY_VARIABLE: f"{entry.submission.memory_GB:g}"}
            process = start_worker(entry.paths, entry.submission.worker, given)
        except (DataError, OSError) as error:
            entry.end("failed", f"the worker could not be started: {error}")
            return
        self._processes[entry.paths] = process
        entry.record(pid=process.pid)

    def _look_after(self, entry: Entry) -> None:
        """Notice that a worker is gone which an earlier keeper started."""
        if entry.paths in self._processes:
            return
        if entry.status.state == "queued" and not self._may_come(entry):
            entry.end("failed", f"the worker ended before it could say why; see {entry.paths.log}")

    def _may_come(self, entry: Entry) -> bool:
        pid, started = entry.submission.pid, entry.submission.started
        if pid is not None:
            return process_exists(pid)
        return time.time() - (started or 0.0) < _SLOW_START_S


def describe_room(lane: LocalLane, held: list[Entry]) -> str:
    """Say what of a lane is free: ``4 of 16 cores, 1 of 2 GPUs, 40 of 120 GB free``."""
    slots = Slots(lane)
    for entry in held:
        slots.hold(entry.submission)
    cpus, gpus, memory_GB = (max(number, 0) for number in slots.free.values())
    return f"{cpus:g} of {lane.cpus} cores, {gpus:g} of {len(lane.gpus)} GPUs, {memory_GB:.4g} of {lane.memory_GB:.4g} GB free"
