"""submission.json: the lane that a job was given to, what it asked for, and how far it has come there; ``queue/`` lists the jobs that are not over.

Both are plain files of the project, so any machine that sees the folder can tell what waits for what. A lane is acted on by one program only:
the keeper of the queue on the machine from which the job was given to it.
"""

from dataclasses import asdict, dataclass, field

from triskelion.errors import DataError
from triskelion.project.layout import JobPaths, ProjectPaths, job_number
from triskelion.project.lineage import read_ancestry
from triskelion.project.plain_json import read_json, write_json
from triskelion.project.status import read_status


@dataclass(frozen=True)
class Submission:
    """What submission.json says; times are seconds since 1970.

    Attributes
    ----------
    lane : str
        Its name.
    host : str
        The machine whose keeper acts on it.
    worker : list of str
        The command that runs a job folder: that of the program the job was made with.
    cpus, gpus, memory_GB
        What it asked for.
    variables : dict of str to str
        For the template of the lane.
    asked : dict of str to str
        What was typed for it beside its parameters; the same is asked for the jobs that it starts, and when it is resumed.
    waits_for : list of str
        Jobs whose outputs it wants, not completed when it was given to the lane.
    submitted : float
    started : float or None
        When the lane began to start it.
    pid : int or None
        The worker, on a local lane.
    gpu_ids : list of str
        The GPUs it was given, on a local lane.
    slurm_id : str or None
        The number that SLURM gave it.
    note : str
        What it waits for, in words.
    """

    lane: str
    host: str
    worker: list[str]
    cpus: int
    gpus: int
    memory_GB: float
    submitted: float
    variables: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    waits_for: list[str] = field(default_factory=list)
    started: float | None = None
    pid: int | None = None
    gpu_ids: list[str] = field(default_factory=list)
    slurm_id: str | None = None
    note: str = ""


def read_submission(paths: JobPaths) -> Submission | None:
    """Read submission.json, None for a job that was never given to a lane.

    Raises
    ------
    DataError
        The file is damaged.
    """
    if not paths.submission.exists():
        return None
    try:
        return Submission(**read_json(paths.submission))
    except TypeError as error:
        raise DataError(f"{paths.submission} is not a submission: {error}") from error


def write_submission(paths: JobPaths, submission: Submission) -> None:
    """Write submission.json."""
    write_json(paths.submission, asdict(submission))


def enter_queue(paths: JobPaths, submission: Submission) -> None:
    """Put a job, which is queued, among those that the lanes look after."""
    write_submission(paths, submission)
    paths.project.queue.mkdir(exist_ok=True)
    paths.queue_entry.touch()


def leave_queue(paths: JobPaths) -> None:
    """Take a job that is over out of the queue; what it asked for stays with it."""
    paths.queue_entry.unlink(missing_ok=True)


def list_queue(project: ProjectPaths) -> list[JobPaths]:
    """Return the jobs in the queue by number; entries of jobs that were deleted are among them."""
    if not project.queue.is_dir():
        return []
    names = [entry.name for entry in project.queue.iterdir() if job_number(entry.name) is not None]
    return [project.job(name) for name in sorted(names, key=lambda name: job_number(name) or 0)]


def list_unfinished_inputs(paths: JobPaths) -> list[str]:
    """Return the jobs whose outputs a job wants and that are not completed."""
    parents = (paths.project.job(name) for name in read_ancestry(paths).parents)
    return [parent.name for parent in parents if read_status(parent).state != "completed"]
