"""The one entry that runs a job folder: ``python -m triskelion.runners.worker tri-snrnp/J12``.

It knows nothing but the folder, so a job can be run again anywhere from its folder alone; a job that was
killed or failed continues from its checkpoint where it left one.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from triskelion.errors import JobCancelled, JobError, TriskelionError, is_disk_full
from triskelion.jobs.registry import job_type
from triskelion.project.connect import list_outputs
from triskelion.project.context import FolderContext, append_log
from triskelion.project.events import append_event
from triskelion.project.follower import FollowerContext
from triskelion.project.layout import JobPaths
from triskelion.project.leftovers import remove_leftovers
from triskelion.project.parameters import build_parameters
from triskelion.project.plain_json import write_json
from triskelion.project.prepare import settle_inputs
from triskelion.project.screen import Screen
from triskelion.project.status import State, StatusKeeper, read_status
from triskelion.project.store import JobRecord, installed_versions, read_job
from triskelion.project.submission import read_submission
from triskelion.runners.base import EXIT_COMPLETED, EXIT_DEFECT, EXIT_INPUT, EXIT_KILLED, Runner
from triskelion.runners.children import run_children
from triskelion.runners.followers import RankLost, are_ranks_started, lead_ranks, read_srun
from triskelion.runners.keeper import tend_queue
from triskelion.runners.local import allowed_threads, thread_variables
from triskelion.runners.slurm_array import find_task
from triskelion.runners.usage import UsageMeter


def run_job(paths: JobPaths, runner: Runner, *, pid: int | None, screen: Screen | None = None) -> int:
    """Run a job in this process, to its end, good or bad.

    Parameters
    ----------
    paths : JobPaths
    runner : Runner
        Runs the jobs that this one starts.
    pid : int or None
        This process if it may be signalled to stop the job, None if it is somebody's own program.
    screen : Screen, optional

    Returns
    -------
    exit_code : int
        0 completed, 2 input at fault, 1 defect of the program, 130 killed.

    Raises
    ------
    JobError
        The job is completed, runs already, or was killed while it was queued.
    """
    _require_runnable(paths)
    threads = allowed_threads(paths)
    meter = UsageMeter()
    with StatusKeeper(paths, pid) as status:
        append_event(paths.events, "state", state="running")
        remove_leftovers(paths)
        context = FolderContext(paths, threads, status, partial(run_children, paths, runner), screen)
        end = _attempt(paths, context)
        figures = {**context.figures, **meter.read(), "threads": threads, "warnings": context.warnings, "versions": installed_versions()}
        end = _write_down(paths, end, figures)
        if end.state == "completed":
            paths.checkpoint.unlink(missing_ok=True)
        paths.kill_request.unlink(missing_ok=True)
        status.finish(end.state, end.message)
    return end.exit_code


def _require_runnable(paths: JobPaths) -> None:
    status = read_status(paths)
    if status.state == "completed":
        raise JobError(f"{paths.name} is completed: clone it to run it again")
    if status.state == "running" and not _was_requeued(paths):
        raise JobError(f"{paths.name} runs already, in process {status.pid} on {status.host}")
    if paths.kill_request.exists():
        raise JobError(f"{paths.name} was killed before it started: resume it with 'triskelion resume {paths.name}'")


def _was_requeued(paths: JobPaths) -> bool:
    """Whether SLURM runs the job a second time under one number, as it does when a node fails: then the worker before is gone."""
    submission, number = read_submission(paths), os.environ.get("SLURM_JOB_ID")
    if "SLURM_ARRAY_TASK_ID" in os.environ:
        number = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return number is not None and submission is not None and submission.slurm_id == number


@dataclass(frozen=True)
class End:
    """How a job ended; ``log`` is what its log says of it, with a traceback where the program is at fault."""

    state: State
    message: str
    exit_code: int
    log: str = ""


def _attempt(paths: JobPaths, context: FolderContext) -> End:
    """Run the job's function; return how it ended."""
    try:
        submission = read_submission(paths)
        if submission is not None and submission.waits_for:
            settle_inputs(paths)
        record = read_job(paths)
        kind = job_type(record.type)
        with _all_ranks(paths, record, context):
            kind.run(build_parameters(kind, record.parameters), context)
            context.draw_newest(allowed_threads(paths))  # while the other ranks end
        if kind.outputs and not list_outputs(paths):
            raise JobError(f"the job ended without any of its outputs ({', '.join(kind.outputs)})")
    except (JobCancelled, KeyboardInterrupt) as stop:
        message = str(stop) or "interrupted"
        return End("killed", message, EXIT_KILLED, f"killed: {message}")
    except Exception as error:
        return _explain_failure(paths, error)
    return End("completed", "", EXIT_COMPLETED)


def _explain_failure(paths: JobPaths, error: Exception) -> End:
    if is_disk_full(error):
        message = f"the disk is full ({error}): make room on that of {paths.folder}, then 'triskelion resume {paths.name}'"
    elif isinstance(error, TriskelionError):
        message = str(error)
    else:
        message = f"{type(error).__name__}: {error} (a defect of the program; traceback in {paths.log})"
        return End("failed", message, EXIT_DEFECT, "".join(traceback.format_exception(error)))
    return End("failed", message, EXIT_INPUT, f"failed: {message}")


def _write_down(paths: JobPaths, end: End, figures: dict[str, Any]) -> End:
    """Write the end of a job to log, summary and events; one that was completed has failed where there is no room for them."""
    try:
        if end.log:
            append_log(paths, end.log)
        write_json(paths.summary, figures)
        append_event(paths.events, "state", state=end.state, message=end.message)
    except OSError as error:
        return _explain_failure(paths, error) if end.state == "completed" else end
    return end


@contextmanager
def _all_ranks(paths: JobPaths, record: JobRecord, context: FolderContext) -> Iterator[None]:
    """Have the ranks that a job wants work on it while the block runs; this process is the first of them."""
    size = int(record.parameters.get("ranks", 1))
    if size == 1:
        yield
        return
    if are_ranks_started():
        from triskelion.runners.distributed import join_ranks

        others = join_ranks()
    else:
        follow = (sys.executable, "-P", "-m", "triskelion.runners.worker", "--quiet", str(paths.folder))
        others = lead_ranks(size, follow, {**os.environ, **thread_variables(_threads_of_rank(context.threads, size))}, paths.log)
    with others as ranks:
        context.ranks, context.threads = ranks, _threads_of_rank(context.threads, ranks.size)
        yield


def _threads_of_rank(threads: int, size: int) -> int:
    """Cores of one rank: a part of those of the job on this machine, or those that srun has given to the task."""
    if "SLURM_STEP_NUM_TASKS" in os.environ and "SLURM_CPUS_PER_TASK" in os.environ:
        return int(os.environ["SLURM_CPUS_PER_TASK"])
    return max(threads // int(os.environ.get("LOCAL_WORLD_SIZE", size)), 1)


def follow_first_rank(paths: JobPaths) -> int:
    """Do this rank's part of a job that the first rank runs; returns the exit code."""
    from triskelion.runners.distributed import join_ranks

    record = read_job(paths)
    kind = job_type(record.type)
    try:
        with join_ranks() as ranks:
            kind.run(build_parameters(kind, record.parameters), FollowerContext(paths, _threads_of_rank(allowed_threads(paths), ranks.size), ranks))
    except TriskelionError as error:
        print(f"rank {os.environ['RANK']}: {error}", file=sys.stderr)
        return EXIT_KILLED if isinstance(error, (RankLost, JobCancelled)) else EXIT_INPUT
    return EXIT_COMPLETED


@contextmanager
def _cancel_on_signals() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into JobCancelled; later ones do not disturb the cleaning up."""
    caught: list[int] = []

    def cancel(number: int, frame: object) -> None:
        if not caught:
            caught.append(number)
            raise JobCancelled(f"stopped by {signal.Signals(number).name}")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, cancel) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def main(arguments: list[str] | None = None) -> int:
    """Run a job folder as a process of its own."""
    from triskelion.runners.local import LocalRunner

    parser = argparse.ArgumentParser(prog="python -m triskelion.runners.worker", description="Run a job folder.")
    parser.add_argument("folder", type=Path, help="the job's folder, e.g. tri-snrnp/J12")
    parser.add_argument("--quiet", action="store_true", help="write to the log only")
    parser.add_argument("--array", action="store_true", help="run the job that this task of SLURM's array of the job in the folder is to run")
    options = parser.parse_args(arguments)
    paths = JobPaths(options.folder.resolve())
    if options.array:
        paths = find_task(paths)
    os.environ.update(read_srun(os.environ))
    if int(os.environ.get("RANK", "0")) > 0:
        with _cancel_on_signals():
            return follow_first_rank(paths)
    screen = None if options.quiet else Screen()
    try:
        with _cancel_on_signals():
            return run_job(paths, LocalRunner(show=not options.quiet), pid=os.getpid(), screen=screen)
    except JobCancelled:
        return EXIT_KILLED
    except TriskelionError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_INPUT
    finally:
        if "SLURM_JOB_ID" not in os.environ:  # a keeper started there would end with the job
            tend_queue(paths.project)


if __name__ == "__main__":
    sys.exit(main())
