"""Relink: images that were moved are found in their new folder, checked, and only then linked again."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from triskelion.errors import DataError, InputError
from triskelion.io import particle_labels as labels
from triskelion.io.link_stacks import find_stacks
from triskelion.io.star import read_star, write_star
from triskelion.project.context import append_log
from triskelion.project.image_links import StackUse, find_fault, list_links, list_particle_tables, list_stack_uses, particle_blocks
from triskelion.project.layout import ProjectPaths
from triskelion.project.store import list_jobs

SHOWN = 3


@dataclass(frozen=True)
class Relinked:
    """What was done.

    Attributes
    ----------
    n_links, n_tables : int
        Links made anew, STAR files written anew.
    still_missing : tuple of str
        Files that are missing and were not found in the new folder.
    damaged : tuple of str
        Tables that cannot be read, with why: they are left as they are.
    """

    n_links: int
    n_tables: int
    still_missing: tuple[str, ...]
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Pointers:
    """All that points at images: links with their targets, and what tables want of the stack at each place, by its name; tables that tell nothing."""

    links: dict[Path, Path]
    uses: dict[str, StackUse]
    damaged: dict[Path, str]


def relink_images(project: ProjectPaths, folder: Path, moved_from: Path | None = None) -> Relinked:
    """Point links and tables at the images in ``folder``.

    Parameters
    ----------
    folder : path
        Where the images are now; below it they lie as they did before.
    moved_from : path, optional
        All images below this folder are looked for, also those that are still there; without it, those that are missing.

    Raises
    ------
    InputError
        ``folder`` is no folder, or nothing is to be relinked.
    DataError
        None of the images is found, or one that is found is not what the tables want. Nothing is changed then.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the one in which the images lie now")
    pointers = _collect_pointers(project)
    is_moved = lambda path: not path.exists() if moved_from is None else path.is_relative_to(moved_from.absolute())
    links = {link: target for link, target in pointers.links.items() if is_moved(target)}
    places = {name: project.folder / name for name in pointers.uses}
    names = {name: place for name, place in places.items() if place not in pointers.links and is_moved(place)}
    if not links and not names:
        raise InputError("nothing is to be relinked: " + (f"no image lies in {moved_from}" if moved_from else "no image is missing"))
    wanted = {*links.values(), *names.values()}
    found = {target: file for target in wanted if (file := _find(target, folder))}
    if not found:
        raise DataError(f"none of {len(wanted)} images is in {folder} (looked for {sorted(wanted)[0].name}); give the folder in which they lie")
    reached = {name: links.get(place, place) for name, place in places.items() if place in links or name in names}
    _check_found([(pointers.uses[name], found[target]) for name, target in reached.items() if target in found])
    done = _point_at(project, links, names, found, pointers.damaged.keys())
    return replace(done, damaged=tuple(pointers.damaged.values()))


def _collect_pointers(project: ProjectPaths) -> _Pointers:
    pointers = _Pointers({}, {}, {})
    for paths in list_jobs(project):
        pointers.links.update({link: Path(os.path.normpath(link.parent / os.readlink(link))) for link in list_links(paths)})
        for table in list_particle_tables(paths):
            try:
                found = list_stack_uses(table)
            except DataError as error:
                pointers.damaged[table] = str(error)
                continue
            for use in found:
                pointers.uses[use.name] = pointers.uses[use.name].merge(use) if use.name in pointers.uses else use
    return pointers


def _find(target: Path, folder: Path) -> Path | None:
    """Find an image in its new folder, by as much of its old path as is still true."""
    name = str(PurePosixPath(*target.parts[1:]))
    return find_stacks([name], folder, folder).get(name)


def _check_found(stacks: list[tuple[StackUse, Path]]) -> None:
    """Raise DataError unless every stack that was found is what the tables want in its place."""
    faults = [
        f"{file} cannot stand for {use.name} ({use.table.parent.name}, row {use.first_row}): {fault}"
        for use, file in stacks
        if (fault := find_fault(file, use))
    ]
    if faults:
        more = f"\n  and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise DataError("nothing is relinked:\n  " + "\n  ".join(faults[:SHOWN]) + more)


def _point_at(
    project: ProjectPaths, links: dict[Path, Path], names: dict[str, Path], found: dict[Path, Path], left_alone: Collection[Path]
) -> Relinked:
    new_links = {link: found[target] for link, target in links.items() if target in found}
    new_names = {name: found[path] for name, path in names.items() if path in found}
    for link, file in new_links.items():
        _replace_link(link, file)
    n_tables = 0
    for paths in list_jobs(project):
        tables = [table for table in list_particle_tables(paths) if table not in left_alone]
        written = [table for table in tables if new_names and _rename_stacks(table, new_names)]
        n_links = sum(link.is_relative_to(paths.folder) for link in new_links)
        if n_links or written:
            append_log(paths, f"relinked {n_links} links" + "".join(f", {table.name}" for table in written))
        n_tables += len(written)
    missing = {*links.values(), *names.values()} - found.keys()
    return Relinked(len(new_links), n_tables, tuple(sorted(map(str, missing))))


def _replace_link(link: Path, file: Path) -> None:
    """Point a link elsewhere; it is there at any moment."""
    beside = link.with_name(f".{link.stem}.{os.getpid()}{link.suffix}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(file)
    os.replace(beside, link)


def _rename_stacks(table: Path, new_names: dict[str, Path]) -> bool:
    """Write a STAR file anew with other stacks; the old one is kept beside it as ``particles.star.old``."""
    tables = read_star(table)
    changed = False
    for block in particle_blocks(tables):
        parts = np.char.partition(block.columns[labels.IMAGE_NAME], "@").tolist()
        if any(stack in new_names for _, _, stack in parts):
            images = [f"{number}@{new_names.get(stack, stack)}" for number, _, stack in parts]
            block.columns[labels.IMAGE_NAME] = np.array(images, dtype=np.str_)
            changed = True
    if changed:
        _keep_old(table)
        write_star(table, tables)
    return changed


def _keep_old(table: Path) -> None:
    """Copy a table that is about to be replaced."""
    n_kept = len(list(table.parent.glob(f"{table.name}.old*")))
    shutil.copy2(table, table.with_name(f"{table.name}.old{n_kept + 1 if n_kept else ''}"))
