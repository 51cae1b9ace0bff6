"""A job's view of the world on a plain folder: what project/ gives it, without a store or another process."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from triskelion.data.particles import Particles
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import JobError
from triskelion.io.mrc import read_mask, read_volume, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.io.scratch import ScratchStore
from triskelion.io.segmentation_npz import read_segmentation, write_segmentation
from triskelion.io.stacks import ParticleImages
from triskelion.jobs.registry import job_type
from triskelion.masks.regions import Edit
from triskelion.ranks import OneRank


class CountingProgress:
    """A bar that only counts."""

    def __init__(self, total: int):
        self.total, self.done = total, 0

    def advance(self, steps: int = 1) -> None:
        self.done += steps


class FakeContext:
    """Job ``name`` of the project in ``project_folder``; what it says is kept in lists and dicts for the test to look at."""

    def __init__(self, project_folder: Path, name: str = "J1", threads: int = 1):
        self.project_folder, self.folder, self.threads = Path(project_folder), Path(project_folder) / name, threads
        self.ranks = OneRank()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs: list[str] = []
        self.warnings: list[str] = []
        self.plots: dict[str, list[dict[str, Any]]] = {}
        self.summary: dict[str, Any] = {}
        self.bars: list[CountingProgress] = []

    def log(self, message: str) -> None:
        self.logs.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    @contextmanager
    def progress(self, total: int, title: str) -> Iterator[CountingProgress]:
        self.bars.append(CountingProgress(total))
        yield self.bars[-1]

    def plot(self, name: str, data: dict[str, Any], iteration: int | None = None) -> None:
        self.plots.setdefault(name, []).append(json.loads(json.dumps(data, allow_nan=False)))

    def read_particles(self, reference: str) -> Particles:
        return read_particles(self._find(reference, "particles", ".star"))

    def open_images(self, particles: Particles) -> ParticleImages:
        return ParticleImages(particles, self.project_folder)

    def open_scratch(self) -> ScratchStore:
        return ScratchStore(self.folder)

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        return read_volume(self._find(reference, name, ".mrc"))

    def read_mask(self, reference: str) -> Mask:
        return read_mask(self._find(reference, "mask", ".mrc"))

    def read_segmentation(self, reference: str) -> Segmentation:
        return read_segmentation(self._find(reference, "segmentation", ".npz"))

    def read_parameters(self, reference: str) -> dict[str, Any] | None:
        return None

    def read_arrays(self, reference: str, name: str) -> dict[str, np.ndarray]:
        with np.load(self.project_folder / reference.partition(".")[0] / f"{name}.npz") as arrays:
            return dict(arrays)

    def read_summary(self, reference: str) -> dict[str, Any] | None:
        return None

    def read_region_edits(self, reference: str) -> tuple[Edit, ...]:
        return ()

    def save_particles(self, particles: Particles, name: str = "particles") -> None:
        write_particles(self.folder / f"{name}.star", particles)

    def save_volume(self, volume: Volume | Mask, name: str, iteration: int | None = None) -> None:
        folder = self.folder if iteration is None else self.folder / "iterations"
        folder.mkdir(exist_ok=True)
        write_volume(folder / (f"{name}.mrc" if iteration is None else f"{name}_{iteration:03d}.mrc"), volume)

    def save_segmentation(self, segmentation: Segmentation, name: str = "segmentation") -> None:
        write_segmentation(self.folder / f"{name}.npz", segmentation)

    def save_json(self, name: str, data: dict[str, Any]) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(data, allow_nan=False))

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        np.savez(self.folder / f"{name}.npz", **arrays)

    def save_text(self, filename: str, text: str) -> None:
        (self.folder / filename).write_text(text)

    def summarize(self, **figures: Any) -> None:
        self.summary |= json.loads(json.dumps(figures, allow_nan=False))

    def save_checkpoint(self, state: dict[str, np.ndarray]) -> None:
        np.savez(self.folder / "checkpoint.npz", **state)

    def load_checkpoint(self) -> dict[str, np.ndarray] | None:
        path = self.folder / "checkpoint.npz"
        if not path.exists():
            return None
        with np.load(path) as arrays:
            return dict(arrays)

    def run_children(self, jobs: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[int, str | JobError]]:
        for place, (name, parameters) in enumerate(jobs):
            number = 1
            while (self.project_folder / f"J{number}").exists():
                number += 1
            run_job(name, FakeContext(self.project_folder, f"J{number}", self.threads), **parameters)
            yield place, f"J{number}"

    def _find(self, reference: str, name: str, suffix: str) -> Path:
        """``J5``, ``J5.name`` or the path of a file."""
        job, _, output = reference.partition(".")
        if (self.project_folder / job).is_dir():
            return self.project_folder / job / f"{output or name}{suffix}"
        return Path(reference)


def run_job(name: str, context: FakeContext, **parameters: Any) -> FakeContext:
    """Run a job in ``context`` with parameters as a person would give them."""
    kind = job_type(name)
    kind.run(kind.parameters(**parameters), context)
    return context
