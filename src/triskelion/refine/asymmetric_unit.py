"""Results of a symmetric refinement in the asymmetric unit: of the poses that show the same, always the same one."""

from dataclasses import replace

import numpy as np

from triskelion.geometry.symmetry import PointGroup, reduce_to_asymmetric_unit
from triskelion.refine.state import IterationResult


def move_to_asymmetric_unit(result: IterationResult, group: PointGroup) -> IterationResult:
    """Return the result with every pose R at its mate R g, its posterior with it.

    Shifts stay, as all axes pass through the box centre. A small rotation w of the map, R exp(w), is R g exp(g^T w) at the mate.
    """
    reduced = reduce_to_asymmetric_unit(result.rotations, group)
    turns = np.zeros((len(reduced), 5, 5))
    turns[:, :3, :3] = np.swapaxes(reduced, 1, 2) @ result.rotations  # g^T
    turns[:, 3:, 3:] = np.eye(2)
    return replace(result, rotations=reduced, covariance=turns @ result.covariance @ np.swapaxes(turns, 1, 2))
