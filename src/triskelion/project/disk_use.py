"""Disk use of a job, by what takes the room."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triskelion.project.layout import JobPaths

_STACKS = (".mrcs",)


@dataclass(frozen=True)
class DiskUse:
    """Bytes on disk.

    Attributes
    ----------
    images_bytes : int
        Particle stacks that lie in the folder.
    iterations_bytes : int
        Maps of every iteration and the checkpoint, which the result does not need.
    rest_bytes : int
        Results, plots, logs.
    linked_bytes : int
        Images elsewhere that the job links to; no room of the project.
    """

    images_bytes: int = 0
    iterations_bytes: int = 0
    rest_bytes: int = 0
    linked_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """What would be free without the job."""
        return self.images_bytes + self.iterations_bytes + self.rest_bytes

    def __add__(self, other: "DiskUse") -> "DiskUse":
        return DiskUse(
            self.images_bytes + other.images_bytes,
            self.iterations_bytes + other.iterations_bytes,
            self.rest_bytes + other.rest_bytes,
            self.linked_bytes + other.linked_bytes,
        )


def measure_disk_use(paths: JobPaths) -> DiskUse:
    """Measure one job; links are not followed, blocks that a file does not fill count in full."""
    use = DiskUse()
    iterations = paths.output("map.mrc", 0).parent
    for file in walk_files(paths.folder):
        try:
            room = file.lstat().st_blocks * 512
            if file.is_symlink():
                use += DiskUse(rest_bytes=room, linked_bytes=file.stat().st_size if file.exists() else 0)
                continue
        except FileNotFoundError:  # a running job replaces files at any time
            continue
        if file.suffix in _STACKS:
            use += DiskUse(images_bytes=room)
        elif file.parent == iterations or file == paths.checkpoint:
            use += DiskUse(iterations_bytes=room)
        else:
            use += DiskUse(rest_bytes=room)
    return use


def walk_files(folder: Path) -> Iterator[Path]:
    """Yield all files and links below a folder, sorted; links to folders are not entered."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted(files + links):
            yield Path(place) / name
