"""The maps of a job that can be looked at: every map and mask in its folder, and of a segmentation the map that was segmented."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from triskelion.errors import JobError
from triskelion.project.connect import MASK_BASES, list_outputs
from triskelion.project.layout import JobPaths
from triskelion.project.reading import ProjectReader
from triskelion.project.store import read_summary

if TYPE_CHECKING:
    from triskelion.data.volume import Volume

SEGMENTED = "segmented"
_FIRST = (SEGMENTED, "map_sharp", "map")
_LAST = ("half_a", "half_b", "labels")
_TITLES = {SEGMENTED: "the map that was segmented", "map_sharp": "sharpened map", "half_a": "half map a", "half_b": "half map b"}
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Viewable:
    """A map or mask.

    Attributes
    ----------
    name : str
        ``map``: its file without suffix, or ``segmented``.
    kind : str
    title : str
    path : Path
        The file that it changes with.
    """

    name: str
    kind: Literal["volume", "mask"]
    title: str
    path: Path

    @property
    def is_base(self) -> bool:
        """Whether it is the base of a mask: what is 0 in it is outside."""
        return self.name in MASK_BASES


def list_viewable(paths: JobPaths) -> list[Viewable]:
    """Return all maps and masks of a job: the one to look at first in front, half maps and frames of a motion last."""
    outputs = list_outputs(paths)
    masks = {output.name for output in outputs if output.kind == "mask"}
    declared = [output.name for output in outputs if output.path.suffix == ".mrc"]
    others = {path.stem for path in paths.folder.glob("[!.]*.mrc")} - set(declared)
    names = [*declared, *sorted(others, key=lambda name: [int(part) if part.isdigit() else part for part in _NUMBERS.split(name)])]
    masks |= {name for name in others if name.startswith("mask")}
    found = [Viewable(name, "mask" if name in masks else "volume", title_map(name), paths.output(f"{name}.mrc")) for name in names]
    segmentation = next((output.path for output in outputs if output.kind == "segmentation"), None)
    if segmentation is not None:
        found.append(Viewable(SEGMENTED, "volume", title_map(SEGMENTED), segmentation))
    return sorted(found, key=lambda each: _FIRST.index(each.name) if each.name in _FIRST else len(_FIRST) + (each.name in _LAST))


def title_map(name: str) -> str:
    """Return what people call a map."""
    return _TITLES.get(name, name.replace("_", " "))


def find_viewable(paths: JobPaths, name: str) -> Viewable:
    """Return the map of this name.

    Raises
    ------
    JobError
        The job has none.
    """
    known = list_viewable(paths)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        raise JobError(f"{paths.name} has no map {name!r}: it has {', '.join(each.name for each in known) or 'none'}")
    return found


def read_viewable(paths: JobPaths, viewable: Viewable) -> "Volume":
    """Read a map or mask as a density; the one that was segmented is blurred as it was then."""
    from triskelion.io.mrc import read_volume
    from triskelion.jobs.read_regions import read_segmented_map

    if viewable.name == SEGMENTED:
        return read_segmented_map(ProjectReader(paths.project), paths.name, None, None)[0]  # pyright: ignore[reportArgumentType]
    return read_volume(viewable.path)


def read_pixel_size_A(paths: JobPaths, viewable: Viewable) -> float:
    """Return the pixel size of a map."""
    from triskelion.io.mrc import read_header

    if viewable.name == SEGMENTED:
        return ProjectReader(paths.project).read_segmentation(paths.name).pixel_size_A
    return read_header(viewable.path).voxel_size_A[0]


def find_threshold(volume: "Volume", viewable: Viewable) -> float:
    """Return the threshold that volume_tools takes where none is given."""
    from triskelion.masks.binarize import automatic_threshold

    if viewable.kind == "mask":
        return 0.5
    positive = volume.array[volume.array > 0]
    return 0.5 * float(positive.min()) if viewable.is_base and len(positive) else automatic_threshold(volume.array)


def find_resolution_A(paths: JobPaths, viewable: Viewable) -> float | None:
    """Return the resolution of a map as far as its job, or that of the map that was segmented, tells."""
    if viewable.name == SEGMENTED:
        reader = ProjectReader(paths.project)
        source = (reader.read_parameters(paths.name) or {}).get("volume")
        return None if source is None else (reader.read_summary(source) or {}).get("resolution_A")
    summary = read_summary(paths)
    return summary.get("resolution_A") or summary.get("map_resolution_A")
