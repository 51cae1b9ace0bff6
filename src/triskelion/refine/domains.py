"""Rigid domains in a consensus map: its best resolved large part is the body, and what is blurred beside it moves.

What moves against the rest is blurred in a map of all particles, the more the further it is from its hinge; a blur by u (root mean square, Å)
multiplies amplitudes at the wavelength d by exp(-2 π² u² / d²). So 1/d² of the local resolution says how much blur there is, and regions of the map
fall into two classes, those of the body and those blurred more: the classes between whose means of 1/d² the variance is largest (Otsu 1979),
each region counting by its volume. The body is the largest connected part of the better class. Where one domain moves far more than another, the
better class holds the other one too: the body is split in turn as long as its two classes differ as a domain must from a body, and explain more
of the variance than the halves of evenly spread values do (4/5 of it, or less). Other parts hang together where they touch, but not through necks.
Parts too small to be aligned join the neighbour they have most contact with.

Errors of orientation blur a rigid particle too, by u² in proportion to the squared distance r² from its centre. So d² = a + b r² is fitted to
the regions of the body, and each domain's resolution compared with it: its excess, which tells domains that surely move from those that may.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.masks.small_regions import count_contacts

LEAST_SHARE = 0.03  # of the particle that a domain is made of
LEAST_BLUR = 1.12  # resolution of a domain over that of the body
EVEN_SEPARATION = 0.8  # share of the variance between the halves of n values in even steps: 3/4 n² / (n² - 1), n = 4 or more
SURE_EXCESS = 1.15  # resolution over what the body's trend leads to expect: less may come of errors of orientation alone
NECK = 0.5  # area of a neck over the smaller side's volume^(2/3); a sphere cut in half has 1.9
PAIRS_PER_AREA = 9.0  # of voxels, neighbours among 26, across a face of one voxel
BODY = "body"


@dataclass(frozen=True)
class RigidDomains:
    """A proposal of what is rigid.

    Attributes
    ----------
    segmentation : Segmentation
        Its roots are the body, with the lowest number, and the domains, the largest first; all have names.
    resolution_A : ndarray, shape (n_roots,)
        Of each root: the local resolution, averaged as 1/d².
    excess : ndarray, shape (n_roots,)
        Of each root: its resolution over what the trend in the body leads to expect where it is.
    """

    segmentation: Segmentation
    resolution_A: np.ndarray
    excess: np.ndarray

    @property
    def nodes(self) -> list[int]:
        """Numbers of the body and of the domains."""
        return [int(node) for node in self.segmentation.roots()]

    def voxels_of(self, node: int) -> np.ndarray:
        """Return where a root is, bool (n, n, n)."""
        return self.segmentation.labels_of([node]) == node


def find_rigid_domains(segmentation: Segmentation, resolution: Volume) -> RigidDomains:
    """Propose which regions form the body, and which form domains that move.

    Parameters
    ----------
    segmentation : Segmentation
        Its roots are the regions: so small that each is of one domain, so large that its mean resolution means something.
    resolution : Volume
        Local resolution of the consensus, Å.

    Raises
    ------
    InputError
        The two lie on different grids, or there is no region.
    """
    require_same_grid(segmentation, resolution, "the segmentation", "the local resolution")
    if segmentation.n_leaves == 0:
        raise InputError("there is no region to find domains in: lower the threshold of the segmentation")
    sharpness, distance_A2 = measure_sharpness(segmentation, resolution), measure_distance_A2(segmentation)
    parts = partition_regions(segmentation, sharpness)
    found_A = np.array([_mean(sharpness, segmentation.n_voxels, part) for part in parts]) ** -0.5
    excess = np.array([measure_excess(part, parts[0], segmentation.n_voxels, sharpness, distance_A2) for part in parts])
    return RigidDomains(group_parts(segmentation, parts), found_A, excess)


def measure_sharpness(segmentation: Segmentation, resolution: Volume) -> np.ndarray:
    """Return the mean of 1/d² (1/Å²) over every root, at its number, shape (n_nodes + 1,); 0 elsewhere."""
    return _mean_of_roots(segmentation, resolution.array.ravel()[segmentation.inside_px].astype(np.float64) ** -2)


def measure_distance_A2(segmentation: Segmentation) -> np.ndarray:
    """Return the mean squared distance from the centre of all regions (Å²) of every root, as ``measure_sharpness`` does."""
    places = np.stack(np.unravel_index(segmentation.inside_px, segmentation.labels.shape), axis=1) * segmentation.pixel_size_A
    return _mean_of_roots(segmentation, ((places - places.mean(axis=0)) ** 2).sum(axis=1))


def _mean_of_roots(segmentation: Segmentation, values: np.ndarray) -> np.ndarray:
    root = segmentation.node_of_leaf(segmentation.roots())[segmentation.inside_labels]
    sums = np.bincount(root, weights=values, minlength=segmentation.n_nodes + 1)
    return sums / np.maximum(np.bincount(root, minlength=segmentation.n_nodes + 1), 1)


def partition_regions(segmentation: Segmentation, sharpness: np.ndarray) -> list[list[int]]:
    """Return the roots of the body, then those of each domain, the largest domain first."""
    roots, sizes = segmentation.roots(), segmentation.n_voxels
    contacts = count_contacts(segmentation)
    body = find_body(roots, sharpness, contacts, sizes)
    rest = np.setdiff1d(roots, body)
    parts = [body, *(piece for part in _connected(rest, contacts) for piece in cut_at_necks(part, contacts, sizes))]
    body, *others = _join_small_parts(parts, contacts, sizes)
    sharpness_of_body = _mean(sharpness, sizes, body)
    domains = [part for part in others if (sharpness_of_body / _mean(sharpness, sizes, part)) ** 0.5 >= LEAST_BLUR]
    body = sorted(set(roots.tolist()).difference(*domains))
    return [body, *sorted(domains, key=lambda part: -sizes[part].sum())]


def find_body(roots: np.ndarray, sharpness: np.ndarray, contacts: defaultdict[int, dict[int, int]], sizes: np.ndarray) -> np.ndarray:
    """Return the largest connected part of the sharper regions, again and again as long as it falls apart into two classes."""
    body, is_first = roots, True
    while True:
        sharp = sharpness[body] >= split_in_two(sharpness[body], sizes[body])
        if not is_first and not _are_apart(sharpness[body], sizes[body], sharp):
            return body
        body, is_first = np.array(max(_connected(body[sharp], contacts), key=lambda part: sizes[part].sum())), False


def _are_apart(sharpness: np.ndarray, sizes: np.ndarray, sharp: np.ndarray) -> bool:
    """Whether two classes differ as domain and body must, by more than an even spread makes two halves of anything differ."""
    if sharp.all():
        return False
    means = [float(np.average(sharpness[members], weights=sizes[members])) for members in (sharp, ~sharp)]
    middle = np.average(sharpness, weights=sizes)
    between = sum(sizes[members].sum() * (mean - middle) ** 2 for members, mean in zip((sharp, ~sharp), means, strict=True))
    return (means[0] / means[1]) ** 0.5 >= LEAST_BLUR and between > EVEN_SEPARATION * (sizes * (sharpness - middle) ** 2).sum()


def measure_excess(part: list[int], body: list[int], sizes: np.ndarray, sharpness: np.ndarray, distance_A2: np.ndarray) -> float:
    """Return the resolution of a part over what the trend in the body leads to expect.

    The trend is sqrt(a + b r²) with b >= 0, fitted to the regions of the body, each weighted by its volume, and continued no further out than these.
    """
    squared_A2, weight = 1 / sharpness[body], sizes[body].astype(np.float64)
    mean_d2, mean_r2 = np.average(squared_A2, weights=weight), np.average(distance_A2[body], weights=weight)
    away = distance_A2[body] - mean_r2
    spread = float((weight * away**2).sum())
    slope = max(float((weight * away * squared_A2).sum()) / spread, 0.0) if spread > 0 else 0.0
    reach_A2 = min(_mean(distance_A2, sizes, part), float(distance_A2[body].max()))
    expected_A2 = max(mean_d2 + slope * (reach_A2 - mean_r2), float(squared_A2.min()))
    return float((1 / _mean(sharpness, sizes, part) / expected_A2) ** 0.5)


def split_in_two(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the lowest value of the upper class, where two classes differ most (Otsu); the lowest of all where all are equal."""
    order = np.argsort(values)
    values, weights = values[order], weights[order].astype(np.float64)
    below = np.cumsum(weights)[:-1]
    above, total = weights.sum() - below, np.cumsum(values * weights)
    between = below * above * (total[:-1] / below - (total[-1] - total[:-1]) / above) ** 2
    return float(values[int(np.argmax(between)) + 1] if len(between) and between.max() > 0 else values[0])


def cut_at_necks(part: list[int], contacts: defaultdict[int, dict[int, int]], sizes: np.ndarray) -> list[list[int]]:
    """Return a connected part in pieces that hang together by more than necks.

    Pieces, at first the regions, are joined pair by pair, the pair with the widest contact for its size first, until only necks are left.
    """
    pieces, near = {node: [node] for node in part}, {node: {other: n for other, n in contacts[node].items() if other in part} for node in part}
    volume = {node: float(sizes[node]) for node in part}

    def width(first: int, second: int) -> float:
        return near[first][second] / PAIRS_PER_AREA / min(volume[first], volume[second]) ** (2 / 3)

    queue = [(-width(node, other), node, other) for node in part for other in near[node] if node < other]
    heapq.heapify(queue)
    while queue:
        negative, first, second = heapq.heappop(queue)
        if -negative < NECK:
            break
        if first not in pieces or second not in pieces or second not in near[first] or -negative != width(first, second):
            continue  # one of them has grown or is gone
        pieces[first] += pieces.pop(second)
        volume[first] += volume.pop(second)
        for other, count in near.pop(second).items():
            del near[other][second]
            if other != first:
                near[first][other] = near[other][first] = near[first].get(other, 0) + count
        for other in near[first]:
            heapq.heappush(queue, (-width(first, other), first, other))
    return list(pieces.values())


def group_parts(segmentation: Segmentation, parts: list[list[int]]) -> Segmentation:
    """Return the segmentation with a named group for each part: the body first, then domain_1, domain_2 ..."""
    step = int(segmentation.step.max(initial=0)) + 1
    grouped = segmentation.with_groups([(part, step) for part in parts])
    names = [BODY, *(f"domain_{number}" for number in range(1, len(parts)))]
    numbers = range(segmentation.n_nodes + 1, grouped.n_nodes + 1)
    return Segmentation(
        grouped.labels,
        grouped.parent,
        grouped.step,
        grouped.pixel_size_A,
        grouped.level,
        {**grouped.names, **dict(zip(numbers, names, strict=True))},
    )


def _connected(nodes: Iterable[int], contacts: defaultdict[int, dict[int, int]]) -> list[list[int]]:
    """Return regions in sets that hang together."""
    nodes = [int(node) for node in nodes]
    place = {node: index for index, node in enumerate(nodes)}
    pairs = [(place[node], place[other]) for node in nodes for other in contacts[node] if other in place]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(nodes),) * 2)
    n_sets, label = connected_components(graph, directed=False)
    return [[nodes[index] for index in np.flatnonzero(label == number)] for number in range(n_sets)]


def _join_small_parts(parts: list[list[int]], contacts: defaultdict[int, dict[int, int]], sizes: np.ndarray) -> list[list[int]]:
    """Join parts of less than 3 % of the particle to the part they have most contact with, the smallest first; without contact, to the body."""
    parts = [list(part) for part in parts]
    least = LEAST_SHARE * sum(int(sizes[part].sum()) for part in parts)
    while len(parts) > 1:
        smallest = min(range(1, len(parts)), key=lambda index: sizes[parts[index]].sum())
        if sizes[parts[smallest]].sum() >= least:
            break
        small = parts.pop(smallest)
        shared = [sum(contacts[node].get(other, 0) for node in small for other in part) for part in parts]
        parts[int(np.argmax(shared))] += small
    return parts


def _mean(values: np.ndarray, sizes: np.ndarray, part: list[int]) -> float:
    return float(np.average(values[part], weights=sizes[part]))
