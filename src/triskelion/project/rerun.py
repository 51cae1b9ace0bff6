"""Rerun: whether a job that was run again gave what it gave before, array by array."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triskelion.data.particles import Particles
from triskelion.project.connect import Output, list_outputs
from triskelion.project.layout import JobPaths
from triskelion.project.plain_json import write_json
from triskelion.project.store import read_job

IDENTICAL = "identical"


@dataclass(frozen=True)
class OutputComparison:
    """One output, before and now.

    Attributes
    ----------
    name : str
    result : str
        ``identical`` (bit for bit), or how it differs, in words.
    """

    name: str
    result: str


@dataclass(frozen=True)
class RerunComparison:
    """A job and its rerun.

    Attributes
    ----------
    job, rerun : str
    outputs : tuple of OutputComparison
    changed_versions : tuple of str
        Programs and libraries that were others then.
    """

    job: str
    rerun: str
    outputs: tuple[OutputComparison, ...]
    changed_versions: tuple[str, ...]

    @property
    def is_identical(self) -> bool:
        """Whether every output is what it was, bit for bit."""
        return all(output.result == IDENTICAL for output in self.outputs)

    def describe(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        return {**asdict(self), "identical": self.is_identical}

    def summarize(self) -> str:
        """Say it in words."""
        if not self.outputs:
            return f"{self.rerun} and {self.job} leave no outputs that can be compared"
        if self.is_identical:
            return f"{self.rerun} gave what {self.job} gave, bit for bit: {', '.join(output.name for output in self.outputs)}"
        differing = "; ".join(f"{output.name} {output.result}" for output in self.outputs if output.result != IDENTICAL)
        versions = f" (other versions: {', '.join(self.changed_versions)})" if self.changed_versions else ""
        return f"{self.rerun} differs from {self.job}: {differing}{versions}"


def compare_rerun(job: JobPaths, rerun: JobPaths) -> RerunComparison:
    """Compare the outputs of a job with those of its rerun, and keep the verdict as rerun.json with the latter."""
    before, now = ({output.name: output for output in list_outputs(paths)} for paths in (job, rerun))
    outputs = [OutputComparison(name, _compare(before.get(name), now.get(name))) for name in dict.fromkeys([*before, *now])]
    then, today = read_job(job).versions, read_job(rerun).versions
    changed = [f"{name} {then[name]}, now {today[name]}" for name in then if name in today and then[name] != today[name]]
    comparison = RerunComparison(job.name, rerun.name, tuple(outputs), tuple(changed))
    write_json(rerun.rerun, comparison.describe())
    return comparison


def _compare(before: Output | None, now: Output | None) -> str:
    if before is None or now is None:
        return "is new" if before is None else "is missing"
    compare: dict[str, Callable[[Path, Path], str]] = {"particles": _compare_particles, "segmentation": _compare_arrays}
    return compare.get(before.kind, _compare_maps)(before.path, now.path)


def _compare_maps(before: Path, now: Path) -> str:
    from triskelion.io.mrc import open_stack

    return _describe_difference(np.asarray(open_stack(before)), np.asarray(open_stack(now)))


def _compare_arrays(before: Path, now: Path) -> str:
    with np.load(before, allow_pickle=False) as old, np.load(now, allow_pickle=False) as new:
        if set(old.files) != set(new.files):
            return f"holds other arrays ({', '.join(sorted(set(old.files) ^ set(new.files)))})"
        differing = [name for name in old.files if not np.array_equal(old[name], new[name])]
    return f"differs in {', '.join(differing)}" if differing else IDENTICAL


def _compare_particles(before: Path, now: Path) -> str:
    """Compare tables column by column; stacks that each job made itself have the job's name in their paths and count as the same."""
    from triskelion.io.particle_star import read_particles

    old, new = read_particles(before), read_particles(now)
    if len(old) != len(new):
        return f"has {len(new)} particles, had {len(old)}"
    columns = {name: (old[name], new[name]) for name in old.table}
    columns["image_path"] = (_own_paths(old, before.parent.name), _own_paths(new, now.parent.name))
    differing = [f"{name} ({_describe_difference(*pair)})" for name, pair in columns.items() if not np.array_equal(*pair)]
    return f"differs in {', '.join(differing)}" if differing else IDENTICAL


def _own_paths(particles: Particles, job: str) -> np.ndarray:
    paths, inverse = np.unique(particles["image_path"], return_inverse=True)
    return np.array([path.replace(f"{job}/", "", 1) if path.startswith(f"{job}/") else path for path in paths.tolist()])[inverse]


def _describe_difference(before: np.ndarray, now: np.ndarray) -> str:
    """``identical``, or the root mean square of the difference relative to that of the values."""
    if before.shape != now.shape:
        return f"has shape {now.shape}, had {before.shape}"
    if np.array_equal(before, now):
        return IDENTICAL
    if before.dtype.kind not in "fiu":
        return f"differs in {int((before != now).sum())} of {before.size} values"
    old, new = before.astype(np.float64), now.astype(np.float64)
    return f"differs by {np.linalg.norm(new - old) / max(np.linalg.norm(old), np.finfo(float).tiny):.1e} of its size"
