"""Links to images: what the tables of a job and the links in its folder point at, and what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from triskelion.errors import DataError
from triskelion.io import particle_labels as labels
from triskelion.io.star import StarTable, read_star
from triskelion.project.disk_use import walk_files
from triskelion.project.layout import JobPaths
from triskelion.project.leftovers import is_temporary


@dataclass(frozen=True)
class StackUse:
    """What a particle table wants of one stack.

    Attributes
    ----------
    table : Path
        The STAR file.
    name : str
        The stack as the table has it, relative to the project or absolute.
    first_row : int
        1-based row of its first particle.
    n_rows : int
        Particles from this stack.
    highest : int
        Largest number of an image, from 1.
    box_px : int or None
        Edge of the images, None where the table does not say.
    """

    table: Path
    name: str
    first_row: int
    n_rows: int
    highest: int
    box_px: int | None

    def merge(self, other: "StackUse") -> "StackUse":
        """Return what both tables together want of the stack."""
        return replace(self, highest=max(self.highest, other.highest), box_px=self.box_px or other.box_px)


def list_links(paths: JobPaths) -> list[Path]:
    """Return the symbolic links of a job."""
    return [file for file in walk_files(paths.folder) if file.is_symlink()]


def list_particle_tables(paths: JobPaths) -> list[Path]:
    """Return the STAR files of a job, those with particles and others."""
    return [file for file in walk_files(paths.folder) if file.suffix == ".star" and not is_temporary(file)]


def particle_blocks(tables: dict[str, StarTable]) -> Iterator[StarTable]:
    """Yield the blocks of a STAR file that name images."""
    return (table for table in tables.values() if table.is_loop and labels.IMAGE_NAME in table.columns and len(table))


def list_stack_uses(table: Path) -> list[StackUse]:
    """Return the stacks that a STAR file names, in the order of their first rows; none where it holds no particles.

    Raises
    ------
    DataError
        It is not a STAR file, or an image is not called ``number@stack``.
    """
    tables = read_star(table)
    uses: list[StackUse] = []
    for block in particle_blocks(tables):
        parts = np.char.partition(block.columns[labels.IMAGE_NAME], "@")
        try:
            numbers = parts[:, 0].astype(np.int64)
        except ValueError as error:
            raise DataError(f"{table}: an image is not called number@stack ({error})") from error
        names, first, inverse, counts = np.unique(parts[:, 2], return_index=True, return_inverse=True, return_counts=True)
        highest = np.zeros(len(names), dtype=np.int64)
        np.maximum.at(highest, inverse, numbers)
        boxes = _boxes_px(tables, block)
        for index in np.argsort(first):
            row = int(first[index])
            uses.append(StackUse(table, str(names[index]), row + 1, int(counts[index]), int(highest[index]), boxes[row]))
    return uses


def _boxes_px(tables: dict[str, StarTable], block: StarTable) -> list[int | None]:
    """Edge of the image of each row, from its optics group."""
    optics = tables["optics"].columns if "optics" in tables else {}
    if not {labels.OPTICS_GROUP, "rlnImageSize"} <= optics.keys() or labels.OPTICS_GROUP not in block.columns:
        return [None] * len(block)
    sizes = {group: int(size) for group, size in zip(optics[labels.OPTICS_GROUP].tolist(), optics["rlnImageSize"].tolist())}
    return [sizes.get(group) for group in block.columns[labels.OPTICS_GROUP].tolist()]


def find_fault(file: Path, use: StackUse) -> str | None:
    """Say why a file is not the stack that a table wants; None where it is."""
    from triskelion.io.mrc import open_stack, read_header

    if not file.is_file():
        return "there is no such file"
    try:
        header = read_header(file)
        whole = len(open_stack(file))
    except DataError as error:
        return str(error)
    if whole < use.highest:
        cut = f", the file is cut short: {header.shape[0]} were written" if whole < header.shape[0] else ""
        return f"it holds {whole} images, image {use.highest} is wanted{cut}"
    if use.box_px and header.shape[1:] != (use.box_px, use.box_px):
        return f"its images are {header.shape[2]} x {header.shape[1]} px, wanted {use.box_px} x {use.box_px}"
    return None
