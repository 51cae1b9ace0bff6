"""Audit of whole particles: does a search anywhere, against the final references, find better poses than the refinement has?

It is the restart audit of a refinement without extents. Where a global search ends more than a nat higher in another basin, the particle stood in a
wrong one, or its pose is a draw (``refine.basins``): so do many in noise, and under a symmetry that was not given.
"""

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.refine.alignment import align
from triskelion.refine.audit import LEAST_PARTICLES, SHARE, RestartAudit
from triskelion.refine.basins import BETTER_NAT, ELSEWHERE_DEG
from triskelion.refine.global_search import find_poses_globally
from triskelion.refine.homogeneous import GRID_A, HomogeneousRefinement


def audit_globally(refinement: HomogeneousRefinement) -> RestartAudit:
    """Search a hundredth of the particles (a hundred at least) anywhere; the poses of the refinement stay what they are."""
    n = max(round(SHARE * len(refinement.start.uid)), LEAST_PARTICLES)
    grid = refinement.grid_at(GRID_A[-1])
    stages = refinement.stages(0)
    better = seen = 0
    of_half = ((half, refinement.sample(half, n // 2)) for half in (HALF_A, HALF_B))
    for rows, posterior in (block for half, sample in of_half for block in refinement.sweep(half, sample, refinement.cloud)):
        here = np.arange(len(rows))
        now = align(posterior, here, refinement.rotations[rows], refinement.centers_px[rows], stages)
        found = find_poses_globally(posterior, here, grid, stages)
        elsewhere = rotation_difference_deg(now.rotations, found.rotations) > ELSEWHERE_DEG
        better += int((elsewhere & (found.value > now.value + BETTER_NAT)).sum())
        seen += len(rows)
    return RestartAudit(seen, better / seen)
