"""The selection of regions in words: how people say which they mean.

Commas join, ``but`` takes away all that follows it::

    3, 17, head                       numbers and names
    all, shown, hidden, selected
    largest 5                         the five with the most voxels
    within 30A of 178.2,178.6,180.9   regions that come so near to a point; radius and point in px, or in Å with an A behind
    inside J8                         at least half of the region lies in the mask J8; inside J8 by 80% asks for more
    inside J5 above 0.05              ... lies where the map J5 is at least so high
    all but head, largest 2
"""

import difflib
import re
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.jobs.lengths import parse_length_px, parse_position_xyz_px
from triskelion.masks.region_places import find_largest_regions, find_regions_inside, find_regions_within
from triskelion.masks.regions import RegionState

FORMS = "3, 17, head | all | shown | hidden | selected | largest 5 | within 30A of x,y,z | inside J8 [above 0.05] [by 80%] | ... but ..."
HALF = 0.5  # of a mask, and of a region, is inside

_COORDINATE = r"[-+]?[\d.]+(?:e[-+]?\d+)?"
_TERM = re.compile(
    rf"""\s*(?:
    within\s+(?P<radius>[\d.]+\s*(?:[AÅ]|px)?)\s+of\s+(?:point\s+)?(?P<point>{_COORDINATE}(?:\s*,\s*{_COORDINATE}){{2}}\s*(?:[AÅ]|px)?)
    |largest\s+(?P<count>\d+)
    |inside\s+(?P<place>[^\s,]+)(?:\s+above\s+(?P<level>{_COORDINATE}))?(?:\s+by\s+(?P<share>[\d.]+)\s*%)?
    |(?P<word>[^\s,]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)


class MapReader(Protocol):
    """What reads the masks and maps that regions lie inside: the context of a job, or the project."""

    def read_mask(self, reference: str) -> Mask:
        """Load a mask."""
        ...

    def read_volume(self, reference: str) -> Volume:
        """Load a map."""
        ...


def select_regions(text: str, segmentation: Segmentation, state: RegionState, maps: MapReader) -> frozenset[int]:
    """Return the regions that ``text`` means.

    Raises
    ------
    InputError
        It is not understood, names what is not a region, or means none.
    """
    parts = re.split(r"\s+but\s+", text.strip())
    if len(parts) > 2:
        raise InputError(f"regions are {text!r}: 'but' may stand there once, and takes away all that follows it")
    meant = [frozenset().union(*_find_terms(part, segmentation, state, maps)) for part in parts]
    found = meant[0].difference(*meant[1:])
    if not found:
        raise InputError(f"{text!r} means none of the {len(state.regions)} regions")
    return found


def _find_terms(text: str, segmentation: Segmentation, state: RegionState, maps: MapReader) -> Iterator[frozenset[int]]:
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise InputError(f"{text[position:].strip()!r} is not understood; regions are told as {FORMS}")
        position = match.end()
        yield _find_term(match, segmentation, state, maps)


def _find_term(term: re.Match, segmentation: Segmentation, state: RegionState, maps: MapReader) -> frozenset[int]:
    pixel_size_A = segmentation.pixel_size_A
    if term["radius"]:
        radius_px = parse_length_px(term["radius"].removesuffix("px"), pixel_size_A, "the radius")
        point = parse_position_xyz_px(term["point"].removesuffix("px"), pixel_size_A, "the point")
        return find_regions_within(segmentation, state, point, radius_px)
    if term["count"]:
        return find_largest_regions(segmentation, state, int(term["count"]))
    if term["place"]:
        inside = _read_inside(maps, term["place"], None if term["level"] is None else float(term["level"]))
        return find_regions_inside(segmentation, state, inside, HALF if term["share"] is None else float(term["share"]) / 100)
    return _find_word(term["word"], state)


def _read_inside(maps: MapReader, reference: str, level: float | None) -> np.ndarray:
    """Return where a map is at least ``level``, or a mask at least 0.5 if there is no level: bool (n, n, n)."""
    return maps.read_mask(reference).array >= HALF if level is None else maps.read_volume(reference).array >= level


def _find_word(word: str, state: RegionState) -> frozenset[int]:
    sets = {"all": state.regions, "shown": state.shown, "hidden": state.hidden, "selected": state.selected}
    if word in sets:
        return sets[word]
    numbers = {int(word)} if word.isdecimal() else {number for number, name in state.names.items() if name == word}
    if not numbers:
        near = difflib.get_close_matches(word, [*sets, *state.names.values()], n=1)
        raise InputError(f"no region is called {word!r}: " + (f"did you mean {near[0]}?" if near else f"regions are told as {FORMS}"))
    inner = sorted(number for number in numbers if number not in state.regions)
    if len(inner) == len(numbers):
        number = inner[0]
        if number not in state.parent:
            raise InputError(f"there is no region {number}: it never was, or was deleted or taken apart")
        region = state.region_of(number)
        raise InputError(f"{word} is part of region {region}: give {region}, or ungroup it first")
    return frozenset(numbers & state.regions)
