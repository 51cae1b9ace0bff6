"""Subsets of the particles, drawn by chance."""

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
