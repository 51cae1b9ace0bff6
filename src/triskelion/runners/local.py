"""Run jobs on this machine, each in a worker process of its own: memory is given back, a crash hurts one job only."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from triskelion.devices import available_threads
from triskelion.errors import DataError, JobCancelled
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.status import read_written_status, write_status
from triskelion.project.store import JobRecord, read_job
from triskelion.project.submission import read_submission
from triskelion.runners.base import EXIT_DEFECT, require_success

WORKER = (sys.executable, "-P", "-m", "triskelion.runners.worker")  # -P: files of the current folder must not pass for modules


@dataclass(frozen=True)
class LocalRunner:
    """Starts worker processes.

    Attributes
    ----------
    show : bool
        Show log and progress of jobs that are waited for.
    worker : tuple of str
        The command that runs a job folder.
    """

    show: bool = True
    worker: tuple[str, ...] = WORKER
    waits_for_inputs: ClassVar[bool] = False

    def admit(self, project: ProjectPaths, record: JobRecord) -> None:
        """Take every job."""

    def run(self, paths: JobPaths) -> None:
        """Run a job and wait for it; an interrupt is passed on to it."""
        process = subprocess.Popen(self._command(paths, self.show), env=_environment(paths))
        with _pass_on_termination(process):
            exit_code = _wait(process)
        record_sudden_end(paths, process)
        require_success(paths, exit_code if exit_code > 0 else EXIT_DEFECT)

    def start(self, paths: JobPaths) -> None:
        """Start a detached worker: it goes on when this program ends, and writes to its log only."""
        process = start_worker(paths, self.worker)
        threading.Thread(target=_watch, args=(paths, process), daemon=True).start()

    def _command(self, paths: JobPaths, show: bool) -> list[str]:
        return [*self.worker, *([] if show else ["--quiet"]), str(paths.folder)]


def start_worker(paths: JobPaths, worker: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen:
    """Start a worker that outlives this program and writes to its log only."""
    with paths.log.open("ab") as log:
        return subprocess.Popen(
            [*worker, "--quiet", str(paths.folder)],
            env={**_environment(paths), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _environment(paths: JobPaths) -> dict[str, str]:
    """The environment of a worker: numerical libraries read their number of threads when they are loaded.

    Threads that wait sleep: by default they spin, which on a hinge set took 40 % of the job's processor time and made it no faster.
    """
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **thread_variables(allowed_threads(paths))}


def thread_variables(threads: int) -> dict[str, str]:
    """Variables that give numerical libraries so many threads."""
    return {"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}


def _watch(paths: JobPaths, process: subprocess.Popen) -> None:
    process.wait()
    record_sudden_end(paths, process)


def _wait(process: subprocess.Popen) -> int:
    """Wait for a worker; an interrupt or cancellation is passed on and the worker given the time to end in order."""
    while True:
        try:
            return process.wait()
        except (KeyboardInterrupt, JobCancelled):
            process.terminate()


@contextmanager
def _pass_on_termination(process: subprocess.Popen) -> Iterator[None]:
    """Pass SIGTERM and SIGHUP on to the worker while the block runs (only the main thread may catch them)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: process.terminate()) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def record_sudden_end(paths: JobPaths, process: subprocess.Popen) -> None:
    """Write the last state of a job whose worker has ended without doing so."""
    try:
        status = read_written_status(paths)
    except DataError:  # the doctor's to mend
        return
    mine = status.state == "queued" or (status.state == "running" and status.pid == process.pid)
    if not mine:
        return
    number = -process.returncode
    why = f"signal {signal.Signals(number).name}" if number > 0 else f"exit code {process.returncode}"
    hint = " (often: out of memory)" if number == signal.SIGKILL else ""
    state = "killed" if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) else "failed"
    message = f"the worker ended suddenly with {why}{hint}; see {paths.log}"
    write_status(paths, replace(status, state=state, message=message, ended=time.time()))


def allowed_threads(paths: JobPaths) -> int:
    """Processor cores a job may use: as many as it was told, as its lane gave it, or all."""
    submission = read_submission(paths)
    return read_job(paths).threads or (submission.cpus if submission else 0) or available_threads()
