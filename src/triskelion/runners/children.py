"""Jobs that a job starts: one after another, or side by side as an array of SLURM where the job is on such a lane."""

import time
from collections.abc import Callable, Iterator

from triskelion.errors import JobCancelled, JobError
from triskelion.project.children import take_up_child
from triskelion.project.context import Jobs
from triskelion.project.layout import JobPaths
from triskelion.project.status import read_status, requeue_job
from triskelion.project.store import read_job
from triskelion.runners.base import EXIT_INPUT, Runner, require_success
from triskelion.runners.local import allowed_threads
from triskelion.runners.slurm_array import find_array_lane, run_array

WATCH_S = 0.5  # between looks at a job that somebody else runs


def run_children(
    parent: JobPaths, runner: Runner, jobs: Jobs, check_cancelled: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, str | JobError]]:
    """Run jobs (type and parameters) that a job starts; yield, as they end, which it was and its name, or why it failed.

    Those that the job had started before it was interrupted are taken up.

    Raises
    ------
    JobCancelled
        The starting job was asked to stop, or, where jobs run one after another, one of them was killed.
    """
    if find_array_lane(parent) is None:
        threads = allowed_threads(parent)
        for number, (type_name, given) in enumerate(jobs):
            try:
                yield number, _run_child(take_up_child(parent, type_name, given, threads), runner)
            except JobCancelled:
                raise
            except JobError as error:
                yield number, error
        return
    asked = read_job(parent).threads
    children = [take_up_child(parent, type_name, given, asked) for type_name, given in jobs]
    for child in run_array(parent, children, check_cancelled):
        try:
            require_success(child, EXIT_INPUT)
        except JobError as error:
            yield children.index(child), error
        else:
            yield children.index(child), child.name


def _run_child(child: JobPaths, runner: Runner) -> str:
    """Run a job that another starts, or go on with it, and return its name."""
    while read_status(child).state == "running":  # it has outlived the worker that started it
        time.sleep(WATCH_S)
    state = read_status(child).state
    if state in ("killed", "failed"):
        requeue_job(child)
    if state != "completed":
        runner.run(child)
    return child.name
