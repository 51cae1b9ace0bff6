"""Open an archive in a project: its jobs get their own numbers where these are free, others where not, and refer to each other as before."""

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from triskelion.errors import DataError, InputError
from triskelion.project.archive import LINKED_SUFFIX, ArchiveContents, read_contents
from triskelion.project.layout import JobPaths, ProjectPaths, job_number
from triskelion.project.notes import Notes
from triskelion.project.packing import unpack
from triskelion.project.plain_json import read_json
from triskelion.project.store import list_jobs, make_job_folder, read_job
from triskelion.project.translate import Translation, translate_job


def unpack_archive(project: ProjectPaths, path: Path) -> dict[str, str]:
    """Bring the jobs of an archive into a project.

    Returns
    -------
    dict of str to str
        Name in the archive -> name in the project.

    Raises
    ------
    InputError
        The file is no archive of this program.
    DataError
        It is damaged, or holds what an archive does not hold; the project is as it was.
    """
    room = project.folder / f".unpacked.{os.getpid()}"
    try:
        room.mkdir()
        contents = _extract(path, room)
        names = _take_names(project, contents)
        try:
            _move_in(project, room, contents, names, path)
        except BaseException:
            for name in names.values():
                if project.job(name).folder.is_dir() and not any(project.job(name).folder.iterdir()):
                    project.job(name).folder.rmdir()
            raise
        return names
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _extract(path: Path, room: Path) -> ArchiveContents:
    """Extract the jobs into ``room``; nothing but plain files inside their folders is accepted."""
    try:
        with unpack(path) as archive:
            contents = read_contents(archive, path)
            while (entry := archive.next()) is not None:
                parts = PurePosixPath(entry.name).parts
                inside = len(parts) > 1 and parts[0] in contents.jobs and ".." not in parts
                if not (inside and entry.isfile()):
                    raise DataError(f"{path} holds {entry.name!r}, which is not a plain file of one of its jobs: it is not opened")
                archive.extract(entry, room, filter="data")
    except FileNotFoundError:
        raise InputError(f"there is no archive {path}") from None
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be opened as an archive ({error}): export it again, or fetch it again") from error
    for name in contents.jobs:
        _require_job(JobPaths(room / name), path)
    for link, target in contents.links.items():
        _link(room, link, target, contents, path)
    return contents


def _require_job(paths: JobPaths, path: Path) -> None:
    if not paths.record.is_file():
        raise DataError(f"{path} holds no job.json of {paths.name}: the archive is not whole")
    try:
        read_job(paths)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _link(room: Path, link: str, target: str, contents: ArchiveContents, path: Path) -> None:
    """Make a link as it was, in the folder of a job and where no file is."""
    parts, place = PurePosixPath(link).parts, room / link
    inside = len(parts) > 1 and parts[0] in contents.jobs and ".." not in parts and place.suffix == LINKED_SUFFIX
    if not inside or os.path.lexists(place) or not place.parent.resolve().is_relative_to(room.resolve()):
        raise DataError(f"{path} names a link {link!r} that is not in one of its jobs: it is not opened")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def _take_names(project: ProjectPaths, contents: ArchiveContents) -> dict[str, str]:
    """Take a free number for each job, its own where nobody has it: here or in the bin."""
    taken = {paths.name for paths in list_jobs(project.bin)}
    names: dict[str, str] = {}
    for name in sorted(contents.jobs, key=lambda each: job_number(each) or 0):
        try:
            if name in taken:
                raise FileExistsError
            project.job(name).folder.mkdir()
            names[name] = name
        except FileExistsError:
            names[name] = make_job_folder(project).name
    return names


def _move_in(project: ProjectPaths, room: Path, contents: ArchiveContents, names: dict[str, str], path: Path) -> None:
    """Make the jobs refer to one another by their new names, and let each folder appear at once."""
    same = {name: name for name, made in contents.absent.items() if _is_here(project, name, made)}
    translation = Translation(project, Path(contents.folder), {**same, **names})
    for old, new in names.items():
        paths = JobPaths(room / old)
        translate_job(paths, new, translation)
        Notes(paths).add(
            f"imported from {path.name}: {old} of {contents.title}" + ("" if old == new else "; logs and plots speak of it by that name")
        )
    for old, new in names.items():
        os.rename(room / old, project.job(new).folder)


def _is_here(project: ProjectPaths, name: str, made: float) -> bool:
    record = project.job(name).record
    return record.exists() and read_json(record).get("created") == made
