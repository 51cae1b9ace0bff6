"""The pictures of a job's diagnostics, drawn from their data: the newest when a job ends, those of iterations when somebody looks.

Drawing takes longer than an iteration of a small refinement, and of most iterations nobody ever looks at the picture.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from triskelion.io.atomic_write import replace_when_complete
from triskelion.project.layout import JobPaths, split_iteration

FEWEST = 5  # pictures that are worth the start of another process


def draw_picture(paths: JobPaths, name: str, iteration: int | None = None) -> Path:
    """Return the PNG of a diagnostic, drawn unless it is as new as its data."""
    from triskelion.plots.registry import draw
    from triskelion.plots.save_png import save_png

    image, told = paths.plot_image(name, iteration), paths.plot_data(name, iteration)
    if image.exists() and image.stat().st_mtime_ns >= told.stat().st_mtime_ns:
        return image
    data = json.loads(told.read_text(encoding="utf-8"))
    with replace_when_complete(image) as beside:
        save_png(draw(name, data), beside)
    return image


def list_diagnostics(paths: JobPaths) -> dict[str, list[int | None]]:
    """Return the iterations of each diagnostic that data were kept of, in order; None, the end of the job, last."""
    found: dict[str, list[int | None]] = {}
    for file in sorted(paths.plots.glob("[!.]*.json")):
        name, iteration = split_iteration(file.stem)
        found.setdefault(name, []).append(iteration)
    return {name: sorted(iterations, key=lambda i: (i is None, i or 0)) for name, iterations in found.items()}


@contextmanager
def draw_beside(paths: JobPaths, chosen: Sequence[tuple[str, int | None]], processes: int) -> Iterator[Sequence[tuple[str, int | None]]]:
    """Have other processes draw a part of some pictures while the block draws the rest, which it is given; what they fail to draw is missing."""
    n = max(min(processes, len(chosen) // FEWEST), 1)
    command = (sys.executable, "-P", "-m", "triskelion.project.pictures", str(paths.folder))
    helpers = []
    try:
        for part in range(1, n):
            data = [paths.plot_data(*each).name for each in chosen[part::n]]
            helpers.append(subprocess.Popen([*command, *data], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        yield chosen[::n]
        for helper in helpers:
            helper.wait()
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()


def main(folder: str, *data: str) -> None:
    """Draw the pictures of a job that go with some files of data."""
    for name in data:
        draw_picture(JobPaths(Path(folder)), *split_iteration(Path(name).stem))


if __name__ == "__main__":
    main(*sys.argv[1:])
