"""Words for regions mean what they say."""

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.jobs.region_selection import select_regions
from triskelion.masks.regions import Edit, replay_edits

BOX_PX, PIXEL_A = 20, 2.0


def rows() -> Segmentation:
    """Leaves 1 to 5 along x at y = z = 2, 6, 10, 14, 18, of 5, 4, 3, 2 and 1 voxels from x = 4 on; 6 is 1 and 2 joined; 3 is the head."""
    labels = np.zeros((BOX_PX,) * 3, dtype=np.int32)
    for leaf in range(1, 6):
        labels[4 * leaf - 2, 4 * leaf - 2, 4 : 10 - leaf] = leaf
    return Segmentation(labels, np.array([0, 6, 6, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 0, 0, 1]), PIXEL_A, 0.5, {3: "head", 1: "tip"})


class SlopedMaps:
    """A map that rises with x, and a mask of the half of the box below x = 5."""

    x = np.arange(BOX_PX, dtype=np.float32)[None, None].repeat(BOX_PX, 0).repeat(BOX_PX, 1)

    def read_volume(self, reference: str) -> Volume:
        assert reference == "J5"
        return Volume(self.x, PIXEL_A)

    def read_mask(self, reference: str) -> Mask:
        assert reference == "J8"
        return Mask(self.x < 5, PIXEL_A)


def select(text: str) -> set[int]:
    state = replay_edits(rows(), [Edit("hide", (5,)), Edit("select", (4,))]).state
    return set(select_regions(text, rows(), state, SlopedMaps()))


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("3", {3}),
        ("3, 6,head", {3, 6}),
        ("all", {3, 4, 5, 6}),
        ("shown", {3, 4, 6}),
        ("hidden", {5}),
        ("selected", {4}),
        ("largest 2", {6, 3}),
        ("all but 3, largest 1", {4, 5}),
        ("shown, hidden but selected", {3, 5, 6}),
        ("within 2 of 5,10,12", {3}),  # two voxels above the head
        ("within 3.9A of 5,10,12", set()),
        ("within 4 A of point 10, 20, 24 A", {3}),
        ("within 2px of 5,10,12px, 4", {3, 4}),
        ("within 0.5 of 4,6,6", {6}),  # a group is where its leaves are
        ("within 90A of 0,0,0", {3, 4, 5, 6}),
        ("within 3 of -1,2,2", set()),
        ("inside J8", {4, 5}),  # half of the two voxels of 4
        ("inside J8 by 30%", {3, 4, 5}),
        ("inside J8 by 100%", {5}),
        ("inside J5 above 6", {6}),  # 5 of the 9 voxels
        ("inside J5 above 5 by 60 %, 5", {3, 5, 6}),
    ],
)
def test_words_for_regions(text: str, regions: set[int]):
    if regions:
        assert select(text) == regions
    else:
        with pytest.raises(InputError, match=r"means none of the 4 regions"):
            select(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "means none"),
        ("77", "no region 77"),
        ("2", "2 is part of region 6: give 6, or ungroup it first"),
        ("tip", "tip is part of region 6"),
        ("haed", "did you mean head"),
        ("largest", "no region is called 'largest'"),
        ("within 5 of 1,2", "no region is called|not understood"),
        ("3 4", "'3 4' is not understood"),
        ("all but 3 but 4", "'but' may stand there once"),
        ("all but all", "means none"),
    ],
)
def test_what_is_not_understood_is_said(text: str, message: str):
    with pytest.raises(InputError, match=message):
        select(text)
