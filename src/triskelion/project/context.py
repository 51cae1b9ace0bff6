"""What a running job sees of the world, on a job folder: the implementation of ``jobs.context.JobContext``."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from triskelion.data.particles import Particles
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import DataError, InputError, JobCancelled, JobError
from triskelion.io.atomic_write import replace_when_complete
from triskelion.io.scratch import ScratchStore
from triskelion.project.events import append_event
from triskelion.project.layout import JobPaths
from triskelion.project.pictures import draw_beside, draw_picture, list_diagnostics
from triskelion.project.plain_json import write_json, write_text
from triskelion.project.reading import ProjectReader
from triskelion.project.screen import Bar, Screen
from triskelion.project.status import StatusKeeper
from triskelion.ranks import OneRank, Ranks

Jobs = Sequence[tuple[str, Mapping[str, Any]]]
RunChildren = Callable[[Jobs, Callable[[], None]], Iterator[tuple[int, str | JobError]]]
PROGRESS_EVENT_S = 1.0  # at most one event a second, however fast the loop


class FolderProgress:
    """A bar on the screen, and its trace in events.jsonl."""

    def __init__(self, context: "FolderContext", title: str, total: int, bar: Bar | None):
        self._context, self._title, self._total, self._bar = context, title, total, bar
        self._done = 0
        self._next_event = 0.0

    def advance(self, steps: int = 1) -> None:
        """Say that ``steps`` more are done; raise JobCancelled if the job was asked to stop."""
        self._context.check_cancelled()
        steps = min(steps * self._context.ranks.size, self._total - self._done)  # the other ranks do as much meanwhile
        self._done += steps
        if self._bar is not None:
            self._bar.advance(steps)
        if time.monotonic() >= self._next_event or self._done >= self._total:
            self._next_event = time.monotonic() + PROGRESS_EVENT_S
            self._context.note_progress(self._title, self._done, self._total)


class FolderContext(ProjectReader):
    """A job's folder, its project, its log and its screen.

    Parameters
    ----------
    paths : JobPaths
    threads : int
        Processor cores the job may use.
    status : StatusKeeper
        Keeps status.json; tells of requests to stop.
    run_children : callable (jobs) -> iterator of (number, name or JobError)
        Runs other jobs of the project.
    screen : Screen, optional
        Where log and bars are shown.
    """

    def __init__(self, paths: JobPaths, threads: int, status: StatusKeeper, run_children: RunChildren, screen: Screen | None = None):
        super().__init__(paths.project)
        self.folder = paths.folder
        self.threads = threads
        self.ranks: Ranks = OneRank()
        self.figures: dict[str, Any] = {}
        self.warnings: list[str] = []
        self._not_drawn: set[str] = set()
        self._paths, self._status, self._run_children, self._screen = paths, status, run_children, screen

    # ---- telling

    def log(self, message: str) -> None:
        """Write a line to the log."""
        self._note("log", message)

    def warn(self, message: str) -> None:
        """Write a warning to log, summary and report."""
        self.warnings.append(message)
        self._note("warning", message, style="yellow")

    def _note(self, kind: Any, message: str, style: str = "") -> None:
        append_event(self._paths.events, kind, message=message)
        line = f"warning: {message}" if kind == "warning" else message
        append_log(self._paths, line)
        if self._screen is not None:
            self._screen.print_line(line, style)

    @contextmanager
    def progress(self, total: int, title: str) -> Iterator[FolderProgress]:
        """Show a progress bar while the block runs."""
        self.check_cancelled()
        self.note_progress(title, 0, total)
        if self._screen is None:
            yield FolderProgress(self, title, total, None)
        else:
            with self._screen.show_bar(title, total) as bar:
                yield FolderProgress(self, title, total, bar)

    def note_progress(self, title: str, done: int, total: int) -> None:
        """Write a progress event, and what ``triskelion status`` shows."""
        append_event(self._paths.events, "progress", title=title, done=done, total=total)
        self._status.note_progress(f"{title} {done}/{total}")

    def check_cancelled(self) -> None:
        """Raise JobCancelled if the job was asked to stop."""
        if self._status.cancelled.is_set():
            raise JobCancelled("the job was asked to stop")

    def plot(self, name: str, data: dict[str, Any], iteration: int | None = None) -> None:
        """Save a diagnostic as JSON; its picture is drawn when the job ends, or when somebody looks at it."""
        path = self._paths.plot_data(name, iteration)
        path.parent.mkdir(exist_ok=True)
        write_json(path, data, compact=True)
        append_event(self._paths.events, "plot", name=name, iteration=iteration, data=str(path.relative_to(self.folder)))

    def draw_newest(self, threads: int = 1) -> None:
        """Draw the newest state of every diagnostic, by so many processes. One that cannot be drawn is a warning: its data are safe."""
        chosen = [(name, iterations[-1]) for name, iterations in list_diagnostics(self._paths).items()]
        with draw_beside(self._paths, chosen, threads) as own:
            for name, iteration in own:
                self._draw(name, iteration)
        for name, iteration in chosen:  # what others could not draw tells here why
            self._draw(name, iteration)

    def _draw(self, name: str, iteration: int | None) -> None:
        if name in self._not_drawn:
            return
        try:
            draw_picture(self._paths, name, iteration)
        except JobCancelled:
            raise
        except Exception as error:
            self._not_drawn.add(name)
            append_log(self._paths, traceback.format_exc())
            data = self._paths.plot_data(name, iteration).relative_to(self.folder)
            self.warn(f"the plot {name} could not be drawn ({error}); its data are in {data}")

    def summarize(self, **figures: Any) -> None:
        """Add figures to summary.json."""
        self.figures.update(figures)
        write_json(self._paths.summary, {**self.figures, "warnings": self.warnings})
        append_event(self._paths.events, "summary", **figures)

    # ---- saving

    def open_scratch(self) -> ScratchStore:
        """Open room on the disk of the job."""
        return ScratchStore(self.folder)

    def save_particles(self, particles: Particles, name: str = "particles") -> None:
        """Save ``<name>.star``."""
        from triskelion.io.particle_star import write_particles

        write_particles(self._paths.output(f"{name}.star"), particles)

    def save_volume(self, volume: Volume | Mask, name: str, iteration: int | None = None) -> None:
        """Save ``<name>.mrc``, or ``iterations/<name>_003.mrc``."""
        from triskelion.io.mrc import write_volume

        path = self._paths.output(f"{name}.mrc", iteration)
        path.parent.mkdir(exist_ok=True)
        write_volume(path, volume)

    def save_segmentation(self, segmentation: Segmentation, name: str = "segmentation") -> None:
        """Save ``<name>.npz``."""
        from triskelion.io.segmentation_npz import write_segmentation

        write_segmentation(self._paths.output(f"{name}.npz"), segmentation)

    def save_json(self, name: str, data: dict[str, Any]) -> None:
        """Save ``<name>.json``."""
        self._refuse_own_files(f"{name}.json")
        write_json(self._paths.output(f"{name}.json"), data)

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Save ``<name>.npz``: plain arrays, nothing that could run when it is read."""
        with replace_when_complete(self._paths.output(f"{name}.npz")) as beside, beside.open("wb") as stream:
            np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]

    def save_text(self, filename: str, text: str) -> None:
        """Save a text file."""
        self._refuse_own_files(filename)
        write_text(self._paths.output(filename), text)

    def _refuse_own_files(self, filename: str) -> None:
        own = {path.name for path in (self._paths.record, self._paths.status, self._paths.events, self._paths.log, self._paths.summary)}
        if filename in own or Path(filename).name != filename:
            raise InputError(f"a job cannot save {filename!r}: that file is the project's; use another name")

    # ---- resuming, children

    def save_checkpoint(self, state: dict[str, np.ndarray]) -> None:
        """Keep what a resumed job needs, as arrays only: nothing in the file can run code when it is read."""
        arrays = {name: np.asarray(value) for name, value in state.items()}
        objects = [name for name, array in arrays.items() if array.dtype.hasobject]
        if objects:
            raise InputError(f"a checkpoint holds plain arrays, got Python objects in {', '.join(objects)}")
        with replace_when_complete(self._paths.checkpoint) as beside, beside.open("wb") as stream:
            np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]

    def load_checkpoint(self) -> dict[str, np.ndarray] | None:
        """Return the newest checkpoint, or None."""
        return read_checkpoint(self._paths)

    def run_children(self, jobs: Jobs) -> Iterator[tuple[int, str | JobError]]:
        """Run other jobs of the project; yield, as they end, which it was and its name, or why it failed."""
        for number, outcome in self._run_children(jobs, self.check_cancelled):
            if isinstance(outcome, str):
                self.log(f"{outcome} ({jobs[number][0]}) is done")
            yield number, outcome


def read_checkpoint(paths: JobPaths) -> dict[str, np.ndarray] | None:
    """Return the newest checkpoint of a job, or None.

    Raises
    ------
    DataError
        It is damaged.
    """
    if not paths.checkpoint.exists():
        return None
    try:
        with paths.checkpoint.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise DataError(f"{paths.checkpoint} is damaged ({error}): delete it and run the job from the start") from error


def append_log(paths: JobPaths, text: str) -> None:
    """Append text to log.txt, the first line with the time."""
    with paths.log.open("a", encoding="utf-8") as stream:
        stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text.rstrip()}\n")
