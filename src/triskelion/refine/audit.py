"""Restart audit: does a search from anywhere inside the extents find better poses than the refinement has?

A share of particles is aligned again from random poses and from where they are, against the same references. Where a random start ends
more than a nat higher, the refinement had stopped in a wrong place.
"""

from dataclasses import dataclass

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.refine.alignment import align
from triskelion.refine.local import LocalRefinement

SHARE = 0.01
LEAST_PARTICLES = 100
STARTS = 20
BETTER_NAT = 1.0
SPREAD_PER_EXTENT = 1 / 2.5  # of random starts, per axis


@dataclass(frozen=True)
class RestartAudit:
    """What the audit found.

    Attributes
    ----------
    n_particles : int
        Particles that were looked at.
    better_share : float
        Share of them for which a random start found more than a nat more.
    """

    n_particles: int
    better_share: float


def audit_restarts(refinement: LocalRefinement, n_starts: int = STARTS) -> RestartAudit:
    """Restart a hundredth of the particles (a hundred at least) from random poses; the poses of the refinement stay what they are."""
    uid, settings = refinement.start.uid, refinement.settings
    n = max(round(SHARE * len(uid)), LEAST_PARTICLES)
    better = seen = 0
    of_half = ((half, refinement.sample(half, n // 2)) for half in (HALF_A, HALF_B))
    for rows, posterior in (block for half, sample in of_half for block in refinement.sweep(half, sample, refinement.cloud)):
        here = np.arange(len(rows))
        stages = refinement.stages(n_starts)
        now = align(posterior, here, refinement.rotations[rows], refinement.centers_px[rows], stages)
        normal = np.stack([np.random.Generator(np.random.Philox(key=[int(u), settings.seed])).standard_normal((n_starts, 5)) for u in uid[rows]])
        turns = normal[..., :3] * np.deg2rad(settings.rotation_extent_deg) * SPREAD_PER_EXTENT
        shifts = normal[..., 3:] * refinement.extent.shift_px * SPREAD_PER_EXTENT
        of_start = np.repeat(here, n_starts)
        rotations, centers_px = posterior.prior.pose_at(of_start, turns.reshape(-1, 3), shifts.reshape(-1, 2))
        rotations, centers_px = posterior.extent.clip(posterior.prior, of_start, rotations, centers_px)
        again = align(posterior, of_start, rotations, centers_px, stages)
        better += int((again.value > now.value + BETTER_NAT).sum())
        seen += len(rows)
    return RestartAudit(seen, better / seen)
