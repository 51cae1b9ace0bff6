"""A segmentation: which region each voxel belongs to, and how regions join into groups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from triskelion.conventions import reverse_axes
from triskelion.data.volume import Volume, check_grid, require_same_grid
from triskelion.errors import InputError


@dataclass(frozen=True)
class Segmentation:
    """Regions of a map, and the tree of their groups.

    Every region and every group is a node with a number. Leaves, the regions that are not made of others, are 1 to ``n_leaves``;
    groups follow, each with a number larger than those of its members. Number 0 is what belongs to no region.

    Attributes
    ----------
    labels : ndarray, int32, shape (n, n, n)
        Leaf of each voxel, indexed [z, y, x].
    parent : ndarray, int32, shape (n_nodes + 1,)
        Group that each node belongs to, 0 for a root; entry 0 means nothing.
    step : ndarray, int32, shape (n_nodes + 1,)
        Smoothing step at which a group formed, 0 for leaves; a group that people made has the step of its latest member.
    pixel_size_A : float
        Edge of a voxel in Å.
    level : float
        Density that the voxels of a region reach.
    names : dict of int to str
        Names that people gave to nodes.
    """

    labels: np.ndarray
    parent: np.ndarray
    step: np.ndarray
    pixel_size_A: float
    level: float
    names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self):
        check_grid(self.labels, self.pixel_size_A, "segmentation")
        for name in ("labels", "parent", "step"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.int32))
        _check_tree(self.parent, self.step, self.names)
        low, high = int(self.inside_labels.min(initial=max(self.n_leaves, 1))), self.n_leaves
        if low < 1 or high > self.n_nodes or not np.bincount(self.inside_labels, minlength=1)[1:].all():
            raise InputError(f"the leaves of a segmentation are 1 to n, each with voxels, got labels from {low} to {high} for {self.n_nodes} nodes")
        has_members = np.isin(np.arange(self.n_nodes + 1), self.parent)[1:]
        if has_members[:high].any() or not has_members[high:].all():
            raise InputError("every group of a segmentation has members, and leaves have none")

    @property
    def box_px(self) -> int:
        """Edge of the box in voxels."""
        return self.labels.shape[0]

    @property
    def n_nodes(self) -> int:
        """Leaves and groups."""
        return len(self.parent) - 1

    @cached_property
    def n_leaves(self) -> int:
        """Regions that are not made of others."""
        return int(self.inside_labels.max(initial=0))

    @cached_property
    def inside_px(self) -> np.ndarray:
        """Flat index (labels.ravel()) of every voxel of a region, shape (n_inside,)."""
        return np.flatnonzero(self.labels)

    @cached_property
    def inside_labels(self) -> np.ndarray:
        """Leaf of every voxel of ``inside_px``, int32, shape (n_inside,)."""
        return self.labels.ravel()[self.inside_px]

    @cached_property
    def n_voxels(self) -> np.ndarray:
        """Voxels of every node, int64, shape (n_nodes + 1,); entry 0 is 0."""
        return self._sum_up(np.bincount(self.inside_labels, minlength=self.n_nodes + 1))

    def roots(self) -> np.ndarray:
        """Return the nodes that belong to no group, ascending."""
        return np.flatnonzero(self.parent[1:] == 0) + 1

    def members_of(self, node: int) -> np.ndarray:
        """Return the nodes that a group was made of (one level down), ascending; none for a leaf."""
        self.require_nodes([node])
        return np.flatnonzero(self.parent == node)

    def leaves_of(self, node: int) -> np.ndarray:
        """Return the leaves below a node, ascending; a leaf is its own."""
        return np.flatnonzero(self.node_of_leaf([node]))

    def nodes_at_step(self, step: int) -> np.ndarray:
        """Return the partition after so many smoothing steps: of every leaf the largest group that had formed by then, ascending."""
        early = self.step <= step
        return np.flatnonzero((early & ~(early[self.parent] & (self.parent > 0)))[1:]) + 1

    def labels_of(self, nodes: Iterable[int]) -> np.ndarray:
        """Return the node, out of ``nodes``, that each voxel belongs to: int32 (n, n, n), 0 outside all of them, the larger group where two hold it.

        Raises
        ------
        InputError
            There is no such node.
        """
        return self.node_of_leaf(nodes)[self.labels]

    def node_of_leaf(self, nodes: Iterable[int]) -> np.ndarray:
        """Return the node, out of ``nodes``, that each leaf belongs to: int32 (n_leaves + 1,), as ``labels_of`` has them of voxels."""
        nodes = np.fromiter(nodes, dtype=np.int64)
        self.require_nodes(nodes)
        chosen = np.zeros(self.n_nodes + 1, dtype=np.int32)
        chosen[nodes] = nodes
        for node in range(self.n_nodes, 0, -1):  # from the top down: a chosen group takes all that is below it
            chosen[node] = chosen[self.parent[node]] or chosen[node]
        return chosen[: self.n_leaves + 1]

    def with_groups(self, groups: Sequence[tuple[Sequence[int], int]]) -> "Segmentation":
        """Return the segmentation with more groups: members and smoothing step of each, numbered on from ``n_nodes`` + 1.

        A group may be a member of a later one.
        """
        parent = np.append(self.parent, np.zeros(len(groups), dtype=np.int32))
        for group, (members, _) in enumerate(groups, self.n_nodes + 1):
            parent[list(members)] = group
        step = np.append(self.step, [step for _, step in groups])
        return replace(self, parent=parent, step=step)

    def keep_roots(self, roots: Sequence[int]) -> "Segmentation":
        """Return the segmentation with only these roots and what is below them, numbered anew in the same order."""
        kept = np.zeros(self.n_nodes + 1, dtype=bool)
        kept[list(roots)] = True
        for node in range(self.n_nodes, 0, -1):
            kept[node] |= kept[self.parent[node]]
        number = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
        kept[0] = True
        labels = number[: self.n_leaves + 1][self.labels]
        names = {int(number[node]): name for node, name in self.names.items() if kept[node]}
        return replace(self, labels=labels, parent=number[self.parent[kept]], step=self.step[kept], names=names)

    def require_nodes(self, nodes: Iterable[int]) -> None:
        """Raise InputError unless every number is that of a region or group."""
        wrong = [int(node) for node in nodes if not 1 <= node <= self.n_nodes]
        if wrong:
            listed = ", ".join(map(str, wrong[:5]))
            raise InputError(f"there is no region {listed}: regions are 1 to {self.n_leaves}, groups up to {self.n_nodes}")

    def measure(self, volume: Volume) -> "RegionTable":
        """Return size, centre and maximum of every node, given the map that was segmented.

        Raises
        ------
        InputError
            The map lies on another grid.
        """
        require_same_grid(self, volume, "the segmentation", "the map")
        density = volume.array.ravel()[self.inside_px]
        place = np.array(np.unravel_index(self.inside_px, self.labels.shape))
        n_entries = self.n_nodes + 1
        sums = self._sum_up(np.stack([np.bincount(self.inside_labels, weights=axis, minlength=n_entries) for axis in place], axis=1))
        maximum, peak = np.full(n_entries, -np.inf, dtype=np.float32), np.zeros((n_entries, 3), dtype=np.int64)
        np.maximum.at(maximum, self.inside_labels, density)
        highest = np.flatnonzero(density == maximum[self.inside_labels])
        peak[self.inside_labels[highest]] = place[:, highest].T
        for node in range(1, n_entries):  # groups have larger numbers than their members
            above = self.parent[node]
            if maximum[node] > maximum[above]:
                maximum[above], peak[above] = maximum[node], peak[node]
        maximum[0], peak[0] = 0, 0  # those of all roots
        center = sums / np.maximum(self.n_voxels, 1)[:, None]
        return RegionTable(self.n_voxels, self.n_voxels * self.pixel_size_A**3, reverse_axes(center), maximum, reverse_axes(peak))

    def _sum_up(self, of_leaves: np.ndarray) -> np.ndarray:
        """Add to every group what its members have; entry 0 becomes 0."""
        sums = of_leaves.copy()
        for node in range(1, self.n_nodes + 1):
            sums[self.parent[node]] += sums[node]
        sums[0] = 0
        return sums


@dataclass(frozen=True)
class RegionTable:
    """What is known of each node; entry ``i`` of every array is node ``i``, entry 0 is empty.

    Attributes
    ----------
    n_voxels : ndarray, int64, shape (n_nodes + 1,)
    volume_A3 : ndarray, shape (n_nodes + 1,)
    center_xyz_px : ndarray, shape (n_nodes + 1, 3)
        Mean position of the voxels (x, y, z), counted from the corner voxel.
    maximum : ndarray, float32, shape (n_nodes + 1,)
        Highest density.
    maximum_xyz_px : ndarray, int64, shape (n_nodes + 1, 3)
        Where it is.
    """

    n_voxels: np.ndarray
    volume_A3: np.ndarray
    center_xyz_px: np.ndarray
    maximum: np.ndarray
    maximum_xyz_px: np.ndarray


def _check_tree(parent: np.ndarray, step: np.ndarray, names: dict[int, str]) -> None:
    nodes = np.arange(len(parent))
    if parent.ndim != 1 or len(parent) < 1 or parent.shape != step.shape:
        raise InputError(f"a segmentation has one parent and one step per node, got {parent.shape} and {step.shape}")
    if (parent >= len(parent)).any() or ((parent <= nodes) & (parent != 0)).any():
        raise InputError("a group of a segmentation has a larger number than its members, and exists")
    if ((step > step[parent]) & (parent != 0)).any() or (step < 0).any():
        raise InputError("a group of a segmentation formed at the step of its latest member, or later")
    unknown = [node for node in names if not 1 <= node < len(parent)]
    if unknown:
        raise InputError(f"the name {names[unknown[0]]!r} is given to node {unknown[0]}, which does not exist")
