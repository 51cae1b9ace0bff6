"""What can be wrong with the images of a job: links that lead nowhere, missing images, stacks cut short."""

from collections.abc import Iterator
from pathlib import Path

from triskelion.errors import DataError
from triskelion.project.finding import Finding
from triskelion.project.image_links import StackUse, find_fault, list_links, list_particle_tables, list_stack_uses
from triskelion.project.layout import JobPaths

SHOWN = 3
_RELINK = "if the images were moved: triskelion relink NEW_FOLDER"


def check_images(paths: JobPaths) -> Iterator[Finding]:
    """Broken links, tables that cannot be read, and, table by table, missing stacks with the number of their rows."""
    broken = [link for link in list_links(paths) if not link.exists()]
    if broken:
        shown = ", ".join(f"{link.relative_to(paths.folder)} -> {link.readlink()}" for link in broken[:SHOWN])
        yield Finding(paths.name, f"{len(broken)} links lead nowhere: {shown}{_and_more(len(broken))}", _RELINK)
    for table in list_particle_tables(paths):
        try:
            uses = list_stack_uses(table)
        except DataError as error:
            yield Finding(paths.name, str(error), f"run the job again: triskelion clear {paths.name}")
            continue
        yield from _check_stacks(paths, table, uses)


def _check_stacks(paths: JobPaths, table: Path, uses: list[StackUse]) -> Iterator[Finding]:
    faults = [(use, fault) for use in uses if (fault := find_fault(paths.project.folder / use.name, use))]
    if faults:
        rows = sum(use.n_rows for use, _ in faults)
        shown = [f"{use.name} ({use.n_rows} rows, the first {use.first_row}): {fault}" for use, fault in faults[:SHOWN]]
        what = f"{table.name}: the images of {rows} rows in {len(faults)} of {len(uses)} stacks cannot be used: "
        yield Finding(paths.name, what + "; ".join(shown) + _and_more(len(faults)), _RELINK)


def _and_more(n: int) -> str:
    return f" and {n - SHOWN} more" if n > SHOWN else ""
