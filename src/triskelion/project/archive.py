"""Archives: jobs of a project in one tar file, with or without their images, to be kept or opened elsewhere.

::

    archive.json        which jobs, what their links pointed at, which inputs stayed behind
    J8/job.json ...     every file as it is; links to stacks are in archive.json, or, with images, files

An archive holds plain files only, so that opening one cannot touch anything else.
"""

import io
import json
import os
import tarfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from triskelion.errors import DataError, InputError, JobError
from triskelion.io.atomic_write import replace_when_complete
from triskelion.project.disk_use import walk_files
from triskelion.project.image_links import list_particle_tables, list_stack_uses
from triskelion.project.layout import JobPaths, ProjectPaths, job_number
from triskelion.project.leftovers import is_temporary
from triskelion.project.lineage import job_of_path, list_ancestors, read_ancestry, read_lineage
from triskelion.project.packing import find_packing, pack
from triskelion.project.plain_json import read_json
from triskelion.project.status import read_status
from triskelion.project.store import find_job, list_jobs, read_job

ARCHIVE_FORMAT = 1
CONTENTS = "archive.json"
LINKED_SUFFIX = ".mrcs"  # only links to stacks stay links; a link with another name might stand for a file of the project


@dataclass(frozen=True)
class ArchiveContents:
    """archive.json.

    Attributes
    ----------
    title, folder : str
        Of the project the jobs come from.
    jobs : dict of str to float
        Job -> when it was made, which tells jobs of one number apart.
    absent : dict of str to float
        Jobs that those were made from and that are not in the archive, likewise.
    links : dict of str to str
        Link -> the file it pointed at.
    outside : tuple of str
        Inputs that are neither jobs nor in the archive.
    """

    title: str
    folder: str
    jobs: dict[str, float]
    absent: dict[str, float] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    with_images: bool = False
    format: int = ARCHIVE_FORMAT
    made: float = field(default_factory=time.time)


def write_archive(
    project: ProjectPaths, path: Path, names: Iterable[str] | None = None, *, with_images: bool = False, with_lineage: bool = False
) -> ArchiveContents:
    """Write jobs to a tar file.

    Parameters
    ----------
    path : path
        Its name says how it is packed: .tar, .tar.gz, .tar.bz2, .tar.xz or .tar.zst.
    names : iterable of str, optional
        Jobs; all of the project that have ended and are not damaged by default.
    with_images : bool
        Particle images too, also those that are only linked, with the jobs that hold them.
    with_lineage : bool
        All jobs that they were made from too.

    Raises
    ------
    InputError
        The name says no known packing, or the project has no job that has ended.
    JobError
        A job does not exist or has not ended; with images, a link leads nowhere.
    """
    packing = find_packing(path)
    jobs = _choose_jobs(project, names, with_images, with_lineage)
    contents = _list_contents(project, jobs, with_images)
    with replace_when_complete(path) as beside, pack(beside, packing) as archive:
        _add_contents(archive, contents)
        for paths in jobs:
            for file in walk_files(paths.folder):
                if _is_archived(file, contents, project):
                    archive.add(os.path.realpath(file) if file.is_symlink() else file, file.relative_to(project.folder).as_posix(), recursive=False)
    return contents


def _choose_jobs(project: ProjectPaths, names: Iterable[str] | None, with_images: bool, with_lineage: bool) -> list[JobPaths]:
    if names is None:
        chosen = [paths for paths in list_jobs(project) if read_ancestry(paths).type is not None and read_status(paths).is_over]
        if not chosen:
            raise InputError(f"{project.folder} has no job that has ended: there is nothing to export")
        return chosen
    wanted = {find_job(project, name).name for name in names}
    lineage = read_lineage(project)
    if with_lineage:
        wanted |= list_ancestors(lineage, wanted) & lineage.keys()
    if with_images:
        wanted |= {job for name in wanted for job in _image_holders(project.job(name))} & lineage.keys()
    chosen = [project.job(name) for name in sorted(wanted, key=lambda name: job_number(name) or 0)]
    for paths in chosen:
        if not read_status(paths).is_over:
            raise JobError(f"{paths.name} is {read_status(paths).state}: export it when it has ended, or stop it with 'triskelion kill {paths.name}'")
    return chosen


def _image_holders(paths: JobPaths) -> set[str]:
    """Return the jobs in whose folders the images of a job's tables lie."""
    return {job for table in list_particle_tables(paths) for use in list_stack_uses(table) if (job := job_of_path(use.name))}


def _list_contents(project: ProjectPaths, jobs: list[JobPaths], with_images: bool) -> ArchiveContents:
    lineage = read_lineage(project)
    made = {paths.name: read_job(paths).created for paths in jobs}
    absent: dict[str, float] = {}
    outside: set[str] = set()
    for source in (source for name in made for source in lineage[name].sources):
        if source.job is None:
            outside.add(source.file)
        elif source.job not in made:
            absent[source.job] = _made(project.job(source.job))
    links: dict[str, str] = {}
    for file in (file for paths in jobs for file in walk_files(paths.folder) if file.is_symlink()):
        if file.suffix != LINKED_SUFFIX or with_images:
            if not file.is_file():
                raise JobError(f"{file} leads to no file ({file.readlink()}): relink the images first, or export without them")
        else:
            links[file.relative_to(project.folder).as_posix()] = os.path.normpath(file.parent / os.readlink(file))
    title = str(read_json(project.record).get("title", project.folder.name))
    return ArchiveContents(title, str(project.folder), made, absent, links, tuple(sorted(outside)), with_images)


def _made(paths: JobPaths) -> float:
    """When a job was made, 0 where nothing tells any more."""
    try:
        return read_job(paths).created
    except DataError:
        return 0.0


def _is_archived(file: Path, contents: ArchiveContents, project: ProjectPaths) -> bool:
    if is_temporary(file) or file.relative_to(project.folder).as_posix() in contents.links:
        return False
    return contents.with_images or file.suffix != LINKED_SUFFIX


def _add_contents(archive: tarfile.TarFile, contents: ArchiveContents) -> None:
    data = json.dumps(asdict(contents), indent=2, ensure_ascii=False).encode()
    entry = tarfile.TarInfo(CONTENTS)
    entry.size, entry.mtime = len(data), int(contents.made)
    archive.addfile(entry, io.BytesIO(data))


def read_contents(archive: tarfile.TarFile, path: Path) -> ArchiveContents:
    """Read archive.json.

    Raises
    ------
    InputError
        The tar file is no archive of this program, or one of a later version.
    """
    first = archive.next()
    stream = archive.extractfile(first) if first is not None and first.name == CONTENTS and first.isfile() else None
    if stream is None:
        raise InputError(f"{path} is a tar file, but not one that 'triskelion export' wrote: it does not begin with {CONTENTS}")
    try:
        fields: dict[str, Any] = json.loads(stream.read())
        if fields.get("format") != ARCHIVE_FORMAT:
            raise InputError(f"{path} has format {fields.get('format')}, this program reads {ARCHIVE_FORMAT}: use a newer triskelion")
        contents = ArchiveContents(**{**fields, "outside": tuple(fields["outside"])})
        unknown = [name for name in contents.jobs if job_number(name) is None]
        if unknown or not contents.jobs:
            raise ValueError(f"it names {unknown or 'no'} jobs")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: its {CONTENTS} is damaged ({error})") from error
    return contents
