"""status.json: the state of a job, and the heartbeat that tells a dead worker from a slow one."""

import socket
import threading
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from triskelion.errors import DataError, JobCancelled
from triskelion.project.layout import JobPaths
from triskelion.project.plain_json import overwrite_json, read_json, write_json
from triskelion.project.processes import process_exists, read_start

State = Literal["building", "queued", "running", "completed", "failed", "killed"]

HEARTBEAT_S = 2.0
DEAD_AFTER_S = 600.0  # a compiled kernel may hold the interpreter, and with it the heartbeat, for minutes


@dataclass(frozen=True)
class JobStatus:
    """What status.json says; times are seconds since 1970."""

    state: State = "building"
    message: str = ""
    progress: str = ""
    pid: int | None = None  # None: the job runs inside another program, which must not be signalled
    process_start: str = ""  # of that process
    host: str = ""
    started: float | None = None
    heartbeat: float | None = None
    ended: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, well or badly."""
        return self.state in ("completed", "failed", "killed")

    @property
    def is_local(self) -> bool:
        """Whether the worker runs on this machine and can be signalled."""
        return self.pid is not None and self.host == socket.gethostname()

    @property
    def wall_s(self) -> float | None:
        """Seconds since the start, up to the end if there was one."""
        if self.started is None:
            return None
        return max((self.ended or time.time()) - self.started, 0.0)  # clocks are set back now and then


def write_status(paths: JobPaths, status: JobStatus) -> None:
    """Write status.json."""
    write_json(paths.status, asdict(status))


def read_written_status(paths: JobPaths) -> JobStatus:
    """Read status.json as it stands, also where the worker that wrote it has vanished.

    Raises
    ------
    DataError
        It is damaged.
    """
    if not paths.status.exists():
        return JobStatus()
    try:
        return JobStatus(**read_json(paths.status))
    except TypeError as error:
        raise DataError(f"{paths.status} is not the status of a job: {error}") from error


def read_status(paths: JobPaths) -> JobStatus:
    """Return the state of a job; one whose worker has vanished is failed, whatever the file says, and so is one whose file is damaged."""
    try:
        status = read_written_status(paths)
        if status.state == "queued" and paths.submission.exists():
            return replace(status, message=read_json(paths.submission).get("note", ""))  # the lane knows what it waits for
    except DataError as error:
        return JobStatus(state="failed", message=f"{error}; see 'triskelion doctor'")
    if status.state == "running" and _worker_is_gone(status):
        last = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.heartbeat))
        return replace(status, state="failed", ended=status.heartbeat, message=f"the worker vanished (last heartbeat {last}, on {status.host})")
    return status


def requeue_job(paths: JobPaths) -> None:
    """Make a job that was killed or has failed fit to be run again: it continues from its checkpoint.

    Raises
    ------
    DataError
        Its status.json is damaged: it may have been completed.
    """
    written = read_written_status(paths)
    paths.kill_request.unlink(missing_ok=True)
    write_status(paths, replace(written, state="queued", message="", pid=None, process_start="", started=None, ended=None))


def _worker_is_gone(status: JobStatus) -> bool:
    """Whether nobody works on a job any more: of this machine the process tells, whatever its clock has done meanwhile; elsewhere the heartbeat."""
    if status.is_local and status.pid is not None:
        return not process_exists(status.pid) or status.process_start not in ("", read_start(status.pid))
    return time.time() - (status.heartbeat or 0) > DEAD_AFTER_S


class StatusKeeper:
    """The one writer of status.json while a job runs: writes it, beats, and notices a request to stop.

    Used as a context manager around the job; ``cancelled`` is set once ``kill_request`` appears.
    """

    def __init__(self, paths: JobPaths, pid: int | None):
        self._paths = paths
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {paths.name}", daemon=True)
        self.cancelled = threading.Event()
        now = time.time()
        start = "" if pid is None else read_start(pid)
        self._status = JobStatus(state="running", pid=pid, process_start=start, host=socket.gethostname(), started=now, heartbeat=now)

    def __enter__(self) -> "StatusKeeper":
        self._write()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._stop.set()
        self._thread.join()
        if error is not None and not self._status.is_over:
            stopped = isinstance(error, (JobCancelled, KeyboardInterrupt))
            self.finish("killed" if stopped else "failed", str(error) or type(error).__name__)

    def note_progress(self, text: str) -> None:
        """Say how far the job is; written with the next heartbeat."""
        with self._lock:
            self._status = replace(self._status, progress=text)

    def finish(self, state: State, message: str = "") -> None:
        """Write the last state, on a disk that is full in the room that the file has."""
        try:
            self._write(state=state, message=message, progress="", ended=time.time())
        except OSError:
            overwrite_json(self._paths.status, asdict(self._status))

    def _write(self, **changes: Any) -> None:
        with self._lock:
            self._status = replace(self._status, heartbeat=time.time(), **changes)
            write_status(self._paths, self._status)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            if self._paths.kill_request.exists():
                self.cancelled.set()
            try:
                self._write()
            except OSError:  # a disk that is full: what the job itself has to write says so, and there may be room at the next beat
                continue
