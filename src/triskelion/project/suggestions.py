"""Suggestions of what to begin with where a person has to choose: how far a mask is dilated and padded, where a fulcrum may be."""

from dataclasses import dataclass

import numpy as np

from triskelion.errors import TriskelionError
from triskelion.jobs.read_regions import choose_regions, read_regions
from triskelion.jobs.volume_steps import BASE_DILATION_A, DEFAULT_PADDING_A
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.reading import ProjectReader
from triskelion.project.store import list_jobs, read_summary
from triskelion.project.viewable import SEGMENTED, Viewable, find_resolution_A, read_pixel_size_A

FULCRUM_JOBS = 5  # the newest that have found one


@dataclass(frozen=True)
class Padding:
    """How far to dilate and pad a mask base, and the padding that should not be undercut."""

    dilation_px: float
    soft_padding_px: float
    minimum_padding_px: float | None
    resolution_A: float | None
    reason: str


@dataclass(frozen=True)
class FulcrumPlace:
    """A point that may be the fulcrum, from the corner voxel."""

    title: str
    xyz_px: tuple[float, float, float]
    reason: str


def suggest_padding(paths: JobPaths, viewable: Viewable) -> Padding:
    """Return what volume_tools would take for a map of this job, in px; of the map that was segmented, for a base of its regions."""
    from triskelion.masks.soft_edge import DILATION_PER_RESOLUTION, PADDING_PER_RESOLUTION, minimum_padding_px, suggest_dilation_px

    resolution_A, pixel_size_A = find_resolution_A(paths, viewable), read_pixel_size_A(paths, viewable)
    is_base = viewable.is_base or viewable.name == SEGMENTED
    if resolution_A is None:
        dilation_A = BASE_DILATION_A if is_base else 0.0
        reason = f"dilation {dilation_A:g} Å, padding {DEFAULT_PADDING_A:g} Å: nothing tells the resolution of the map"
        return Padding(dilation_A / pixel_size_A, DEFAULT_PADDING_A / pixel_size_A, None, None, reason)
    padding_px = minimum_padding_px(resolution_A, pixel_size_A)
    dilation_px = BASE_DILATION_A / pixel_size_A if is_base else suggest_dilation_px(resolution_A, pixel_size_A)
    dilation = f"{BASE_DILATION_A:g} Å, as a mask base is dilated" if is_base else f"{DILATION_PER_RESOLUTION} x resolution"
    reason = f"at {resolution_A:.3g} Å and {pixel_size_A:.4g} Å/px: dilation {dilation}; padding at least {PADDING_PER_RESOLUTION} x resolution"
    return Padding(dilation_px, padding_px, padding_px, resolution_A, reason)


def suggest_fulcra(
    project: ProjectPaths, *, segmentation: str | None = None, regions: str | None = None, against: str | None = None, mask: str | None = None
) -> list[FulcrumPlace]:
    """Return points that may be the fulcrum: the interface of regions with the others, centres, and what jobs have found.

    Parameters
    ----------
    segmentation : str, optional
        ``J7``.
    regions : str, optional
        What turns; those selected, or all shown, where it is left out.
    against : str, optional
        What it turns against; all other shown regions where it is left out.
    mask : str, optional
        ``J9``: of the domain.

    Raises
    ------
    InputError
        The regions are not understood.
    """
    places = []
    if segmentation is not None:
        places += _find_in_regions(ProjectReader(project), segmentation, regions, against)
    if mask is not None:
        center = ProjectReader(project).read_mask(mask).center_xyz_px
        places.append(FulcrumPlace("Centre of the mask", tuple(center.tolist()), "where nothing tells of a hinge"))
    return [*places, *_list_found(project)]


def _find_in_regions(reader: ProjectReader, segmentation: str, which: str | None, against: str | None) -> list[FulcrumPlace]:
    from triskelion.conventions import reverse_axes
    from triskelion.masks.contact import find_contact

    edited = read_regions(reader, segmentation)  # pyright: ignore[reportArgumentType]
    chosen = choose_regions(reader, edited, which)  # pyright: ignore[reportArgumentType]
    others = edited.state.shown - chosen if against is None else choose_regions(reader, edited, against)  # pyright: ignore[reportArgumentType]
    region_of_leaf = edited.state.region_of_leaf(edited.segmentation.n_leaves)
    inside, outside = (np.isin(region_of_leaf, list(part - {0}))[edited.segmentation.labels] for part in (chosen, others - chosen))
    places = []
    if outside.any():
        contact = find_contact(inside, outside)
        gap_A = contact.gap_px * edited.segmentation.pixel_size_A
        apart = f", which are {gap_A:.0f} Å apart" if gap_A else ""
        reason = f"centre of the interface between the regions and the others{apart}"
        places.append(FulcrumPlace("Interface", tuple(contact.center_xyz_px.tolist()), reason))
    center = reverse_axes(np.argwhere(inside).mean(axis=0))
    return [*places, FulcrumPlace("Centre of the regions", tuple(center.tolist()), "where nothing tells of a hinge")]


def _list_found(project: ProjectPaths) -> list[FulcrumPlace]:
    """Return the fulcra that jobs have found, the newest first."""
    found = []
    for paths in reversed(list_jobs(project)):
        try:
            summary = read_summary(paths)
        except TriskelionError:  # damaged: the doctor tells
            continue
        if summary.get("fulcrum_xyz_px") and len(found) < FULCRUM_JOBS:
            found.append(FulcrumPlace(f"Fulcrum of {paths.name}", tuple(summary["fulcrum_xyz_px"]), str(summary.get("how") or "found by this job")))
    return found
