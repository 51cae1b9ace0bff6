"""Temporary files of writers that did not live to finish them: found by the process number in their names, and removed.

What is written beside its place (``io.atomic_write``) or as scratch (``io.scratch``) is called ``.name.PROCESS.suffix``. A file of that
kind whose process is gone was never part of a result.
"""

import re
import shutil
import time
from pathlib import Path

from triskelion.project.layout import JobPaths
from triskelion.project.processes import process_exists

_LEFTOVER = re.compile(r"\..+\.(\d+)(?:\.[^.]*)?")
SETTLED_S = 60.0  # a writer on another machine may be at work


def is_temporary(path: Path) -> bool:
    """Whether a file has the name of one that is still being written."""
    return _LEFTOVER.fullmatch(path.name) is not None


def list_leftovers(folder: Path, quiet_s: float = SETTLED_S, deep: bool = True) -> list[Path]:
    """Return the temporary files of processes that are gone, and untouched for ``quiet_s``; with ``deep``, in inner folders too."""
    return [path for path in sorted(folder.rglob(".*") if deep else folder.glob(".*")) if _is_leftover(path, quiet_s)]


def remove_leftovers(paths: JobPaths) -> list[Path]:
    """Remove what earlier workers of a job left; for the worker of the job, who knows that nobody else writes there."""
    return [_remove(path) for path in list_leftovers(paths.folder, quiet_s=0.0)]


def remove_settled(leftovers: list[Path]) -> None:
    """Remove what ``list_leftovers`` found."""
    for path in leftovers:
        _remove(path)


def _is_leftover(path: Path, quiet_s: float) -> bool:
    match = _LEFTOVER.fullmatch(path.name)
    if match is None or process_exists(int(match[1])):
        return False
    try:
        return time.time() - path.lstat().st_mtime >= quiet_s
    except FileNotFoundError:
        return False


def _remove(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path
