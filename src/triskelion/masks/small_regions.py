"""Regions too small to be anything: dropped, or joined to the neighbour they have most contact with."""

import heapq
import math
from collections import defaultdict

import numpy as np
from scipy import ndimage

from triskelion.data.segmentation import Segmentation
from triskelion.masks.segment import neighbor_offsets


def least_voxels(pixel_size_A: float, n_voxels: int, volume_A3: float) -> int:
    """Return how many voxels a region has that is as large as both a number of voxels and a volume."""
    return max(n_voxels, math.ceil(volume_A3 / pixel_size_A**3 - 1e-6))


def drop_small_regions(segmentation: Segmentation, least: int) -> Segmentation:
    """Return the segmentation without the roots, and all that is below them, of fewer than ``least`` voxels."""
    roots = segmentation.roots()
    return segmentation.keep_roots(roots[segmentation.n_voxels[roots] >= least].tolist())


def join_small_regions(segmentation: Segmentation, least: int) -> Segmentation:
    """Join every root of fewer than ``least`` voxels to the one it has most contact with, the smallest first; those without contact are dropped.

    What was joined is a group, formed at the step of its latest member, so that it can be taken apart again.
    """
    sizes, contacts = segmentation.n_voxels.tolist(), count_contacts(segmentation)
    members = {int(root): [int(root)] for root in segmentation.roots()}
    queue = [(sizes[root], root) for root in members if sizes[root] < least]
    heapq.heapify(queue)
    while queue:
        size, root = heapq.heappop(queue)
        if root not in members or size != sizes[root] or not contacts[root]:
            continue  # it was joined to another, has grown, or is alone
        near = contacts.pop(root)
        host = max(near, key=lambda node: (near[node], sizes[node], -node))
        for other, count in near.items():
            del contacts[other][root]
            if other != host:
                contacts[host][other] = contacts[other][host] = contacts[host].get(other, 0) + count
        members[host] += members.pop(root)
        sizes[host] += size
        if sizes[host] < least:
            heapq.heappush(queue, (sizes[host], host))
    groups = [(sorted(nodes), int(segmentation.step[nodes].max())) for nodes in members.values() if len(nodes) > 1]
    return drop_small_regions(segmentation.with_groups(groups), least)


def count_contacts(segmentation: Segmentation) -> defaultdict[int, dict[int, int]]:
    """Return for each root its neighbours, and the number of pairs of voxels, neighbours among 26, that it shares with each."""
    contacts: defaultdict[int, dict[int, int]] = defaultdict(dict)
    if segmentation.n_leaves == 0:
        return contacts
    box = ndimage.find_objects((segmentation.labels > 0).view(np.int8))[0]
    padded = np.pad(segmentation.node_of_leaf(segmentation.roots())[segmentation.labels[box]], 1)
    labels, voxels = padded.ravel(), np.flatnonzero(padded)
    n_entries = segmentation.n_nodes + 1
    pairs = []
    for offset in neighbor_offsets(padded.shape)[14:]:  # each pair once: only those later in memory
        here, there = labels[voxels].astype(np.int64), labels[voxels + offset]
        touching = (there > 0) & (there != here)
        pairs.append(here[touching] * n_entries + there[touching])
    for pair, count in zip(*np.unique(np.concatenate(pairs), return_counts=True)):
        first, second = (int(node) for node in divmod(pair, n_entries))
        contacts[first][second] = contacts[second][first] = contacts[first].get(second, 0) + int(count)
    return contacts
