"""The built-in phantom: a body with a foot, a head and an arm, filled with chains of helices and strands.

Each domain is a union of ellipsoids with the positions, sizes and directions of the domains of the yeast tri-snRNP (from the
coordinates of PDB 5NRL by whole chain). It is filled by chains that avoid themselves and each other, one point per residue.
"""

from dataclasses import dataclass

import numpy as np

from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.simulate.assembly import Assembly, build_assembly

DEFAULT_HINGE_DEG = {"body": 0.0, "foot": 3.0, "head": 7.0, "arm": 10.0}  # sd per axis: the foot moves least, the arm most

# domain, centre (Å), semi-axes (Å), rotation vector (degrees) of the frame of the semi-axes
LOBES = (
    ("body", (-22, -60, 4), (27, 35, 45), (120, -5, 25)),
    ("body", (-59, 16, -11), (26, 42, 61), (13, -32, -120)),
    ("body", (78, 13, -12), (28, 33, 55), (37, -4, -50)),
    ("body", (6, -3, 4), (30, 41, 48), (68, 21, 139)),
    ("body", (32, -27, -26), (27, 34, 38), (131, 31, -82)),
    ("body", (20, 24, -46), (28, 39, 56), (7, -46, -49)),
    ("body", (72, 51, 15), (28, 45, 59), (-56, -105, -43)),
    ("foot", (-3, -80, 25), (29, 35, 52), (-130, -1, -16)),
    ("foot", (25, -89, -18), (26, 34, 40), (42, -7, -107)),
    ("foot", (9, -136, 22), (30, 36, 37), (-39, -36, -3)),
    ("head", (-96, 65, 3), (33, 36, 46), (25, -48, -34)),
    ("head", (-34, 44, 8), (33, 40, 46), (-20, -35, -110)),
    ("head", (-79, 35, 53), (26, 37, 38), (-146, -41, -60)),
    ("arm", (54, 108, -21), (20, 36, 37), (9, 113, -22)),
)
DOMAINS = ("body", "foot", "head", "arm")
DOMAIN_SHARES = (0.52, 0.19, 0.24, 0.05)  # of all residues

VOXEL_A = 2.0  # of the grid that says what is free
CLEARANCE_A = 4.5  # kept between residues that are not neighbours in a chain
RESIDUE_STEP_A = 3.8  # between neighbours
STRAND_SPACING_A = 4.8
ELECTRONS_PER_HEAVY_ATOM = 7.0
RESIDUE_B_FACTOR_A2 = 150.0  # a residue is a wider blob than an atom
N_CANDIDATES = 24
N_RESTARTS = 300


@dataclass
class Territory:
    """A grid in which every voxel holds the domain that may still build there, or -1."""

    free: np.ndarray
    origin_A: np.ndarray

    def domain_at(self, points_A: np.ndarray) -> np.ndarray:
        """Return the domain that may build at points (..., 3)."""
        index = self.index_of(points_A)
        return self.free[index[..., 0], index[..., 1], index[..., 2]]

    def index_of(self, points_A: np.ndarray) -> np.ndarray:
        """Return the voxel (..., 3) of points, those outside moved to the border, where nobody may build."""
        index = np.rint((points_A - self.origin_A) / VOXEL_A).astype(np.int64)
        return np.clip(index, 0, np.array(self.free.shape) - 1)

    def occupy(self, points_A: np.ndarray) -> None:
        """Take the surroundings of points (n, 3) out of the free space."""
        reach = int(CLEARANCE_A // VOXEL_A)
        offset = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        ball = offset[np.linalg.norm(offset, axis=1) * VOXEL_A <= CLEARANCE_A] * VOXEL_A
        index = self.index_of(points_A[:, None] + ball)
        self.free[index[..., 0], index[..., 1], index[..., 2]] = -1


def map_territory() -> Territory:
    """Give every voxel to the domain of the ellipsoid in which it lies deepest."""
    margin_A = max(max(semi_axes) for _, _, semi_axes, _ in LOBES) + 2 * VOXEL_A
    centers = np.array([center for _, center, _, _ in LOBES], dtype=np.float64)
    origin = centers.min(axis=0) - margin_A
    shape = np.ceil((centers.max(axis=0) + margin_A - origin) / VOXEL_A).astype(np.int64)
    free = np.full(shape, -1, dtype=np.int8)
    deepest = np.ones(shape)
    for domain, center, semi_axes, rotvec_deg in LOBES:
        first = np.floor((np.array(center) - max(semi_axes) - origin) / VOXEL_A).astype(np.int64)
        part = tuple(slice(i, i + int(2 * max(semi_axes) / VOXEL_A) + 2) for i in first)
        points = np.stack(np.meshgrid(*[np.arange(p.start, p.stop) for p in part], indexing="ij"), axis=-1) * VOXEL_A + origin
        frame = rotvec_to_matrix(np.deg2rad(rotvec_deg))
        depth = (((points - np.array(center)) @ frame / np.array(semi_axes)) ** 2).sum(axis=-1)
        inside = depth < deepest[part]
        free[part][inside], deepest[part][inside] = DOMAINS.index(domain), depth[inside]
    return Territory(free, origin)


def helix_template(n_residues: int) -> np.ndarray:
    """Return the residues (n, 3) of an alpha helix along z: radius 2.3 Å, 1.5 Å and 100° per residue, pitch 5.4 Å."""
    step = np.arange(n_residues)
    angle = np.deg2rad(100.0) * step
    return np.stack([2.3 * np.cos(angle), 2.3 * np.sin(angle), 1.5 * step], axis=1)


def strand_template(n_residues: int) -> np.ndarray:
    """Return the residues (n, 3) of a strand along z: 3.4 Å per residue, pleated so that neighbours are 3.8 Å apart."""
    step = np.arange(n_residues)
    return np.stack([np.where(step % 2, 0.85, -0.85), np.zeros(n_residues), 3.4 * step], axis=1)


def random_directions(n: int, generator: np.random.Generator) -> np.ndarray:
    """Draw unit vectors (n, 3)."""
    vectors = generator.standard_normal((n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def frames_along(directions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return right-handed frames (n, 3, 3) whose third column is ``directions`` (n, 3), turned at random about it."""
    first = np.cross(directions, random_directions(len(directions), generator))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(directions, first), directions], axis=2)


@dataclass(frozen=True)
class Element:
    """A helix or strand that has been placed."""

    is_strand: bool
    residues_A: np.ndarray
    axis: np.ndarray


def propose_element(previous: Element | None, start_A: np.ndarray, generator: np.random.Generator) -> tuple[bool, np.ndarray, np.ndarray]:
    """Draw a helix or a strand in several places: whether it is a strand, its residues (m, n, 3) and its axes (m, 3).

    A strand after a strand lies beside it, antiparallel, in half of the places, which makes sheets.
    """
    after_strand = previous is not None and previous.is_strand
    is_strand = bool(generator.random() < (0.75 if after_strand else 0.35))
    template = strand_template(int(generator.integers(5, 10))) if is_strand else helix_template(int(generator.integers(9, 24)))
    directions = random_directions(N_CANDIDATES, generator)
    offsets = random_directions(N_CANDIDATES, generator) * generator.uniform(5.5, 12.0, (N_CANDIDATES, 1))
    if previous is None:
        offsets[:] = 0
    elif is_strand and after_strand:
        beside = np.cross(random_directions(N_CANDIDATES // 2, generator), previous.axis)
        offsets[: N_CANDIDATES // 2] = STRAND_SPACING_A * beside / np.linalg.norm(beside, axis=1, keepdims=True)
        directions[: N_CANDIDATES // 2] = -previous.axis
    residues = np.einsum("mij,nj->mni", frames_along(directions, generator), template)
    return is_strand, residues - residues[:, :1] + (start_A + offsets)[:, None], directions


def loop_between(start_A: np.ndarray, end_A: np.ndarray) -> np.ndarray:
    """Return the residues (n, 3) between two points, evenly spaced, about 3.8 Å apart."""
    n_steps = max(1, round(float(np.linalg.norm(end_A - start_A)) / RESIDUE_STEP_A))
    return start_A + np.arange(1, n_steps)[:, None] / n_steps * (end_A - start_A)


def fill_domain(domain: int, n_residues: int, territory: Territory, generator: np.random.Generator) -> np.ndarray:
    """Grow chains in what is free of a domain's territory until it holds about ``n_residues`` or is full; return the residues (n, 3)."""
    pieces: list[np.ndarray] = []
    voxels = np.argwhere(territory.free == domain)
    placed, previous, failures = 0, None, 0
    while placed < n_residues and failures < N_RESTARTS:
        start = territory.origin_A + VOXEL_A * voxels[generator.integers(len(voxels))] if previous is None else previous.residues_A[-1]
        if previous is None and territory.domain_at(start) != domain:
            continue
        is_strand, candidates, axes = propose_element(previous, start, generator)
        fits = np.flatnonzero((territory.domain_at(candidates) == domain).all(axis=1))
        if len(fits) == 0:
            previous, failures = None, failures + 1
            continue
        residues = candidates[fits[0]]
        chain = residues if previous is None else np.concatenate([loop_between(start, residues[0]), residues])
        territory.occupy(chain)
        pieces.append(chain)
        placed, failures = placed + len(chain), 0
        previous = Element(is_strand, residues, axes[fits[0]])
    return np.concatenate(pieces)


def build_phantom(seed: int = 0, n_residues: int = 10_000) -> Assembly:
    """Build the phantom: about ``n_residues`` residues in a body, a foot, a head and an arm, some 300 Å long.

    Parameters
    ----------
    seed : int
        The same seed gives the same phantom.
    n_residues : int
        Wanted in all; less where the ellipsoids are full before.
    """
    generator = np.random.default_rng(seed)
    territory = map_territory()
    parts = [fill_domain(index, round(share * n_residues), territory, generator) for index, share in enumerate(DOMAIN_SHARES)]
    labels = np.concatenate([np.full(len(part), name) for name, part in zip(DOMAINS, parts, strict=True)])
    return build_assembly(np.concatenate(parts), draw_weights(len(labels), generator), labels, b_factor_A2=RESIDUE_B_FACTOR_A2)


def draw_weights(n_residues: int, generator: np.random.Generator) -> np.ndarray:
    """Draw the electrons of residues, from glycine to tryptophan: 4 to 14 heavy atoms, 7.8 in the mean."""
    return ELECTRONS_PER_HEAVY_ATOM * (4 + generator.poisson(3.8, n_residues))
