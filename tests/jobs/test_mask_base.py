"""mask_base cuts a map in two along regions, and what it leaves is a map that becomes a mask."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.io.mrc import read_volume
from triskelion.jobs import registry
from triskelion.masks.regions import Edit
from triskelion.plots.registry import draw

BOX_PX, PIXEL_A, LEVEL = 32, 3.0, 0.2


def three_balls() -> Volume:
    """Gaussian balls about x = 8, 16 and 24, of heights 1, 0.8 and 0.6."""
    z, y, x = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]
    ball = lambda cx, height: height * np.exp(-((x - cx) ** 2 + (y - 16) ** 2 + (z - 16) ** 2) / (2 * 2.5**2))
    return Volume(ball(8, 1) + ball(16, 0.8) + ball(24, 0.6), PIXEL_A)


def three_regions() -> Segmentation:
    labels = np.where(three_balls().array >= LEVEL, 1 + np.digitize(np.arange(BOX_PX), [12, 20]), 0)
    return Segmentation(labels, np.zeros(4), np.zeros(4), PIXEL_A, LEVEL, {1: "head"})


class SegmentedContext(FakeContext):
    """J1 is a map, J2 its segmentation with edits."""

    edits = (Edit("select", (1, 2)), Edit("delete", (3,)), Edit("undo"), Edit("deselect", (2,)))

    def __init__(self, folder: Path, gaussian_A: float = 0.0):
        super().__init__(folder, "J3")
        FakeContext(folder, "J1").save_volume(three_balls(), "map")
        FakeContext(folder, "J2").save_segmentation(three_regions())
        self.gaussian_A = gaussian_A

    def read_region_edits(self, reference: str) -> tuple[Edit, ...]:
        return self.edits if reference == "J2" else ()

    def read_parameters(self, reference: str) -> dict | None:
        return {"job_type": "segment_map", "volume": "J1", "gaussian_A": None} if reference == "J2" else None

    def read_summary(self, reference: str) -> dict | None:
        return {"J1": {"resolution_A": 9.0}, "J2": {"gaussian_A": self.gaussian_A}}.get(reference)


def test_the_selected_regions_make_the_base_and_all_others_its_complement(tmp_path):
    context = run_job("mask_base", SegmentedContext(tmp_path), segmentation="J2")
    base, rest = (read_volume(context.folder / f"{name}.mrc").array for name in ("mask_base", "complement_base"))
    density, labels = three_balls().array, three_regions().labels
    assert np.array_equal(base, np.where(labels == 1, density, 0)) and np.array_equal(rest, np.where(labels > 1, density, 0))
    assert base[base != 0].min() >= LEVEL
    assert context.summary["regions"] == [1] and context.summary["map_resolution_A"] == 9.0 and context.warnings == []
    used = json.loads((context.folder / "regions_used.json").read_text())
    assert used["n_edits"] == 4 and used["edits"][1] == {"edit": "delete", "regions": [3]} and used["regions"] == [1]
    draw("mask_base", context.plots["mask_base"][0])


def test_regions_may_be_named_and_earlier_edits_taken(tmp_path):
    context = run_job("mask_base", SegmentedContext(tmp_path), segmentation="J2", regions="all but head")
    assert context.summary["regions"] == [2, 3]
    context = run_job("mask_base", SegmentedContext(tmp_path), segmentation="J2", n_edits=2)
    assert context.summary["regions"] == [1, 2]
    assert any("no complement base" in warning for warning in context.warnings)  # 3 was deleted then
    assert not (tmp_path / "J3" / "complement_base.mrc").exists() or read_volume(tmp_path / "J3" / "complement_base.mrc").array.any()
    with pytest.raises(InputError, match="n_edits is 5, but the regions of J2 were edited 4 times only"):
        run_job("mask_base", SegmentedContext(tmp_path), segmentation="J2", n_edits=5)


def test_the_map_is_blurred_as_it_was_segmented_or_as_told(tmp_path):
    sharp = run_job("mask_base", SegmentedContext(tmp_path / "sharp"), segmentation="J2")
    blurred = run_job("mask_base", SegmentedContext(tmp_path / "blurred", gaussian_A=6.0), segmentation="J2")
    typed = run_job("mask_base", SegmentedContext(tmp_path / "typed", gaussian_A=6.0), segmentation="J2", gaussian_A=0)
    peak = {context: read_volume(context.folder / "mask_base.mrc").array.max() for context in (sharp, blurred, typed)}
    assert peak[sharp] == peak[typed] > 1.3 * peak[blurred]


def test_another_map_is_noticed_by_its_negative_density(tmp_path):
    context = SegmentedContext(tmp_path)
    FakeContext(tmp_path, "J4").save_volume(replace(three_balls(), array=three_balls().array - 0.5), "map")
    run_job("mask_base", context, segmentation="J2", volume="J4")
    assert "have negative density: is this the map that was segmented?" in context.warnings[0]
    FakeContext(tmp_path, "J5").save_volume(Volume(np.ones((16,) * 3), PIXEL_A), "map")
    with pytest.raises(InputError, match="the map has box 16 px"):
        run_job("mask_base", SegmentedContext(tmp_path), segmentation="J2", volume="J5")


def test_a_segmentation_without_a_map_and_hidden_regions_are_refused(tmp_path):
    context = SegmentedContext(tmp_path)
    context.edits = (Edit("hide", (1, 2, 3)),)
    with pytest.raises(InputError, match="all regions are hidden and none is selected"):
        run_job("mask_base", context, segmentation="J2")
    with pytest.raises(InputError, match=r"nothing tells which map .* was made of: give it as volume"):
        run_job("mask_base", SegmentedContext(tmp_path), segmentation=str(tmp_path / "J2" / "segmentation.npz"))


def test_a_mask_base_is_refused_by_mask_slots_and_becomes_a_mask(project, monkeypatch):
    monkeypatch.setattr(registry, "NAMES", (*registry.NAMES, "mask_base", "volume_tools"))
    cut, made = project.run("cut"), project.run("make", box_px=12, level=3.0)
    base = project.run("mask_base", segmentation=cut, volume=made, regions="inside J2 above 1 by 5%")
    assert base.summary["regions"] == [5]
    for reference in ("J3", "J3.mask_base", str(base.path("mask_base"))):
        with pytest.raises(InputError, match=r"a mask base is a map: make the mask with .triskelion run volume_tools --volume J3\.mask_base"):
            project.prepare("use", volume=made, mask=reference)
    preview = project.preview("volume_tools", volume=base, soft_padding_px=0)
    assert "2. threshold at 1.5 (half of the lowest density of the mask base, 3)" in preview
    mask = project.run("volume_tools", volume=base, dilation_px=0, soft_padding_px=0)
    assert np.array_equal(read_volume(mask.path("mask")).array > 0, read_volume(base.path("mask_base")).array > 0)
