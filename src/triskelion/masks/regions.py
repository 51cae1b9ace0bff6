"""Region edits: what people do to the regions of a segmentation, as states that follow from one another and can be undone.

A region is a node of the tree that belongs to no group: what is picked, hidden and coloured as one. Every edit makes a new state out of
the one before and changes nothing else, so the list of edits, undo and redo among them, is the whole history: replayed, it gives the same regions.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from triskelion.data.segmentation import Segmentation
from triskelion.errors import InputError

Verb = Literal["select", "add", "deselect", "hide", "show", "show_only", "invert", "group", "ungroup", "rename", "delete", "undo", "redo"]
VERBS: tuple[str, ...] = get_args(Verb)
RESERVED_NAMES = ("all", "shown", "hidden", "selected", "but", "within", "largest", "inside", "none")
_NAME = re.compile(r"[^\W\d][\w.-]*")


@dataclass(frozen=True)
class Edit:
    """One thing that somebody did.

    Attributes
    ----------
    verb : str
        One of ``VERBS``.
    regions : tuple of int
        The regions it was done to; ``invert``, ``undo`` and ``redo`` have none.
    name : str or None
        What ``rename`` calls a region (``""`` takes its name away), or ``group`` the new one.
    level : int or None
        With ``ungroup``: take apart every group that formed after this smoothing step, instead of the topmost only.
    """

    verb: Verb
    regions: tuple[int, ...] = ()
    name: str | None = None
    level: int | None = None

    def describe(self) -> dict[str, Any]:
        """Return the edit as plain data, what it has not left out."""
        fields = {"edit": self.verb, "regions": list(self.regions), "name": self.name, "level": self.level}
        return {key: value for key, value in fields.items() if value not in (None, [])}


@dataclass(frozen=True)
class RegionState:
    """The regions as they are after an edit.

    Attributes
    ----------
    parent : dict of int to int
        For each node that is left, the group that it belongs to; 0 for a region.
    step : dict of int to int
        For each node the smoothing step at which it formed.
    names : dict of int to str
    hidden, selected : frozenset of int
        Regions; none is both.
    next_number : int
        Of the next group: numbers are not used twice.
    """

    parent: dict[int, int]
    step: dict[int, int]
    names: dict[int, str]
    hidden: frozenset[int]
    selected: frozenset[int]
    next_number: int

    @classmethod
    def of_segmentation(cls, segmentation: Segmentation) -> "RegionState":
        """Return the state before any edit: the roots of the tree are the regions, all shown, none selected."""
        nodes = range(1, segmentation.n_nodes + 1)
        parent = {node: int(segmentation.parent[node]) for node in nodes}
        step = {node: int(segmentation.step[node]) for node in nodes}
        return cls(parent, step, dict(segmentation.names), frozenset(), frozenset(), segmentation.n_nodes + 1)

    @property
    def regions(self) -> frozenset[int]:
        """The nodes that belong to no group."""
        return frozenset(node for node, above in self.parent.items() if above == 0)

    @property
    def shown(self) -> frozenset[int]:
        """The regions that are not hidden."""
        return self.regions - self.hidden

    @property
    def chosen(self) -> frozenset[int]:
        """What a mask base holds: the selected regions, or all shown ones where none is selected."""
        return self.selected or self.shown

    def region_of(self, node: int) -> int:
        """Return the region that a node is part of."""
        while self.parent[node] != 0:
            node = self.parent[node]
        return node

    def region_of_leaf(self, n_leaves: int) -> np.ndarray:
        """Return the region that each leaf is part of, int32 (n_leaves + 1,); 0 for deleted ones and for entry 0."""
        regions = [self.region_of(leaf) if leaf in self.parent else 0 for leaf in range(1, n_leaves + 1)]
        return np.array([0, *regions], dtype=np.int32)


@dataclass(frozen=True)
class RegionHistory:
    """A state, those before it that undo returns to, and those that redo goes on to."""

    state: RegionState
    past: tuple[RegionState, ...] = ()
    future: tuple[RegionState, ...] = ()

    def apply(self, edit: Edit) -> "RegionHistory":
        """Return the history after one more edit; one that changes nothing leaves it as it is.

        Raises
        ------
        InputError
            The edit does not fit the regions there are, or there is nothing to undo or redo.
        """
        if edit.verb == "undo":
            if not self.past:
                raise InputError("there is nothing to undo")
            return RegionHistory(self.past[-1], self.past[:-1], (self.state, *self.future))
        if edit.verb == "redo":
            if not self.future:
                raise InputError("there is nothing to redo")
            return RegionHistory(self.future[0], (*self.past, self.state), self.future[1:])
        state = apply_edit(self.state, edit)
        return self if state == self.state else RegionHistory(state, (*self.past, self.state))


def replay_edits(segmentation: Segmentation, edits: Iterable[Edit]) -> RegionHistory:
    """Return the history that a list of edits makes of the regions of a segmentation."""
    history = RegionHistory(RegionState.of_segmentation(segmentation))
    for edit in edits:
        history = history.apply(edit)
    return history


def label_regions(segmentation: Segmentation, state: RegionState) -> np.ndarray:
    """Return the region of each voxel, int32 (n, n, n); 0 outside all regions."""
    return state.region_of_leaf(segmentation.n_leaves)[segmentation.labels]


def apply_edit(state: RegionState, edit: Edit) -> RegionState:
    """Return the state after an edit other than undo and redo.

    Raises
    ------
    InputError
        A number is not that of a region, a name is not one, or there is nothing to group or to take apart.
    """
    _require_regions(state, edit)
    return _ACTIONS[edit.verb](state, edit)


def _require_regions(state: RegionState, edit: Edit) -> None:
    for number in edit.regions:
        if number not in state.parent:
            raise InputError(f"there is no region {number}: it never was, or was deleted or taken apart")
        if state.parent[number] != 0:
            region = state.region_of(number)
            raise InputError(f"{number} is part of region {region}: give {region}, or ungroup it first")


def _select(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, selected=frozenset(edit.regions), hidden=state.hidden - set(edit.regions))


def _add(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, selected=state.selected | set(edit.regions), hidden=state.hidden - set(edit.regions))


def _deselect(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, selected=state.selected - set(edit.regions))


def _hide(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, hidden=state.hidden | set(edit.regions), selected=state.selected - set(edit.regions))


def _show(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, hidden=state.hidden - set(edit.regions))


def _show_only(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, hidden=state.regions - set(edit.regions), selected=state.selected & set(edit.regions))


def _invert(state: RegionState, edit: Edit) -> RegionState:
    return replace(state, selected=state.shown - state.selected)


def _group(state: RegionState, edit: Edit) -> RegionState:
    members = set(edit.regions)
    if len(members) < 2:
        raise InputError(f"a group wants two regions or more, got {len(members)}")
    number = state.next_number
    if edit.name:
        _require_name(edit.name)
    return RegionState(
        parent={**state.parent, **dict.fromkeys(members, number), number: 0},
        step={**state.step, number: max(state.step[member] for member in members)},
        names={**state.names, number: edit.name} if edit.name else state.names,
        hidden=state.hidden - members | ({number} if members <= state.hidden else set()),
        selected=state.selected - members | ({number} if members <= state.selected else set()),
        next_number=number + 1,
    )


def _ungroup(state: RegionState, edit: Edit) -> RegionState:
    groups = {above for above in state.parent.values() if above != 0}
    level = edit.level
    if level is None:
        gone = groups & set(edit.regions)
    else:  # a group never formed before its members, so those that go are the upper part of the tree
        gone = {node for node in groups if state.step[node] > level and state.region_of(node) in edit.regions}
    if not gone:
        formed = "" if level is None else f" that formed after smoothing step {level}"
        raise InputError(f"none of the regions {', '.join(map(str, edit.regions)) or '(none)'} is a group{formed}")
    freed = {node: state.region_of(node) for node, above in state.parent.items() if above in gone and node not in gone}
    return RegionState(
        parent={node: 0 if node in freed else above for node, above in state.parent.items() if node not in gone},
        step={node: step for node, step in state.step.items() if node not in gone},
        names={node: name for node, name in state.names.items() if node not in gone},
        hidden=state.hidden - gone | {node for node, region in freed.items() if region in state.hidden},
        selected=state.selected - gone | {node for node, region in freed.items() if region in state.selected},
        next_number=state.next_number,
    )


def _rename(state: RegionState, edit: Edit) -> RegionState:
    if len(edit.regions) != 1:
        raise InputError(f"a name is given to one region, got {len(edit.regions)}: group them first")
    others = {node: name for node, name in state.names.items() if node != edit.regions[0]}
    if not edit.name:
        return replace(state, names=others)
    _require_name(edit.name)
    return replace(state, names={**others, edit.regions[0]: edit.name})


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.lower() in RESERVED_NAMES:
        raise InputError(
            f"{name!r} cannot name a region: wanted one word that begins with a letter (letters, digits, - . _), "
            f"and none of {', '.join(RESERVED_NAMES)}"
        )


def _delete(state: RegionState, edit: Edit) -> RegionState:
    gone = set(edit.regions)
    left = [node for node in state.parent if state.region_of(node) not in gone]
    return RegionState(
        parent={node: state.parent[node] for node in left},
        step={node: state.step[node] for node in left},
        names={node: name for node, name in state.names.items() if node in left},
        hidden=state.hidden - gone,
        selected=state.selected - gone,
        next_number=state.next_number,
    )


_ACTIONS: dict[str, Callable[[RegionState, Edit], RegionState]] = {
    "select": _select,
    "add": _add,
    "deselect": _deselect,
    "hide": _hide,
    "show": _show,
    "show_only": _show_only,
    "invert": _invert,
    "group": _group,
    "ungroup": _ungroup,
    "rename": _rename,
    "delete": _delete,
}
