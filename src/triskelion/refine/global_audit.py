"""Audit of whole particles: does a search anywhere, against the final references, find better poses than the refinement has?

It is the restart audit of a refinement without extents. Where a global search ends more than a nat higher in another basin, the particle stood in a
wrong one, or its pose is a draw (``refine.basins``): so do many in noise, and under a symmetry that was not given.
"""

import numpy as np

from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.refine.alignment import Posterior, align
from triskelion.refine.audit import RestartAudit, audit_sample
from triskelion.refine.basins import BETTER_NAT, ELSEWHERE_DEG
from triskelion.refine.global_search import find_poses_globally
from triskelion.refine.homogeneous import GRID_A, HomogeneousRefinement


def audit_globally(refinement: HomogeneousRefinement) -> RestartAudit:
    """Search particles anywhere."""
    grid, stages = refinement.grid_at(GRID_A[-1]), refinement.stages(0)

    def finds_better(rows: np.ndarray, posterior: Posterior) -> np.ndarray:
        here = np.arange(len(rows))
        now = align(posterior, here, refinement.rotations[rows], refinement.centers_px[rows], stages)
        found = find_poses_globally(posterior, here, grid, stages)
        elsewhere = rotation_difference_deg(now.rotations, found.rotations) > ELSEWHERE_DEG
        return elsewhere & (found.value > now.value + BETTER_NAT)

    return audit_sample(refinement, finds_better)
