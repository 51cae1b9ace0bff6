"""Run jobs on this machine, each in a worker process of its own: memory is given back, a crash hurts one job only."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from triskelion.devices import available_threads
from triskelion.errors import JobCancelled, JobError
from triskelion.project.layout import JobPaths
from triskelion.project.status import process_exists, read_status, read_written_status, write_status
from triskelion.project.store import read_job
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

    def run(self, paths: JobPaths) -> None:
        """Run a job and wait for it; an interrupt is passed on to it."""
        process = subprocess.Popen(self._command(paths, self.show), env=_environment(paths))
        with _pass_on_termination(process):
            exit_code = _wait(process)
        _record_sudden_end(paths, process)
        require_success(paths, exit_code if exit_code > 0 else EXIT_DEFECT)

    def start(self, paths: JobPaths) -> None:
        """Start a detached worker: it goes on when this program ends, and writes to its log only."""
        with paths.log.open("ab") as log:
            process = subprocess.Popen(
                self._command(paths, show=False),
                env=_environment(paths),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        threading.Thread(target=_watch, args=(paths, process), daemon=True).start()

    def _command(self, paths: JobPaths, show: bool) -> list[str]:
        return [*self.worker, *([] if show else ["--quiet"]), str(paths.folder)]


def _environment(paths: JobPaths) -> dict[str, str]:
    """Numerical libraries read their number of threads when they are loaded, so the worker must be born with it.

    Threads that wait sleep: by default they spin, which on a hinge set took 40 % of the job's processor time and made it no faster.
    """
    threads = str(read_job(paths).threads or available_threads())
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}


def _watch(paths: JobPaths, process: subprocess.Popen) -> None:
    process.wait()
    _record_sudden_end(paths, process)


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


def _record_sudden_end(paths: JobPaths, process: subprocess.Popen) -> None:
    """Write the last state of a job whose worker has ended without doing so."""
    status = read_written_status(paths)
    mine = status.state == "queued" or (status.state == "running" and status.pid == process.pid)
    if not mine:
        return
    number = -process.returncode
    why = f"signal {signal.Signals(number).name}" if number > 0 else f"exit code {process.returncode}"
    hint = " (often: out of memory)" if number == signal.SIGKILL else ""
    state = "killed" if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) else "failed"
    message = f"the worker ended suddenly with {why}{hint}; see {paths.log}"
    write_status(paths, replace(status, state=state, message=message, ended=time.time()))


def kill_job(paths: JobPaths, patience_s: float = 20.0) -> None:
    """Stop a job: in order if it answers within ``patience_s``, by force if not.

    Raises
    ------
    JobError
        The job has ended already, or its worker on another machine has not answered yet.
    """
    status = read_status(paths)
    if status.is_over:
        raise JobError(f"{paths.name} is {status.state} already")
    paths.kill_request.touch()
    if status.state != "running":
        write_status(paths, replace(status, state="killed", message="killed before it started", ended=time.time()))
        return
    if status.is_local and status.pid is not None and process_exists(status.pid):
        os.kill(status.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if read_status(paths).is_over:
            return
        time.sleep(0.05)
    if not (status.is_local and status.pid is not None):
        raise JobError(f"{paths.name} on {status.host} was asked to stop and has not answered yet: it will at its next step")
    os.kill(status.pid, signal.SIGKILL)
    write_status(paths, replace(status, state="killed", message="killed by force: it did not answer", ended=time.time()))
