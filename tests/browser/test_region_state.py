"""The page replays the edits of regions by the same rules as the program: after every one of many random edits both have the same regions."""

from typing import Any

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.errors import InputError
from triskelion.masks.regions import RESERVED_NAMES, VERBS, Edit, RegionHistory, RegionState

N_LEAVES, N_EDITS = 40, 200
NAMES = ("head", "U4-U6.1", "Prp8", "ärmchen", "_x", "", "2nd", "two words", "Ωmega", "腕", "a/b", "half½", "½half", *RESERVED_NAMES[:3], "ALL")

REPLAY = """async ({tree, edits}) => {
  const {applyEdit, startHistory, listRegions, listShown, listChosen, regionOfLeaf, RegionError} = await import("/static/viewer/regions.js");
  const plain = (state) => ({
    parent: Object.fromEntries(state.parent), step: Object.fromEntries(state.step), names: Object.fromEntries(state.names),
    hidden: [...state.hidden].sort((a, b) => a - b), selected: [...state.selected].sort((a, b) => a - b), next_number: state.nextNumber,
    regions: listRegions(state), shown: listShown(state), chosen: listChosen(state), region_of_leaf: [...regionOfLeaf(state, tree.n_leaves)],
  });
  let history = startHistory(tree);
  return edits.map((edit) => {
    let answer = "done";
    try {
      const after = applyEdit(history, edit);
      if (after === history) answer = "nothing changed";
      history = after;
    } catch (error) {
      if (!(error instanceof RegionError)) throw error;
      answer = error.message;
    }
    return {answer, undo: history.past.length, redo: history.future.length, ...plain(history.state)};
  });
}"""


def random_tree(rng: np.random.Generator) -> Segmentation:
    """Make leaves of a voxel each, joined by groups in several smoothing steps."""
    labels = np.zeros((4, 4, 4), dtype=np.int32)
    labels.flat[:N_LEAVES] = np.arange(1, N_LEAVES + 1)
    parent, step = [0] * (N_LEAVES + 1), [0] * (N_LEAVES + 1)
    for smoothing in (1, 2, 3):
        roots = [node for node in range(1, len(parent)) if parent[node] == 0]
        members = rng.permutation(roots)[: len(roots) // 2 * 2].reshape(-1, 2)[: len(roots) // 4]
        for pair in members:
            parent.append(0)
            step.append(smoothing)
            for node in pair:
                parent[node] = len(parent) - 1
    return Segmentation(labels, np.array(parent), np.array(step), 2.0, 0.5, {5: "foot"})


def random_edit(rng: np.random.Generator, state: RegionState) -> Edit:
    """Draw an edit that mostly fits the state: of regions there are, sometimes of what is none."""
    verb = rng.choice([*VERBS, "undo", "undo", "redo", "group", "ungroup", "select", "add"])
    if verb in ("undo", "redo", "invert"):
        return Edit(verb)
    pool = sorted(state.regions) if rng.random() < 0.93 else list(range(1, state.next_number + 2))
    groups = sorted(set(state.parent.values()) & state.regions)
    if verb == "ungroup" and groups and rng.random() < 0.8:
        pool = groups
    if verb == "delete":
        count = 1
    elif verb == "rename":
        count = 1 if rng.random() < 0.9 else 2
    else:
        count = int(rng.integers(0, min(5, len(pool)) + 1))
    chosen = tuple(sorted(int(node) for node in rng.choice(pool, size=min(count, len(pool)), replace=False)))
    name = str(rng.choice(NAMES)) if verb == "rename" or (verb == "group" and rng.random() < 0.3) else None
    return Edit(verb, chosen, name, int(rng.integers(0, 4)) if verb == "ungroup" and rng.random() < 0.4 else None)


def describe(history: RegionHistory, answer: str, n_leaves: int) -> dict[str, Any]:
    """Return what the page is asked for too."""
    state = history.state
    text_keys = lambda values: {str(key): value for key, value in values.items()}
    return {
        "answer": answer,
        "undo": len(history.past),
        "redo": len(history.future),
        "parent": text_keys(state.parent),
        "step": text_keys(state.step),
        "names": text_keys(state.names),
        "hidden": sorted(state.hidden),
        "selected": sorted(state.selected),
        "next_number": state.next_number,
        "regions": sorted(state.regions),
        "shown": sorted(state.shown),
        "chosen": sorted(state.chosen),
        "region_of_leaf": state.region_of_leaf(n_leaves).tolist(),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_random_edits_leave_the_same_regions(modules, seed: int):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng)
    history, edits, wanted = RegionHistory(RegionState.of_segmentation(tree)), [], []
    while sum(each["answer"] == "done" for each in wanted) < N_EDITS:
        edit = random_edit(rng, history.state)
        try:
            after = history.apply(edit)
            answer = "nothing changed" if after is history else "done"
            history = after
        except InputError:
            answer = "refused"
        edits.append({"verb": edit.verb, "regions": list(edit.regions), "name": edit.name, "level": edit.level})
        wanted.append(describe(history, answer, tree.n_leaves))
    plain = {"parent": tree.parent.tolist(), "step": tree.step.tolist(), "names": {"5": "foot"}, "n_leaves": tree.n_leaves}
    found = modules.evaluate(REPLAY, {"tree": plain, "edits": edits})
    for number, (edit, ours, theirs) in enumerate(zip(edits, wanted, found, strict=True), 1):
        if theirs["answer"] not in ("done", "nothing changed"):
            theirs["answer"] = "refused"
        assert theirs == ours, f"after edit {number} of {len(edits)}: {edit}"
    assert {edit["verb"] for edit, each in zip(edits, wanted, strict=True) if each["answer"] == "done"} == set(VERBS)


def test_refusals_say_the_same(modules):
    tree = {"parent": [0, 3, 3, 0, 0], "step": [0, 0, 0, 1, 0], "names": {}, "n_leaves": 2}
    edits = [("hide", [1], None), ("hide", [9], None), ("group", [3], None), ("undo", [], None), ("rename", [3], "but"), ("ungroup", [4], None)]
    found = modules.evaluate(REPLAY, {"tree": tree, "edits": [{"verb": verb, "regions": regions, "name": name} for verb, regions, name in edits]})
    assert "1 is part of region 3: give 3, or ungroup it first" in found[0]["answer"]
    assert "there is no region 9" in found[1]["answer"]
    assert "a group wants two regions or more, got 1" in found[2]["answer"]
    assert found[3]["answer"] == "there is nothing to undo"
    assert '"but" cannot name a region' in found[4]["answer"]
    assert "none of the regions 4 is a group" in found[5]["answer"]
