"""Find the stacks a particle table names, and link them into a folder: images are never copied."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

# A table lies somewhere inside the project whose root its paths start from, seldom deeper than this.
LEVELS_UP = 3


def find_stacks(names: Iterable[str], table: Path, data_dir: Path | None) -> dict[str, Path]:
    """Find each stack, by its name in the table.

    Looked for is the path as it is written and, folder by folder from the left, what is left of it; in ``data_dir``, or, where
    none is given, in the folder of the table and those around it. Names that are nowhere are left out.
    """
    folder = table.resolve().parent
    roots = [data_dir.resolve()] if data_dir is not None else [folder, *list(folder.parents)[:LEVELS_UP]]
    found = {name: _find_stack(name, roots) for name in names}
    return {name: path for name, path in found.items() if path is not None}


def link_stacks(stacks: dict[str, Path], folder: Path) -> dict[str, str]:
    """Make symbolic links to stacks in ``folder``.

    The links keep the folders of the names, and end in .mrcs, because RELION takes .mrc for a map.

    Returns
    -------
    dict of str to str
        Name in the table -> path of its link, relative to ``folder``.
    """
    links: dict[str, str] = {}
    taken: dict[str, Path] = {}
    for name, source in stacks.items():
        parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
        link = PurePosixPath(*parts).with_suffix(".mrcs")
        number = 1
        while taken.setdefault(str(link), source) != source:
            number += 1
            link = link.with_stem(f"{PurePosixPath(parts[-1]).stem}-{number}")
        target = folder / link
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source)
        links[name] = str(link)
    return links


def _find_stack(name: str, roots: Sequence[Path]) -> Path | None:
    parts = PurePosixPath(name).parts
    for first in range(len(parts)):
        for root in roots:
            candidate = root.joinpath(*parts[first:])  # an absolute name stays what it is
            if os.path.isfile(candidate):  # False, too, for a name that no file can have
                return candidate.resolve()
    return None
