"""The regions of a segmentation job as people work on them: every edit is kept beside the segmentation, undo survives a restart.

::

    regions = project.regions("J7")
    regions.show_only("within 40A of 178.2,178.6,180.9")
    regions.group("shown", name="head")
    regions.undo()
"""

import numpy as np

from triskelion.data.segmentation import Segmentation
from triskelion.errors import JobError
from triskelion.jobs.region_selection import select_regions
from triskelion.masks.region_places import Region, list_regions
from triskelion.masks.regions import Edit, RegionHistory, RegionState, Verb, label_regions, replay_edits
from triskelion.project.layout import ProjectPaths
from triskelion.project.reading import ProjectReader
from triskelion.project.region_history import StoredEdits, edit_history, read_edits
from triskelion.project.store import find_job


class Regions:
    """The regions of a segmentation job.

    ``which`` in every method is what ``jobs.region_selection`` reads: ``"3, 17, head"``, ``"all but largest 2"`` ...; a number does too.

    Parameters
    ----------
    project : ProjectPaths
    job : str
        ``J7``.

    Raises
    ------
    JobError
        There is no such job, or it is not completed.
    InputError
        It made no segmentation.
    """

    def __init__(self, project: ProjectPaths, job: str):
        self._reader = ProjectReader(project)
        self._file = find_job(project, job).region_edits
        self.segmentation: Segmentation = self._reader.read_segmentation(job)
        self._stored: StoredEdits | None = None
        self._history = RegionHistory(RegionState.of_segmentation(self.segmentation))

    @property
    def state(self) -> RegionState:
        """The regions as they are now, edits of other programs among them."""
        return self._follow(read_edits(self._file)).state

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All that was done, first to last, undo and redo among it."""
        return read_edits(self._file).edits

    def list(self) -> list[Region]:
        """Return number, name, size, centre and visibility of every region, the largest first."""
        return list_regions(self.segmentation, self.state)

    def labels(self) -> np.ndarray:
        """Return the region of each voxel, int32 (n, n, n), 0 outside all."""
        return label_regions(self.segmentation, self.state)

    def find(self, which: str | int) -> tuple[int, ...]:
        """Return the numbers of the regions that ``which`` means, ascending.

        Raises
        ------
        InputError
            It is not understood, or means none.
        """
        return self._find(which, self.state)

    def select(self, which: str | int) -> RegionState:
        """Select these regions and no others; hidden ones are shown."""
        return self.edit("select", which)

    def add(self, which: str | int) -> RegionState:
        """Select these regions too; hidden ones are shown."""
        return self.edit("add", which)

    def deselect(self, which: str | int) -> RegionState:
        """Take these regions out of the selection."""
        return self.edit("deselect", which)

    def invert(self) -> RegionState:
        """Select what is shown and not selected, instead of what is."""
        return self.edit("invert")

    def hide(self, which: str | int) -> RegionState:
        """Hide these regions, and take them out of the selection."""
        return self.edit("hide", which)

    def show(self, which: str | int) -> RegionState:
        """Show these regions too."""
        return self.edit("show", which)

    def show_only(self, which: str | int) -> RegionState:
        """Show these regions and hide all others."""
        return self.edit("show_only", which)

    def group(self, which: str | int, name: str | None = None) -> RegionState:
        """Make one region of several, with the next free number."""
        return self.edit("group", which, name=name)

    def ungroup(self, which: str | int, level: int | None = None) -> RegionState:
        """Take groups apart: one level, or, with ``level``, into the groups there were after that smoothing step (0: into the smallest regions)."""
        return self.edit("ungroup", which, level=level)

    def rename(self, which: str | int, name: str) -> RegionState:
        """Give a region a name; ``""`` takes it away."""
        return self.edit("rename", which, name=name)

    def delete(self, which: str | int) -> RegionState:
        """Take regions out: their voxels belong to none."""
        return self.edit("delete", which)

    def undo(self) -> RegionState:
        """Return to before the last edit."""
        return self.edit("undo")

    def redo(self) -> RegionState:
        """Do again what was undone last."""
        return self.edit("redo")

    def edit(
        self,
        verb: Verb,
        which: str | int | None = None,
        *,
        name: str | None = None,
        level: int | None = None,
        expected_edits: int | None = None,
    ) -> RegionState:
        """Append an edit to the newest state of the file; one that does not fit, or changes nothing, is not written.

        Parameters
        ----------
        expected_edits : int, optional
            How many edits the caller has seen.

        Raises
        ------
        JobError
            There are others than those.
        """
        with edit_history(self._file) as file:
            if expected_edits is not None and len(file.stored.edits) != expected_edits:
                raise JobError(f"the regions were edited elsewhere: {len(file.stored.edits)} edits instead of {expected_edits}; load them again")
            before = self._follow(file.stored)
            regions = () if which is None else self._find(which, before.state)
            edit = Edit(verb, regions, name, level)
            after = before.apply(edit)
            if after is not before:
                file.append(edit)
                self._stored, self._history = file.stored, after
            return after.state

    def _find(self, which: str | int, state: RegionState) -> tuple[int, ...]:
        return tuple(sorted(select_regions(str(which), self.segmentation, state, self._reader)))

    def _follow(self, stored: StoredEdits) -> RegionHistory:
        """Return the history of the file, replayed only where it has changed since."""
        if stored != self._stored:
            if stored.warning:
                self._reader.warn(stored.warning)
            self._stored, self._history = stored, replay_edits(self.segmentation, stored.edits)
        return self._history
