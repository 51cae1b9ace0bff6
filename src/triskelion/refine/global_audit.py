"""Audit of whole particles: does a search anywhere, against the final references, find better poses than the refinement has?

It is the restart audit of a refinement without extents. Where a global search ends higher in another basin, by more than in a draw, the particle
stood in a wrong one; in noise, where there is no right one, most do.
"""

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.refine.alignment import align
from triskelion.refine.audit import LEAST_PARTICLES, SHARE, RestartAudit
from triskelion.refine.basins import compare_basins
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
        clearly, elsewhere = compare_basins(posterior, now, found, stages[-1].disc, refinement.map_noise)
        better += int((clearly & elsewhere).sum())
        seen += len(rows)
    return RestartAudit(seen, better / seen)
