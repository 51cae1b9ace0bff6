"""Subsets of the particles: drawn by chance, or chosen by a number that each of them has."""

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B, NO_HALF, Particles
from triskelion.errors import InputError


def draw_subsets(particles: Particles, n_particles: int, n_subsets: int, seed: int) -> list[np.ndarray]:
    """Return rows, in order, of ``n_subsets`` subsets with the same share of both half-sets, apart from one another while there are enough particles.

    Raises
    ------
    InputError
        There are fewer particles than a subset is to have.
    """
    if not 0 < n_particles <= len(particles):
        raise InputError(f"a subset of {n_particles} of {len(particles)} particles was asked for: give a number from 1 to {len(particles)}")
    generator = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[] for _ in range(n_subsets)]
    for half in (HALF_A, HALF_B, NO_HALF):
        rows = particles.rows_of_half(half)
        share = round(n_particles * len(rows) / len(particles))
        if share == 0:
            continue
        drawn = np.empty(0, dtype=np.int64)
        for part in parts:
            if len(drawn) < share:
                drawn = generator.permutation(rows)
            part.append(drawn[:share])
            drawn = drawn[share:]
    return [np.sort(np.concatenate(part)) for part in parts]


def keep_extreme(particles: Particles, values: np.ndarray, n_particles: int, *, highest: bool) -> np.ndarray:
    """Return rows, in order, of the particles with the highest or lowest values, with the same share of both half-sets.

    Each half-set is ranked by itself, so that the halves stay as balanced as they are. Particles without a value (NaN) come last and are never kept.

    Parameters
    ----------
    particles : Particles
    values : ndarray, shape (n,)
    n_particles : int
        How many to keep.
    highest : bool
        Keep the highest values, or the lowest.

    Raises
    ------
    InputError
        There are fewer particles than that with a value, in one of the half-sets.
    """
    values = np.asarray(values, dtype=np.float64)
    if not 0 < n_particles <= len(particles):
        raise InputError(f"{n_particles} of {len(particles)} particles were to be kept: give a number from 1 to {len(particles)}")
    kept = []
    for half in (HALF_A, HALF_B, NO_HALF):
        rows = particles.rows_of_half(half)
        share = round(n_particles * len(rows) / len(particles))
        known = rows[np.isfinite(values[rows])]
        if share > len(known):
            raise InputError(f"{share} particles of a half-set were to be kept, but only {len(known)} of its {len(rows)} have a value: keep fewer")
        # equal values are ranked by uid: the order of the table does not matter
        order = np.lexsort((particles["uid"][known], -values[known] if highest else values[known]))
        kept.append(known[order[:share]])
    return np.sort(np.concatenate(kept))


def keep_between(values: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """Return rows, in order, whose values (n,) lie between both, ends included; none without a value (NaN)."""
    values = np.asarray(values, dtype=np.float64)
    return np.flatnonzero((values >= lowest) & (values <= highest))


def half_sets_differ(particles: Particles) -> bool:
    """Say whether the half-sets differ in size by more than chance: three standard deviations of a fair draw."""
    n_a, n_b = (len(particles.rows_of_half(half)) for half in (HALF_A, HALF_B))
    return abs(n_a - n_b) > 3 * np.sqrt(n_a + n_b)
