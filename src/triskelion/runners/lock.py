"""A lock that one process of this machine holds, on any file system; one whose holder died is open again.

The lock is a folder with one file in it, named after its holder. It is taken by renaming a folder made beside it, which file systems do for one
process only, and only where the lock is absent or empty. It is opened by removing the file of the holder; that of a dead holder may be removed by
anybody, and because its name says whose it is, nobody removes the file of a holder who came after. (flock is not there on every shared file system.)
"""

import os
import shutil
from pathlib import Path

from triskelion.project.processes import process_exists, read_start


class FolderLock:
    """A lock at a path, for processes of one machine."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._mark = f"{os.getpid()}.{read_start(os.getpid())}"

    def acquire(self) -> bool:
        """Take the lock if nobody alive holds it; return whether it is ours now."""
        if self.is_held():
            return False
        beside = self._folder.with_name(f".{self._folder.name}.{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        (beside / self._mark).touch()
        try:
            os.rename(beside, self._folder)
        except OSError:  # somebody was faster
            shutil.rmtree(beside, ignore_errors=True)
            return False
        return True

    def release(self) -> None:
        """Give the lock back."""
        (self._folder / self._mark).unlink(missing_ok=True)

    def is_held(self) -> bool:
        """Whether a living process holds the lock; the mark of a dead one is removed."""
        marks = list(self._folder.iterdir()) if self._folder.is_dir() else []
        for mark in marks:
            if _is_alive(mark.name):
                return True
            mark.unlink(missing_ok=True)
        return False


def _is_alive(mark: str) -> bool:
    pid, _, start = mark.partition(".")
    return process_exists(int(pid)) and read_start(int(pid)) == start
