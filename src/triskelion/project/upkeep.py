"""Looking after a project: what is in it and what it takes, deleting and restoring, health, archives.

::

    project.upkeep.delete(["J8"])
    project.upkeep.examine(mend=True).findings
    project.upkeep.export("head.tar.gz", ["J8"], with_lineage=True)
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from triskelion.project import deletion, workspaces
from triskelion.project.archive import ArchiveContents, write_archive
from triskelion.project.deletion import DeletedJob
from triskelion.project.disk_use import DiskUse, measure_disk_use
from triskelion.project.doctor import Diagnosis, examine_project
from triskelion.project.layout import ProjectPaths
from triskelion.project.lineage import Ancestry, read_lineage
from triskelion.project.relink import Relinked, relink_images
from triskelion.project.store import list_jobs
from triskelion.project.unpack import unpack_archive
from triskelion.project.workspaces import Workspace


class Upkeep:
    """The calls that look after a project as a whole."""

    def __init__(self, project: ProjectPaths):
        self._project = project

    # ---- looking

    @property
    def lineage(self) -> dict[str, Ancestry]:
        """What each job was made from."""
        return read_lineage(self._project)

    @property
    def disk_use(self) -> dict[str, DiskUse]:
        """What each job takes on disk."""
        return {paths.name: measure_disk_use(paths) for paths in list_jobs(self._project)}

    def examine(self, mend: bool = False) -> Diagnosis:
        """Check every job; with ``mend``, mend what can be mended without losing anything."""
        return examine_project(self._project, mend)

    # ---- workspaces

    @property
    def workspaces(self) -> list[Workspace]:
        """The workspaces and their jobs."""
        return workspaces.list_workspaces(self._project)

    def add_workspace(self, title: str) -> str:
        """Make a workspace and return its name."""
        return workspaces.add_workspace(self._project, title)

    def move(self, jobs: Sequence[str], workspace: str) -> None:
        """Move jobs to a workspace."""
        workspaces.move_jobs(self._project, list(jobs), workspace)

    # ---- deleting

    @property
    def bin(self) -> list[DeletedJob]:
        """The jobs in the bin."""
        return deletion.list_bin(self._project)

    def delete(self, jobs: Sequence[str], force: bool = False) -> None:
        """Move jobs to the bin; refused where others were made from them, unless forced."""
        deletion.delete_jobs(self._project, jobs, force)

    def restore(self, job: str) -> None:
        """Bring a job back from the bin."""
        deletion.restore_job(self._project, job)

    def empty_bin(self) -> list[str]:
        """Erase what is in the bin for good, and return the names of the jobs."""
        return deletion.empty_bin(self._project)

    def clear(self, job: str, force: bool = False) -> None:
        """Erase the outputs of a job, which can be run again; refused where others were made from it, unless forced."""
        deletion.clear_job(self._project, job, force)

    # ---- archives and moved images

    def export(
        self, path: str | os.PathLike, jobs: Iterable[str] | None = None, *, with_images: bool = False, with_lineage: bool = False
    ) -> ArchiveContents:
        """Write jobs, all that have ended by default, to a tar file."""
        return write_archive(self._project, Path(path), jobs, with_images=with_images, with_lineage=with_lineage)

    def import_archive(self, path: str | os.PathLike) -> dict[str, str]:
        """Bring the jobs of an archive into the project; returns their names there -> here."""
        return unpack_archive(self._project, Path(path))

    def relink(self, folder: str | os.PathLike, moved_from: str | os.PathLike | None = None) -> Relinked:
        """Point links and tables at images that were moved to ``folder``."""
        return relink_images(self._project, Path(folder), None if moved_from is None else Path(moved_from))
