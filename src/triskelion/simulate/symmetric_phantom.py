"""A symmetric phantom: what lies of the phantom's shape in the asymmetric unit, filled with chains and copied by a point group. It is rigid."""

import numpy as np

from triskelion.geometry.symmetry import CENTRAL_VIEW, PointGroup
from triskelion.simulate.assembly import Assembly, build_assembly
from triskelion.simulate.phantom import CLEARANCE_A, RESIDUE_B_FACTOR_A2, VOXEL_A, Territory, draw_weights, fill_domain, map_territory

BODY = 0  # the only domain


def build_symmetric_phantom(group: PointGroup, seed: int = 0, n_residues: int = 10_000) -> Assembly:
    """Build about ``n_residues`` residues in as many equal copies as the group has elements; chains of two copies keep their distance.

    Parameters
    ----------
    group : PointGroup
    seed : int
        The same seed gives the same phantom.
    n_residues : int
        Wanted in all; less where the shape is full before: about 3000 in T, 1700 in O and 600 in I.
    """
    generator = np.random.default_rng(seed)
    territory = map_territory()
    keep_asymmetric_unit(territory, group)
    unit = fill_domain(BODY, max(1, round(n_residues / len(group))), territory, generator)
    coordinates = np.concatenate([unit @ rotation.T for rotation in group.rotations])
    weights = np.tile(draw_weights(len(unit), generator), len(group))
    return build_assembly(coordinates, weights, np.full(len(weights), "body"), b_factor_A2=RESIDUE_B_FACTOR_A2)


def keep_asymmetric_unit(territory: Territory, group: PointGroup) -> None:
    """Leave free what lies in the asymmetric unit, half a clearance or more from its borders, and give all of it to the body."""
    normals = CENTRAL_VIEW - group.rotations[1:] @ CENTRAL_VIEW
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    index = np.argwhere(territory.free >= 0)
    inside = ((territory.origin_A + VOXEL_A * index) @ normals.T >= CLEARANCE_A / 2).all(axis=1)
    territory.free[:] = -1
    territory.free[tuple(index[inside].T)] = BODY
