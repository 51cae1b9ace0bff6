"""Region edits: each does what it says, undo returns exactly, and the list of edits is the whole history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triskelion.data.segmentation import Segmentation
from triskelion.errors import InputError
from triskelion.masks.regions import VERBS, Edit, RegionHistory, RegionState, apply_edit, label_regions, replay_edits

# leaves 1 to 6; groups 7 = 1 + 2 (step 1), 8 = 3 + 4 (step 2), 9 = 7 + 8 (step 3); 5 and 6 stand alone
PARENT = [0, 7, 7, 8, 8, 0, 0, 9, 9, 0]
STEP = [0, 0, 0, 0, 0, 0, 0, 1, 2, 3]


def small_tree() -> Segmentation:
    labels = np.zeros((4, 4, 4), dtype=np.int32)
    labels[0, 0, :], labels[1, 1, :], labels[2, 2, :2], labels[2, 2, 2:] = [1, 1, 2, 2], [3, 3, 4, 4], 5, 6
    return Segmentation(labels, np.array(PARENT), np.array(STEP), 2.0, 0.5, {5: "foot"})


def begin() -> RegionState:
    return RegionState.of_segmentation(small_tree())


def apply_all(*edits: Edit) -> RegionState:
    return replay_edits(small_tree(), edits).state


def test_the_roots_are_the_regions_at_first():
    state = begin()
    assert state.regions == state.shown == state.chosen == {5, 6, 9}
    assert label_regions(small_tree(), state)[0, 0].tolist() == [9] * 4


def test_selecting_and_hiding():
    assert apply_all(Edit("select", (5, 6))).chosen == {5, 6}
    assert apply_all(Edit("select", (5,)), Edit("add", (9,)), Edit("deselect", (5,))).selected == {9}
    assert apply_all(Edit("select", (5,)), Edit("invert")).selected == {6, 9}
    assert apply_all(Edit("hide", (5,)), Edit("invert")).selected == {6, 9}  # what is hidden is not selected
    hidden = apply_all(Edit("select", (5, 6)), Edit("hide", (5,)))
    assert hidden.selected == {6} and hidden.shown == {6, 9}
    assert apply_all(Edit("hide", (5,)), Edit("select", (5,))).hidden == set()  # nor is what is selected hidden
    assert apply_all(Edit("show_only", (5,))).shown == {5}
    assert apply_all(Edit("show_only", (5,)), Edit("show", (6,))).chosen == {5, 6}


def test_groups_by_hand_and_their_names():
    state = apply_all(Edit("hide", (6,)), Edit("group", (5, 6), name="leg"))
    assert state.regions == {9, 10} and state.names[10] == "leg" and state.shown == {9, 10}
    assert apply_all(Edit("hide", (5, 6)), Edit("group", (5, 6))).hidden == {10}
    again = apply_all(Edit("group", (5, 6)), Edit("ungroup", (10,)), Edit("group", (5, 6)))
    assert again.regions == {9, 11}  # no number means two things
    assert label_regions(small_tree(), again)[2, 2].tolist() == [11] * 4


def test_ungrouping_one_level_or_down_to_a_smoothing_step():
    assert apply_all(Edit("ungroup", (9,))).regions == {5, 6, 7, 8}
    assert apply_all(Edit("ungroup", (9,), level=2)).regions == {5, 6, 7, 8}
    assert apply_all(Edit("ungroup", (9,), level=1)).regions == {3, 4, 5, 6, 7}
    assert apply_all(Edit("ungroup", (9, 5), level=0)).regions == {1, 2, 3, 4, 5, 6}
    assert apply_all(Edit("hide", (9,)), Edit("ungroup", (9,), level=1)).hidden == {3, 4, 7}
    assert apply_all(Edit("select", (9,)), Edit("ungroup", (9,))).selected == {7, 8}


def test_deleting_takes_the_voxels_away():
    state = apply_all(Edit("select", (9,)), Edit("delete", (9, 5)))
    assert state.regions == {6} and state.selected == set() and state.names == {}
    labels = label_regions(small_tree(), state)
    assert np.array_equal(labels > 0, small_tree().labels == 6)


def test_renaming():
    assert apply_all(Edit("rename", (9,), name="head")).names == {5: "foot", 9: "head"}
    assert apply_all(Edit("rename", (5,), name="")).names == {}


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Edit("hide", (77,))], "no region 77"),
        ([Edit("hide", (3,))], "3 is part of region 9: give 9, or ungroup it first"),
        ([Edit("delete", (9,)), Edit("show", (3,))], "no region 3"),
        ([Edit("group", (5,))], "two regions or more, got 1"),
        ([Edit("ungroup", (5,))], "none of the regions 5 is a group"),
        ([Edit("ungroup", (9,), level=3)], "that formed after smoothing step 3"),
        ([Edit("rename", (5,), name="3")], "'3' cannot name a region"),
        ([Edit("rename", (5,), name="all")], "'all' cannot name a region"),
        ([Edit("rename", (5, 6), name="leg")], "one region, got 2"),
        ([Edit("undo")], "nothing to undo"),
        ([Edit("hide", (5,)), Edit("redo")], "nothing to redo"),
    ],
)
def test_what_does_not_fit_is_refused(edits: list[Edit], message: str):
    with pytest.raises(InputError, match=message):
        replay_edits(small_tree(), edits)


def test_an_edit_that_changes_nothing_is_not_undone_separately():
    history = replay_edits(small_tree(), [Edit("hide", (5,)), Edit("hide", (5,)), Edit("undo")])
    assert history.state == begin()


def test_a_new_edit_ends_what_could_be_redone():
    history = replay_edits(small_tree(), [Edit("hide", (5,)), Edit("undo"), Edit("hide", (6,))])
    assert history.future == () and history.state.hidden == {6}


@st.composite
def random_histories(draw: st.DrawFn) -> tuple[list[Edit], list[RegionHistory]]:
    """Edits that fit one after the other, and the histories before the first and after each."""
    histories, edits = [replay_edits(small_tree(), [])], []
    for verb in draw(st.lists(st.sampled_from(VERBS), max_size=25)):
        regions = sorted(histories[-1].state.regions)
        some = draw(st.lists(st.sampled_from(regions), unique=True)) if regions and verb not in ("invert", "undo", "redo") else []
        name = draw(st.sampled_from(["head", "arm-2", ""])) if verb in ("rename", "group") else None
        level = draw(st.sampled_from([None, 0, 1, 2])) if verb == "ungroup" else None
        edit = Edit(verb, tuple(some), name, level)  # type: ignore[arg-type]
        try:
            histories.append(histories[-1].apply(edit))
        except InputError:
            continue
        edits.append(edit)
    return edits, histories


@settings(max_examples=150, deadline=None)
@given(random_histories())
def test_any_history_can_be_undone_redone_and_replayed(drawn: tuple[list[Edit], list[RegionHistory]]):
    edits, histories = drawn
    last = histories[-1]
    replayed = replay_edits(small_tree(), edits)
    assert replayed == last
    assert np.array_equal(label_regions(small_tree(), replayed.state), label_regions(small_tree(), last.state))
    undone = last
    for state in reversed(last.past):
        undone = undone.apply(Edit("undo"))
        assert undone.state == state
    assert undone.state == begin()
    for _ in undone.future:
        undone = undone.apply(Edit("redo"))
    assert (*undone.past, undone.state, *undone.future) == (*last.past, last.state, *last.future)


@settings(max_examples=150, deadline=None)
@given(random_histories())
def test_every_state_is_sound(drawn: tuple[list[Edit], list[RegionHistory]]):
    for history in drawn[1]:
        state = history.state
        assert state.hidden | state.selected <= state.regions and not state.hidden & state.selected
        assert set(state.names) <= set(state.parent) == set(state.step)
        assert all(above == 0 or (above in state.parent and above > node) for node, above in state.parent.items())
        leaves = {node for node in state.parent if node <= 6}
        assert set(np.unique(label_regions(small_tree(), state))) - {0} == {state.region_of(leaf) for leaf in leaves} == state.regions


@given(st.sampled_from([(5,), (5, 6), (9,)]))
def test_an_edit_leaves_the_state_it_began_with(regions: tuple[int, ...]):
    state = begin()
    apply_edit(state, Edit("delete", regions))
    assert state == begin()
