"""Point groups: the rotations g with V(g x) = V(x), so that the poses R and R g of an image are the same.

Orientations are RELION's: Cn about z; Dn with a two-fold axis along x; T with a three-fold axis along z; O with four-fold axes along x, y and z;
I (also called I2) and I1 with two-fold axes along x, y and z; I3 and I4, mirror images of each other, with a five-fold axis along z and a two-fold
axis along y. All axes pass through the box centre.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from triskelion.errors import InputError
from triskelion.geometry.rotations import rotvec_to_matrix

GOLDEN = (1 + np.sqrt(5)) / 2
ROUNDING = 1e-9  # elements of a group, and directions, that differ by less are the same
TIE_BREAKER = rotvec_to_matrix([0.4, 1.1, -0.7])  # of no meaning, but far from every axis
# In the asymmetric unit lie the views nearer to this one than to its mates: 12° from z towards x, so that the unit of Cn is a wedge about x
CENTRAL_VIEW = np.array([np.sin(np.deg2rad(12)), 0.0, np.cos(np.deg2rad(12))])
X, Z = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
# (fold, axis) of the rotations that make each polyhedral group
POLYHEDRAL = {
    "T": ((3, Z), (2, (0.0, np.sqrt(2), 1.0))),
    "O": ((4, Z), (3, (1.0, 1.0, 1.0))),
    "I": ((2, Z), (5, (1.0, 0.0, GOLDEN)), (3, (0.0, 1 / GOLDEN, GOLDEN))),
    "I1": ((2, Z), (5, (0.0, 1.0, GOLDEN)), (3, (1 / GOLDEN, 0.0, GOLDEN))),
    "I3": ((5, Z), (2, (-1.0, 0.0, GOLDEN))),
    "I4": ((5, Z), (2, (1.0, 0.0, GOLDEN))),
}
MIRROR_IMAGES = {"I3": "I4", "I4": "I3"}  # through x = 0; every other group is its own
LARGEST_FOLD = 99


@dataclass(frozen=True, eq=False)
class PointGroup:
    """A point group.

    Attributes
    ----------
    name : str
        ``C1``, ``D7``, ``T`` ...
    rotations : ndarray, float64, shape (g, 3, 3)
        Its elements, the identity first.
    """

    name: str
    rotations: np.ndarray

    def __len__(self) -> int:
        return len(self.rotations)

    @cached_property
    def grid_rotations(self) -> np.ndarray:
        """The subgroup H of elements that take voxels to voxels (entries 0 and ±1), float64 (h, 3, 3)."""
        entries = np.abs(self.rotations)
        return self.rotations[(np.minimum(entries, np.abs(entries - 1)) < ROUNDING).all(axis=(1, 2))]

    @cached_property
    def coset_rotations(self) -> np.ndarray:
        """One element c of every coset c H, float64 (g / h, 3, 3): each element of the group is one c times one of ``grid_rotations``."""
        chosen: list[np.ndarray] = []
        covered = np.empty((0, 3, 3))
        for rotation in self.rotations:
            if not _contains(covered, rotation):
                chosen.append(rotation)
                covered = np.concatenate([covered, rotation @ self.grid_rotations])
        return np.stack(chosen)


def parse_symmetry(text: str) -> PointGroup:
    """Return the point group called ``text``: C1 to C99, D1 to D99, T, O, I (I2), I1, I3 or I4, in capitals or not.

    Raises
    ------
    InputError
        There is no such group.
    """
    name = text.strip().upper()
    cyclic = re.fullmatch(r"([CD])([1-9]\d?)", name)
    if cyclic is not None:
        about_z = ((int(cyclic[2]), Z),)
        return PointGroup(name, _generate(about_z if cyclic[1] == "C" else (*about_z, (2, X))))
    name = "I" if name == "I2" else name
    if name not in POLYHEDRAL:
        raise InputError(
            f"symmetry is {text!r}, wanted C1 to C{LARGEST_FOLD}, D1 to D{LARGEST_FOLD}, T, O, I (two-fold axes along x, y and z, as RELION's I2), "
            "I1, I3 or I4: turn maps of other orientations first"
        )
    return PointGroup(name, _generate(POLYHEDRAL[name]))


def mirror_group(group: PointGroup) -> PointGroup:
    """Return the point group of the mirror image through x = 0."""
    return parse_symmetry(MIRROR_IMAGES.get(group.name, group.name))


def _generate(generators: tuple[tuple[int, tuple[float, float, float]], ...]) -> np.ndarray:
    """Multiply rotations of (fold, axis) until nothing new appears."""
    turns = [rotvec_to_matrix(2 * np.pi / fold * np.asarray(axis) / np.linalg.norm(axis)) for fold, axis in generators]
    found = [np.eye(3)]
    for element in found:  # grows while it is walked through
        for turn in turns:
            product = _snap(element @ turn)
            if not _contains(np.stack(found), product):
                found.append(product)
    return np.stack(found)


def _snap(matrix: np.ndarray) -> np.ndarray:
    """Make entries that are 0, ±1/2 or ±1 exactly that, so that products of four-fold rotations do not drift."""
    halves = np.rint(2 * matrix) / 2 + 0.0
    return np.where(np.abs(matrix - halves) < ROUNDING, halves, matrix)


def _contains(rotations: np.ndarray, rotation: np.ndarray) -> bool:
    return bool((np.abs(rotations - rotation).max(axis=(1, 2), initial=0) < ROUNDING).any())


def expand_poses(rotations: np.ndarray, group_rotations: np.ndarray) -> np.ndarray:
    """Return R g for rotations (n, 3, 3) and elements (m, 3, 3) of a group, float64 (m n, 3, 3): all n with the first element, then the next."""
    return (rotations @ group_rotations[:, None]).reshape(-1, 3, 3)


def reduce_to_asymmetric_unit(rotations: np.ndarray, group: PointGroup) -> np.ndarray:
    """Return of every pose R (n, 3, 3) the mate R g whose view lies in the asymmetric unit: the same one for all mates of R.

    A view is the direction (in the map) that an image is seen along, the third row of R; the unit holds those nearest to ``CENTRAL_VIEW``.
    On its borders and on symmetry axes, where several mates are as near, a second criterion decides among them.
    """
    nearness = rotations[:, 2] @ (group.rotations @ CENTRAL_VIEW).T
    decides = _overlap(rotations, TIE_BREAKER[None] @ np.swapaxes(group.rotations, 1, 2))
    choice = np.where(nearness > nearness.max(axis=1, keepdims=True) - ROUNDING, decides, -np.inf).argmax(axis=1)
    return rotations @ group.rotations[choice]


def is_in_asymmetric_unit(views: np.ndarray, group: PointGroup) -> np.ndarray:
    """Say of directions (n, 3) in the map whether they lie in the asymmetric unit or on its border, bool (n,)."""
    nearness = views @ (group.rotations @ CENTRAL_VIEW).T
    return nearness[:, 0] > nearness.max(axis=1) - ROUNDING


def nearest_symmetry_mate(rotations: np.ndarray, references: np.ndarray, group: PointGroup) -> np.ndarray:
    """Return of every pose R (n, 3, 3) the mate R g that differs least from its reference (n, 3, 3)."""
    targets = references[:, None] @ np.swapaxes(group.rotations, 1, 2)
    choice = np.einsum("nij,ngij->ng", rotations, targets).argmax(axis=1)
    return rotations @ group.rotations[choice]


def _overlap(rotations: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Trace of R^T S for rotations (n, 3, 3) and targets (g, 3, 3): the larger, the smaller the angle between them, shape (n, g)."""
    return rotations.reshape(-1, 9) @ targets.reshape(-1, 9).T
