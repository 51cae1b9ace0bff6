"""Every path of a project on disk: nothing else in the program joins folder and file names.

::

    tri-snrnp/              project.json, workspaces/W1.json, lanes.toml, report.html
      J12/                  job.json, status.json, events.jsonl, log.txt, notes.jsonl, summary.json, submission.json, outputs
        plots/              fsc.json fsc.png, or fsc_003.json fsc_003.png for iteration 3
        iterations/         map_003.mrc
      queue/J12             empty: this job has been given to a lane and is not over
      bin/J9/               a deleted job, until it is restored or the bin is emptied
"""

import re
from dataclasses import dataclass
from pathlib import Path

_JOB_NAME = re.compile(r"J([1-9]\d*)")


def job_number(name: str) -> int | None:
    """Return 12 for ``J12``, None for a name that no job has."""
    match = _JOB_NAME.fullmatch(name)
    return int(match[1]) if match else None


@dataclass(frozen=True)
class ProjectPaths:
    """The files of a project."""

    folder: Path

    @property
    def record(self) -> Path:
        """``project.json``: what makes a folder a project."""
        return self.folder / "project.json"

    @property
    def report(self) -> Path:
        """The HTML report on all jobs."""
        return self.folder / "report.html"

    @property
    def workspaces(self) -> Path:
        """The folder of the workspaces."""
        return self.folder / "workspaces"

    def workspace(self, name: str) -> Path:
        """``workspaces/W1.json``."""
        return self.workspaces / f"{name}.json"

    @property
    def lanes(self) -> Path:
        """``lanes.toml``: lanes of this project, beside those of the person who works on it."""
        return self.folder / "lanes.toml"

    @property
    def queue(self) -> Path:
        """The folder of the queue: an empty file for every job that has been given to a lane and is not over."""
        return self.folder / "queue"

    @property
    def bin(self) -> "ProjectPaths":
        """``bin``: where deleted jobs lie, as in a project of their own."""
        return ProjectPaths(self.folder / "bin")

    def job(self, name: str) -> "JobPaths":
        """Return the paths of a job, whether it exists or not."""
        return JobPaths(self.folder / name)


@dataclass(frozen=True)
class JobPaths:
    """The files of a job."""

    folder: Path

    @property
    def name(self) -> str:
        """``J12``."""
        return self.folder.name

    @property
    def project(self) -> ProjectPaths:
        """The project that the job is in."""
        return ProjectPaths(self.folder.parent)

    @property
    def record(self) -> Path:
        """``job.json``: type, parameters, inputs, versions; not changed once the job runs."""
        return self.folder / "job.json"

    @property
    def status(self) -> Path:
        """``status.json``: state and heartbeat."""
        return self.folder / "status.json"

    @property
    def events(self) -> Path:
        """``events.jsonl``: what happened, append-only."""
        return self.folder / "events.jsonl"

    @property
    def log(self) -> Path:
        """``log.txt``: the same for people, with tracebacks."""
        return self.folder / "log.txt"

    @property
    def summary(self) -> Path:
        """``summary.json``: the figures of the job."""
        return self.folder / "summary.json"

    @property
    def checkpoint(self) -> Path:
        """``checkpoint.npz``: what a resumed job starts from."""
        return self.folder / "checkpoint.npz"

    @property
    def region_edits(self) -> Path:
        """``regions.jsonl``: what people did to the regions of a segmentation, append-only."""
        return self.folder / "regions.jsonl"

    @property
    def notes(self) -> Path:
        """``notes.jsonl``: notes, tags and workspace that people gave the job, append-only."""
        return self.folder / "notes.jsonl"

    @property
    def rerun(self) -> Path:
        """``rerun.json``: how the results of a rerun compare with those of the job that was run again."""
        return self.folder / "rerun.json"

    @property
    def submission(self) -> Path:
        """``submission.json``: the lane that the job was given to, what it asked for, and how far it has come."""
        return self.folder / "submission.json"

    @property
    def queue_entry(self) -> Path:
        """``queue/J12`` of the project."""
        return self.project.queue / self.name

    @property
    def batch_script(self) -> Path:
        """``sbatch.sh``: what SLURM was given."""
        return self.folder / "sbatch.sh"

    @property
    def exit_code(self) -> Path:
        """``exit_code.txt``: how the worker ended, written by the batch script."""
        return self.folder / "exit_code.txt"

    @property
    def array(self) -> Path:
        """``array.json``: the jobs that this one has given to SLURM as an array."""
        return self.folder / "array.json"

    @property
    def array_script(self) -> Path:
        """``array.sh``: what SLURM was given for them."""
        return self.folder / "array.sh"

    @property
    def kill_request(self) -> Path:
        """An empty file that asks the worker, on whatever machine, to stop."""
        return self.folder / "kill_request"

    @property
    def report(self) -> Path:
        """The HTML report on this job."""
        return self.folder / "report.html"

    @property
    def plots(self) -> Path:
        """The folder of the diagnostics."""
        return self.folder / "plots"

    def plot_data(self, name: str, iteration: int | None = None) -> Path:
        """``plots/fsc.json`` or ``plots/fsc_003.json``."""
        return self.plots / f"{_with_iteration(name, iteration)}.json"

    def plot_image(self, name: str, iteration: int | None = None) -> Path:
        """``plots/fsc.png`` or ``plots/fsc_003.png``."""
        return self.plots / f"{_with_iteration(name, iteration)}.png"

    def output(self, filename: str, iteration: int | None = None) -> Path:
        """An output of the job, or its state after an iteration (``iterations/map_003.mrc``)."""
        if iteration is None:
            return self.folder / filename
        stem, suffix = Path(filename).stem, Path(filename).suffix
        return self.folder / "iterations" / f"{_with_iteration(stem, iteration)}{suffix}"


def split_iteration(stem: str) -> tuple[str, int | None]:
    """Turn ``fsc_003`` into (``fsc``, 3) and ``fsc`` into (``fsc``, None)."""
    match = re.fullmatch(r"(.+)_(\d{3,})", stem)
    return (match[1], int(match[2])) if match else (stem, None)


def _with_iteration(name: str, iteration: int | None) -> str:
    return name if iteration is None else f"{name}_{iteration:03d}"
