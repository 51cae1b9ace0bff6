"""Job: files of an EMPIAR entry, downloaded over HTTPS.

`--preview` lists what would be fetched, with sizes. A file appears under its name when it is complete and of the right size; what was interrupted
goes on where it broke off when the job is resumed, or run again into the same `folder`. Entries have up to terabytes: for more than some 100 GB
Globus or Aspera are faster. Globus: collection "Shared EMBL-EBI public endpoint", folder /gridftp/empiar/world_availability/NUMBER. Aspera:
`ascp -QT -P33001 -k1 emp_ext3@fasp.ebi.ac.uk:/NUMBER/data .` with the key that comes with ascp.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter

if TYPE_CHECKING:
    from triskelion.io.download import Patience, RemoteFile

SHOWN_FILES = 30
MB = 1_000_000


class FetchEmpiarParameters(JobParameters):
    """What fetch_empiar is told."""

    entry: str = parameter(title="Entry", help="EMPIAR number: 10073 or EMPIAR-10073. For hundreds of GB use Globus or Aspera, see docs/jobs.")
    files: tuple[str, ...] = parameter(
        ("*",), title="Files", help="Which ones: data/*.star, or data/particles for a folder; * stands for any characters. All by default."
    )
    folder: Path | None = parameter(None, title="Folder", help="Where to; left out, the folder files/ of the job.")
    parallel: int = parameter(4, title="Parallel files", ge=1, le=16, help="Files on their way at a time.")
    attempts: int = parameter(
        6, title="Attempts", ge=1, le=100, advanced=True, help="So often without any progress before a file is given up; waits double between them."
    )
    first_wait_s: float = parameter(1.0, title="First wait", unit="s", ge=0, le=60, advanced=True, help="Before the second attempt.")
    address: str = parameter(
        "https://ftp.ebi.ac.uk/empiar/world_availability",
        title="Address",
        advanced=True,
        help="Of the folder of all entries: a mirror, or EMPIAR itself.",
    )


def run(parameters: FetchEmpiarParameters, context: JobContext) -> None:
    """List, measure, download."""
    from triskelion.io.download import download_files, place_below

    folder = context.folder / "files" if parameters.folder is None else context.project_folder / parameters.folder
    with context.progress(1, "Listing") as bar:
        paths = _list_paths(parameters)
        bar.advance()
    for path in paths:
        place_below(folder, path)
    with context.progress(len(paths), "Asking for sizes") as bar:
        files = _measure(parameters, paths, bar.advance)
    size_bytes = sum(file.size_bytes for file in files)
    context.log(f"{len(files)} files, {format_size(size_bytes)}, into {folder}")
    context.save_json("files", {"entry": parameters.entry, "files": [{"path": file.path, "size_bytes": file.size_bytes} for file in files]})
    with context.progress(size_bytes // MB + 1, "Downloading (MB)") as bar:
        download_files(files, folder, parameters.parallel, _patience(parameters), _count_whole(MB, bar.advance))
    tables = [file.path for file in files if file.path.endswith(".star")]
    for table in tables[:3]:
        context.log(f"to import it: triskelion run import_particles --meta {folder / table} --data-dir {folder}")
    context.summarize(n_files=len(files), size_MB=size_bytes / MB)


def preview(parameters: FetchEmpiarParameters, context: JobContext) -> None:
    """List the files and their sizes."""
    files = _measure(parameters, _list_paths(parameters), lambda n: None)
    for file in files[:SHOWN_FILES]:
        context.log(f"{format_size(file.size_bytes):>9}  {file.path}")
    if len(files) > SHOWN_FILES:
        context.log(f"... and {len(files) - SHOWN_FILES} more")
    context.log(f"{len(files)} files, {format_size(sum(file.size_bytes for file in files))}")


def format_size(size_bytes: int) -> str:
    """Write a size as people say it: 3.2 GB."""
    size, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def _patience(parameters: FetchEmpiarParameters) -> "Patience":
    from triskelion.io.download import Patience

    return Patience(parameters.attempts, parameters.first_wait_s)


def _list_paths(parameters: FetchEmpiarParameters) -> list[str]:
    from triskelion.io.empiar import entry_address, list_files

    address = entry_address(parameters.entry, parameters.address)
    paths = list_files(address, parameters.files, parameters.parallel, _patience(parameters))
    if not paths:
        raise InputError(f"{address} has no file that fits {', '.join(parameters.files)}: look with --preview --files '*'")
    return paths


def _measure(parameters: FetchEmpiarParameters, paths: list[str], advance: Callable[[int], None]) -> "list[RemoteFile]":
    from triskelion.io.empiar import entry_address, measure_files

    return measure_files(entry_address(parameters.entry, parameters.address), paths, parameters.parallel, _patience(parameters), advance)


def _count_whole(unit: int, advance: Callable[[int], None]) -> Callable[[int], None]:
    """Return what counts bytes and advances by whole units, also by none, so that a cancelled job is noticed."""
    rest = 0

    def count(n_bytes: int) -> None:
        nonlocal rest
        whole, rest = divmod(rest + n_bytes, unit)
        advance(whole)

    return count


JOB = JobType("fetch_empiar", "Download files of an EMPIAR entry", FetchEmpiarParameters, run, {}, preview)
