"""Regions of a job: edits are in the file and nowhere else."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triskelion.data.segmentation import Segmentation
from triskelion.errors import DataError, InputError, JobError
from triskelion.masks.regions import Edit, label_regions, replay_edits
from triskelion.project.region_history import edit_history, read_edits
from triskelion.project.regions import Regions


@pytest.fixture
def regions(project) -> Regions:
    return project.regions(project.run("cut"))


def numbers(regions: Regions) -> set[int]:
    return {region.number for region in regions.list()}


def test_edits_survive_and_are_undone_by_another_program(project, regions):
    regions.show_only("5, foot")
    state = regions.group("shown", name="leg")
    assert state.names[6] == "leg" and numbers(regions) == {3, 6}
    other = project.regions("J1")  # as after a restart
    assert other.state == regions.state
    assert np.array_equal(other.labels() == 6, np.isin(other.segmentation.labels, (1, 2, 4)))
    other.undo()
    assert numbers(regions) == {3, 4, 5} and regions.state.shown == {4, 5}
    regions.redo()
    assert regions.state == state
    assert [edit.verb for edit in other.edits] == ["show_only", "group", "undo", "redo"]


def test_every_edit_has_a_call(regions):
    regions.select(3)
    regions.add("foot")
    regions.deselect("3")
    assert regions.invert().selected == {3, 5}
    regions.hide("largest 1")
    assert regions.show("all").shown == {3, 4, 5}
    regions.ungroup(5, level=0)
    regions.rename(1, "head")
    regions.delete("all but head")
    assert numbers(regions) == {1} and regions.find("head") == (1,)
    lines = [json.loads(line) for line in Path(regions._file).read_text().splitlines()]
    assert lines[-2]["edit"] == "rename" and lines[-2]["regions"] == [1] and lines[-2]["name"] == "head"
    assert lines[6] == {"time": lines[6]["time"], "edit": "ungroup", "regions": [5], "level": 0}


def test_what_does_not_fit_or_changes_nothing_is_not_written(regions):
    with pytest.raises(InputError, match="no region 9"):
        regions.hide("9")
    with pytest.raises(InputError, match="nothing to undo"):
        regions.undo()
    regions.show("all")
    assert regions.edits == ()


def test_inside_a_mask_or_a_map_of_the_project(project, regions):
    project.run("make", kind="mask", box_px=12)  # 1 in [2, 5) along each axis
    project.run("make", box_px=12, level=3.0)
    assert regions.find("inside J2 by 8%") == (5,)  # 6 of its 70 voxels
    assert regions.find("inside J3 above 2 by 8%") == (5,)
    with pytest.raises(InputError, match=r"J3 \(make\) gives no mask"):
        regions.find("inside J3")


def test_only_a_segmentation_has_regions(project):
    project.run("make")
    with pytest.raises(InputError, match=r"J1 \(make\) gives no segmentation"):
        project.regions("J1")
    with pytest.raises(JobError, match="there is no job J9"):
        project.regions("J9")


def test_a_half_written_last_line_is_dropped_with_a_warning_and_overwritten(project, regions):
    regions.hide(3)
    path = Path(regions._file)
    path.write_bytes(path.read_bytes() + b'{"time": 1, "edit": "hi')
    with pytest.warns(UserWarning, match="the last edit was not written to its end and is dropped"):
        assert project.regions("J1").state.hidden == {3}
    with pytest.warns(UserWarning, match="not written to its end"):
        regions.hide(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert project.regions("J1").state.hidden == {3, 4}


def test_a_damaged_line_names_file_and_row(regions):
    regions.hide(3)
    path = Path(regions._file)
    path.write_bytes(path.read_bytes() + b'{"edit": "paint", "regions": [4]}\n')
    with pytest.raises(DataError, match=r"regions\.jsonl, row 2: this is not an edit of regions \(there is no edit 'paint'\)"):
        regions.list()


def tree() -> Segmentation:
    labels = np.repeat(np.arange(8), 64).reshape(8, 8, 8)
    return Segmentation(labels, np.array([0, 8, 8, 9, 9, 0, 0, 0, 10, 10, 0]), np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]), 1.0, 0.0)


VERBS = ("select", "add", "deselect", "hide", "show", "show_only", "invert", "group", "ungroup", "rename", "delete", "undo", "redo")


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(VERBS), st.sets(st.integers(1, 14), max_size=4)), max_size=20), st.integers(0, 40))
def test_the_file_replays_to_the_same_labels(tmp_path_factory, wanted: list, cut: int):
    path = tmp_path_factory.mktemp("edits") / "regions.jsonl"
    history = replay_edits(tree(), [])
    for verb, some in wanted:
        fitting = tuple(sorted(some & history.state.regions)) if verb not in ("invert", "undo", "redo") else ()
        edit = Edit(verb, fitting, name="part" if verb == "rename" else None)
        try:
            history = history.apply(edit)
        except InputError:
            continue
        with edit_history(path) as file:
            file.append(edit)
    read = replay_edits(tree(), read_edits(path).edits)
    assert read == history
    assert np.array_equal(label_regions(tree(), read.state), label_regions(tree(), history.state))
    if path.exists():  # cut anywhere, it holds the edits up to there
        path.write_bytes(path.read_bytes()[: -1 - cut])
        stored = read_edits(path)
        whole = path.read_bytes().count(b"\n")
        assert len(stored.edits) == whole and (stored.warning is None) == (stored.end == len(path.read_bytes()))
