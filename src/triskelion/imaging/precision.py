"""How much each image says about the coefficients of its slice: the weight that it has in a reconstruction."""

from collections.abc import Callable

import numpy as np
import torch

from triskelion.data.particles import Particles
from triskelion.fourier.shells import FourierDisc
from triskelion.imaging.forward import Grid, batch_size, batches, compute_known_ctf


def measure_precision(
    particles: Particles, grid: Grid, disc: FourierDisc, sigma2: np.ndarray, advance: Callable[[int], None] = lambda steps: None
) -> np.ndarray:
    """Return the mean of s² C² / sigma2 over the disc for each particle, float64 (n,); no image is read.

    Parameters
    ----------
    particles : Particles
    grid : Grid
        Of the map.
    disc : FourierDisc
    sigma2 : ndarray, shape (groups, shells)
        Variance of the noise per real component.
    advance : callable
        Told how many particles are done.
    """
    precision = np.empty(len(particles))
    inverse = torch.from_numpy((1 / sigma2[:, disc.shell]).astype(np.float32))
    for rows in batches(np.arange(len(particles)), batch_size(len(disc))):
        weight = compute_known_ctf(particles, grid, disc, rows) ** 2 * inverse[particles["optics_group"][rows]]
        precision[rows] = weight.mean(1).numpy() * particles["contrast"][rows] ** 2
        advance(len(rows))
    return precision
