"""A slurm lane: queued jobs become batch scripts, and what SLURM says of them becomes their state."""

import shlex
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from triskelion.errors import DataError, InputError
from triskelion.project.layout import JobPaths
from triskelion.project.plain_json import write_text
from triskelion.project.status import read_written_status, write_status
from triskelion.project.store import read_job
from triskelion.project.submission import Submission, read_submission
from triskelion.runners.lanes import SlurmLane
from triskelion.runners.queue import Entry, list_awaited, name_awaited
from triskelion.runners.slurm import SlurmAway, SlurmRefused, SlurmState, cancel, count_cpus, read_states, submit

TEMPLATE = Path(__file__).parent / "templates" / "slurm.sh.j2"
_SLOW_SBATCH_S = 120.0
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
AT_WORK = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}
ENDS: dict[str, tuple[Literal["failed", "killed"], str]] = {
    "CANCELLED": ("killed", "cancelled in SLURM"),
    "TIMEOUT": ("killed", "stopped by SLURM: its time was over; resume it, with more time if it made no progress"),
    "DEADLINE": ("killed", "stopped by SLURM: its deadline has passed"),
    "PREEMPTED": ("killed", "stopped by SLURM for a job that goes first; resume it"),
    "OUT_OF_MEMORY": ("failed", "killed by SLURM: out of memory; resume it with more (--ask memory_GB=...)"),
    "NODE_FAIL": ("failed", "its node failed; resume it"),
    "BOOT_FAIL": ("failed", "its node did not start; resume it"),
}


class SlurmLaneKeeper:
    """Hands jobs to SLURM and asks after them now and then."""

    def __init__(self):
        self._asked_at: dict[str, float] = {}
        self._ended_since: dict[JobPaths, float] = {}

    def advance(self, name: str, lane: SlurmLane, template: Path, entries: list[Entry]) -> None:
        """Submit what is ready, and write down what SLURM says of the rest."""
        for entry in entries:
            if entry.submission.slurm_id is None:
                self._submit_when_ready(name, lane, template, entry)
        if time.monotonic() - self._asked_at.get(name, -lane.poll_s) < lane.poll_s:
            return
        submitted = [entry for entry in entries if entry.submission.slurm_id is not None]
        if submitted:
            self._asked_at[name] = time.monotonic()
            try:
                states = read_states([str(entry.submission.slurm_id) for entry in submitted])
            except (SlurmAway, SlurmRefused) as error:
                for entry in submitted:
                    entry.note(f"SLURM {entry.submission.slurm_id}: {error}")
                return
            for entry in submitted:
                self._follow(lane, entry, states.get(str(entry.submission.slurm_id)))

    def _submit_when_ready(self, name: str, lane: SlurmLane, template: Path, entry: Entry) -> None:
        """Submit a job whose inputs are there, or are SLURM's on the same lane: it keeps the order of those."""
        started = entry.submission.started
        if started is not None:
            if time.time() - started > _SLOW_SBATCH_S:
                entry.end("failed", "whoever gave it to SLURM ended before SLURM's answer was written down: look at squeue, then resume it")
            return
        awaited = list_awaited(entry)
        if awaited is None:
            return
        found = [read_submission(paths) for paths in awaited]
        dependencies = [each.slurm_id for each in found if each is not None and each.lane == name and each.slurm_id]
        if len(dependencies) < len(awaited):
            entry.note(name_awaited(awaited))
            return
        try:
            write_text(entry.paths.batch_script, render_script(entry.paths, read_job(entry.paths).type, entry.submission, lane, template))
        except (InputError, DataError) as error:
            entry.end("failed", str(error))
            return
        entry.paths.exit_code.unlink(missing_ok=True)
        self._submit(entry, dependencies)

    def _submit(self, entry: Entry, dependencies: list[str]) -> None:
        entry.record(started=time.time())
        try:
            slurm_id = submit(str(entry.paths.batch_script), dependencies)
        except SlurmAway as error:
            entry.record(started=None, note=str(error))
        except SlurmRefused as error:
            entry.end("failed", f"SLURM refused the job: {error}")
        else:
            entry.record(slurm_id=slurm_id, note=f"SLURM {slurm_id}: submitted")

    def _follow(self, lane: SlurmLane, entry: Entry, state: SlurmState | None) -> None:
        """Write down what SLURM says of a job that is not over as far as its files tell."""
        number = entry.submission.slurm_id
        if entry.status.state == "queued" and list_awaited(entry) is None:
            cancel(str(number))
        elif state is not None and state.word in WAITING:
            if entry.status.state == "running":  # it was read before SLURM was asked: that worker is gone, and SLURM will start another
                write_status(entry.paths, replace(entry.status, state="queued", progress="", pid=None, started=None, heartbeat=None))
            entry.note(f"SLURM {number}: {state.word.lower()} ({state.reason})")
        elif state is not None and state.word in AT_WORK:
            entry.note(f"SLURM {number}: {state.word.lower()} on {state.nodes}")
        else:
            since = self._ended_since.setdefault(entry.paths, time.monotonic())
            if time.monotonic() - since >= lane.settle_s or (state is not None and state.word in ENDS):
                del self._ended_since[entry.paths]
                self._end(entry, state)

    def _end(self, entry: Entry, state: SlurmState | None) -> None:
        """Say why a job is over that could not say so itself."""
        if read_written_status(entry.paths).is_over:
            return
        word = "" if state is None else state.word
        if word in ENDS:
            entry.end(*ENDS[word])
            return
        code = entry.paths.exit_code.read_text().strip() if entry.paths.exit_code.exists() else ""
        entry.end("failed", f"{_explain_exit(code)}; see {entry.paths.log}")


def tell_why_stopped(entry: Entry) -> bool:
    """Replace "stopped by SIGTERM" of a job that is over by the reason that SLURM had; return False while SLURM has none yet."""
    if entry.status.state != "killed" or "SIGTERM" not in entry.status.message or entry.submission.slurm_id is None:
        return True
    try:
        state = read_states([entry.submission.slurm_id]).get(entry.submission.slurm_id)
    except (SlurmAway, SlurmRefused):
        return True
    if state is not None and state.word in ENDS:
        write_status(entry.paths, replace(entry.status, message=ENDS[state.word][1]))
    return state is None or state.word not in AT_WORK


def _explain_exit(code: str) -> str:
    if not code.isdigit():
        return "SLURM says that it ended, but neither the worker nor its script could say how"
    number = int(code) - 128
    if number == signal.SIGKILL:
        return "the worker ended suddenly with signal SIGKILL (often: out of memory)"
    if number in set(signal.Signals):
        return f"the worker ended suddenly with signal {signal.Signals(number).name}"
    return f"the worker ended suddenly with exit code {code}"


def render_script(paths: JobPaths, job_type: str, submission: Submission, lane: SlurmLane, template: Path, **replaced: str) -> str:
    """Return the batch script of a job; ``replaced`` are variables that are others than a job's.

    Raises
    ------
    InputError
        The template cannot be read, or wants a variable that is not given.
    """
    from jinja2 import Environment, StrictUndefined, TemplateError

    variables: Mapping[str, object] = {
        **lane.variables,
        **submission.variables,
        "name": f"{paths.name}-{job_type}",
        "cpus": submission.cpus,
        "gpus": submission.gpus,
        "memory_MB": round(submission.memory_GB * 1000),
        "log": str(paths.log),
        "exit_code": str(paths.exit_code),
        "project": str(paths.project.folder),
        "command": shlex.join([*submission.worker, "--quiet", str(paths.folder)]),
        **replaced,
    }
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
    try:
        return environment.from_string(template.read_text(encoding="utf-8")).render(variables)
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        given = ", ".join(sorted(variables))
        raise InputError(f"{template}: {error}; it is given {given} (more in 'variables' of the lane, or with --ask)") from error


def describe_cluster(lane: SlurmLane) -> str:
    """Say what of a lane is free: ``12 of 64 cores idle``."""
    partition = lane.variables.get("partition")
    try:
        idle, total = count_cpus(None if partition is None else str(partition))
    except (SlurmAway, SlurmRefused) as error:
        return str(error)
    return f"{idle} of {total} cores idle"
