"""Restart audit: does a search from anywhere inside the extents find better poses than the refinement has?

A share of particles is aligned again from random poses and from where they are, against the same references. Where a random start ends
more than a nat higher, the refinement had stopped in a wrong place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triskelion.ranks import halves_of
from triskelion.refine.alignment import Posterior, align
from triskelion.refine.local import LocalRefinement
from triskelion.refine.refinement import Refinement

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


def audit_sample(refinement: Refinement, finds_better: Callable[[np.ndarray, Posterior], np.ndarray]) -> RestartAudit:
    """Look at a hundredth of the particles (a hundred at least); the poses of the refinement stay what they are.

    ``finds_better`` is given rows and what is maximised for them, and says for each (bool) whether it finds a better pose.
    """
    ranks, counts = refinement.means.ranks, np.zeros(2, int)
    n = max(round(SHARE * len(refinement.start.uid)), LEAST_PARTICLES)
    of_half = ((half, refinement.sample(half, n // 2)) for half in halves_of(ranks))
    for rows, posterior in (block for half, sample in of_half for block in refinement.sweep(half, sample, refinement.cloud)):
        counts += finds_better(rows, posterior).sum(), len(rows)
    ranks.add(counts)
    better, seen = map(int, counts)
    return RestartAudit(seen, better / seen)


def audit_restarts(refinement: LocalRefinement, n_starts: int = STARTS) -> RestartAudit:
    """Restart particles from random poses inside the extents."""
    uid, settings, stages = refinement.start.uid, refinement.settings, refinement.stages(n_starts)

    def finds_better(rows: np.ndarray, posterior: Posterior) -> np.ndarray:
        here = np.arange(len(rows))
        now = align(posterior, here, refinement.rotations[rows], refinement.centers_px[rows], stages)
        normal = np.stack([np.random.Generator(np.random.Philox(key=[int(u), settings.seed])).standard_normal((n_starts, 5)) for u in uid[rows]])
        turns = normal[..., :3] * np.deg2rad(settings.rotation_extent_deg) * SPREAD_PER_EXTENT
        shifts = normal[..., 3:] * refinement.extent.shift_px * SPREAD_PER_EXTENT
        of_start = np.repeat(here, n_starts)
        rotations, centers_px = posterior.prior.pose_at(of_start, turns.reshape(-1, 3), shifts.reshape(-1, 2))
        rotations, centers_px = posterior.extent.clip(posterior.prior, of_start, rotations, centers_px)
        again = align(posterior, of_start, rotations, centers_px, stages)
        return again.value > now.value + BETTER_NAT

    return audit_sample(refinement, finds_better)
