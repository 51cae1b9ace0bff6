"""Projects and jobs from Python: the calls that scripts and the command line share.

::

    import triskelion as tk
    project = tk.Project.new("tri-snrnp")
    consensus = project.run("reconstruct", particles=imported)
    head = project.run("local_refinement", particles=consensus, volume=consensus, mask=mask)
"""

import os
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from triskelion.errors import InputError, JobError
from triskelion.jobs.spec import SlotKind
from triskelion.project.connect import Output, list_outputs
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.notes import Notes
from triskelion.project.prepare import anchor_inputs, prepare_job
from triskelion.project.preview import preview_job
from triskelion.project.regions import Regions
from triskelion.project.report import Story, write_job_report, write_project_report
from triskelion.project.report_plots import PlotView, view_newest
from triskelion.project.rerun import RerunComparison, compare_rerun
from triskelion.project.status import JobStatus, read_status, requeue_job
from triskelion.project.store import JobRecord, create_project, find_job, find_project, list_jobs, open_project, read_job, read_summary
from triskelion.project.submission import read_submission
from triskelion.project.upkeep import Upkeep
from triskelion.runners.base import Runner
from triskelion.runners.keeper import tend_queue
from triskelion.runners.lane_runner import find_lane_of
from triskelion.runners.local import LocalRunner
from triskelion.runners.stopping import kill_job


class Project:
    """A project folder.

    Parameters
    ----------
    folder : path
        An existing project; ``Project.new`` makes one.
    runner : Runner, optional
        What runs the jobs; worker processes on this machine, at once, by default. ``LaneRunner("gpu")`` gives them to a lane, whose queue waits
        for inputs that are still being made.
    threads : int, optional
        Processor cores a job may use; all by default.

    Raises
    ------
    InputError
        The folder is not a project.
    """

    def __init__(self, folder: str | os.PathLike = ".", *, runner: Runner | None = None, threads: int | None = None):
        self._paths = open_project(Path(folder))
        self._runner = runner or LocalRunner()
        self._threads = threads
        tend_queue(self._paths)

    @classmethod
    def new(cls, folder: str | os.PathLike, *, title: str | None = None, runner: Runner | None = None, threads: int | None = None) -> "Project":
        """Make a project folder and open it.

        Raises
        ------
        InputError
            The folder exists and is not empty.
        """
        return cls(create_project(Path(folder), title).folder, runner=runner, threads=threads)

    @classmethod
    def around(cls, folder: str | os.PathLike = ".", *, runner: Runner | None = None, threads: int | None = None) -> "Project":
        """Open the project that a folder is, or lies in.

        Raises
        ------
        InputError
            There is none.
        """
        return cls(find_project(Path(folder)).folder, runner=runner, threads=threads)

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self._paths.folder

    @property
    def paths(self) -> ProjectPaths:
        """The project's files."""
        return self._paths

    @property
    def jobs(self) -> "list[Job]":
        """All jobs in the order they were made."""
        return [Job(paths, self._runner) for paths in list_jobs(self._paths)]

    def job(self, name: str) -> "Job":
        """Return the job called ``J5``.

        Raises
        ------
        JobError
            There is none.
        """
        return Job(find_job(self._paths, name), self._runner)

    @property
    def upkeep(self) -> Upkeep:
        """Lineage, disk use, bin, health, archives."""
        return Upkeep(self._paths)

    def regions(self, job: "Job | str") -> Regions:
        """Return the regions of a segmentation job, to look at and to edit.

        Raises
        ------
        JobError
            There is no such job, or it is not completed.
        InputError
            It made no segmentation.
        """
        return Regions(self._paths, str(self._plain(job)))

    def prepare(self, job_type: str, **parameters: Any) -> "Job":
        """Check parameters and queue a job without running it.

        Parameters
        ----------
        job_type : str
        **parameters
            As described for the job type. An input slot takes a ``Job``, ``J5``, ``J5.name`` or the path of a file,
            relative to the current folder.

        Raises
        ------
        InputError
            A parameter or input does not fit; no job is made.
        """
        return self._prepare(job_type, self._anchor(job_type, parameters))

    def preview(self, job_type: str, **parameters: Any) -> list[str]:
        """Return what a job would do, line by line, without making it; parameters as in ``prepare``.

        Raises
        ------
        InputError
            A parameter or input does not fit, or jobs of this type have no preview.
        """
        return preview_job(self._paths, job_type, self._anchor(job_type, parameters))

    def run(self, job_type: str, **parameters: Any) -> "Job":
        """Run a job and wait until it is completed; parameters as in ``prepare``.

        Raises
        ------
        InputError
            A parameter or input does not fit; no job is made.
        JobFailed
            The job failed or was killed.
        """
        return self.prepare(job_type, **parameters).run()

    def prepare_clone(self, job: "Job | str", **changes: Any) -> "Job":
        """Queue a copy of a job with some parameters or inputs replaced."""
        original = self.job(job) if isinstance(job, str) else job
        record = original.record
        return self._prepare(record.type, {**record.parameters, **self._anchor(record.type, changes)}, cloned_from=original.name)

    def clone(self, job: "Job | str", **changes: Any) -> "Job":
        """Run a copy of a job with some parameters or inputs replaced, and wait."""
        return self.prepare_clone(job, **changes).run()

    def prepare_rerun(self, job: "Job | str") -> "Job":
        """Queue a completed job once more: same parameters, seed, threads and inputs, from its folder alone.

        Raises
        ------
        JobError
            The job is not completed, or an input job is gone.
        InputError
            An input file is gone.
        """
        original = self.job(job) if isinstance(job, str) else job
        if original.status.state != "completed":
            raise JobError(f"{original.name} is {original.status.state}: only a completed job has results to compare a rerun with")
        record = original.record
        paths = prepare_job(self._paths, record.type, record.parameters, threads=record.threads, cloned_from=original.name)
        return Job(paths, self._runner)

    def rerun(self, job: "Job | str") -> RerunComparison:
        """Run a completed job once more and compare the results, bit for bit; the verdict is kept as rerun.json of the new job."""
        again = self.prepare_rerun(job).run()
        return again.compare_rerun()

    def write_report(self, path: str | os.PathLike | None = None, story: Story | None = None, jobs: "Iterable[Job] | None" = None) -> Path:
        """Write the HTML report on ``jobs`` (all), a story above them if there is one, and return its path."""
        names = None if jobs is None else {job.name for job in jobs}
        return write_project_report(self._paths, Path(path) if path is not None else self._paths.report, story, names)

    def _prepare(self, type_name: str, parameters: Mapping[str, Any], cloned_from: str | None = None) -> "Job":
        admit = partial(self._runner.admit, self._paths) if self._runner.waits_for_inputs else None
        paths = prepare_job(self._paths, type_name, parameters, threads=self._threads, cloned_from=cloned_from, admit=admit)
        return Job(paths, self._runner)

    def _anchor(self, type_name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: self._plain(value) for name, value in parameters.items()}
        return anchor_inputs(self._paths, type_name, given, Path.cwd())

    def _plain(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._plain(each) for each in value]
        if not isinstance(value, Job):
            return value
        if value.folder.parent != self.folder:
            raise InputError(f"{value.name} belongs to the project {value.folder.parent}: give the path of its file instead")
        return value.name


class Job:
    """A job of a project; may stand for its outputs wherever an input is wanted."""

    def __init__(self, paths: JobPaths, runner: Runner):
        self._paths = paths
        self._runner = runner

    def __repr__(self) -> str:
        return f"<{self.name} {self.type}: {self.status.state}>"

    @property
    def name(self) -> str:
        """``J5``."""
        return self._paths.name

    @property
    def paths(self) -> JobPaths:
        """The job's files."""
        return self._paths

    @property
    def folder(self) -> Path:
        """The job's folder."""
        return self._paths.folder

    @property
    def record(self) -> JobRecord:
        """What job.json says."""
        return read_job(self._paths)

    @property
    def type(self) -> str:
        """The job type."""
        return self.record.type

    @property
    def status(self) -> JobStatus:
        """State, message, progress, times."""
        return read_status(self._paths)

    @property
    def summary(self) -> dict[str, Any]:
        """The figures of the job (summary.json)."""
        return read_summary(self._paths)

    def view_plot(self, name: str) -> PlotView:
        """Return the newest picture of a diagnostic, as it stands in a report."""
        return view_newest(self._paths, name)

    @property
    def notes(self) -> Notes:
        """Notes and tags that people gave the job."""
        return Notes(self._paths)

    @property
    def log_path(self) -> Path:
        """Where the log is written."""
        return self._paths.log

    @property
    def outputs(self) -> list[Output]:
        """The files the job has left, first the main one of each kind."""
        return list_outputs(self._paths)

    @property
    def particles(self) -> str:
        """The particles of this job, for an input slot (``J5.particles``)."""
        return self._output("particles")

    @property
    def volume(self) -> str:
        """The map, and with it the half maps, of this job."""
        return self._output("volume")

    @property
    def mask(self) -> str:
        """The mask of this job."""
        return self._output("mask")

    @property
    def segmentation(self) -> str:
        """The segmentation of this job."""
        return self._output("segmentation")

    def path(self, name: str) -> Path:
        """Return the file of an output, ``half_a`` or ``fsc.txt``.

        Raises
        ------
        JobError
            The job has no such file.
        """
        named = {output.name: output.path for output in self.outputs}
        found = named.get(name) or next((self.folder / file for file in (name, f"{name}.json") if (self.folder / file).is_file()), None)
        if found is None:
            raise JobError(f"{self.name} has no output {name!r}: it has {', '.join(named) or 'none'}, and any file of its folder by its full name")
        return found

    def run(self) -> "Job":
        """Run the job, which is queued, and wait until it is completed."""
        self._runner.run(self._paths)
        return self

    def start(self) -> "Job":
        """Start the job, which is queued, and return at once."""
        self._runner.start(self._paths)
        return self

    def wait(self, timeout_s: float | None = None) -> "Job":
        """Wait until a started job has ended, well or badly.

        Raises
        ------
        JobError
            It has not after ``timeout_s``.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.status.is_over:
            if deadline is not None and time.monotonic() > deadline:
                raise JobError(f"{self.name} is still {self.status.state} after {timeout_s:g} s")
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        """Stop the job."""
        kill_job(self._paths)

    @property
    def lane(self) -> str | None:
        """The lane it was given to, None for a job that never was on one."""
        submission = read_submission(self._paths)
        return None if submission is None else submission.lane

    @property
    def waits_in_queue(self) -> bool:
        """Whether it goes to a lane when it is started, and waits there for its turn."""
        return self._runner.waits_for_inputs

    def requeue(self, runner: Runner | None = None) -> "Job":
        """Make a killed or failed job fit to be run again, on its lane if it was on one: it continues from its checkpoint.

        Parameters
        ----------
        runner : Runner, optional
            What runs it now, instead of its lane or of what runs the jobs of the project.

        Raises
        ------
        JobError
            The job is completed, running or queued.
        """
        status = self.status
        if status.state not in ("killed", "failed"):
            raise JobError(f"{self.name} is {status.state}: only a killed or failed job can be resumed")
        requeue_job(self._paths)
        return Job(self._paths, runner or find_lane_of(self._paths) or self._runner)

    def compare_rerun(self) -> RerunComparison:
        """Compare the results of this job with those of the job it was cloned from."""
        original = self.record.cloned_from
        if original is None:
            raise JobError(f"{self.name} is not a rerun of another job")
        return compare_rerun(find_job(self._paths.project, original), self._paths)

    def write_report(self, path: str | os.PathLike | None = None) -> Path:
        """Write the HTML report on this job and return its path."""
        return write_job_report(self._paths, Path(path) if path is not None else self._paths.report)

    def _output(self, kind: SlotKind) -> str:
        fitting = [output for output in self.outputs if output.kind == kind]
        if not fitting:
            raise JobError(f"{self.name} ({self.type}, {self.status.state}) has no {kind}")
        return f"{self.name}.{fitting[0].name}"
