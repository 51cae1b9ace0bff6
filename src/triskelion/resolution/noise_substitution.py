"""Noise substitution: what part of a masked FSC comes from the mask, seen by randomising the phases beyond some shell.

Chen et al., Ultramicroscopy 135 (2013) 24-35.
"""

import numpy as np
import torch
from torch import Tensor

from triskelion.fourier.shells import shell_indices
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier

SHELLS_LEFT_OUT = 2  # the mask smears the edge between true and random phases over these shells


def randomize_phases(coefficients: Tensor, box_px: int, first_shell: int, seed: int) -> Tensor:
    """Give coefficients from ``first_shell`` on the phases of white noise, which leaves amplitudes and Hermitian symmetry as they are.

    Parameters
    ----------
    coefficients : Tensor, complex, shape (n, n, n // 2 + 1)
        As from ``volume_to_fourier``.
    box_px : int
    first_shell : int
    seed : int
        Two half maps need two seeds.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    noise = volume_to_fourier(torch.from_numpy(generator.standard_normal((box_px,) * 3, dtype=np.float32)))
    random = torch.polar(coefficients.abs(), noise.angle().to(coefficients.real.dtype))
    return torch.where(shell_indices(box_px, 3) >= first_shell, random, coefficients)


def randomize_map_phases(coefficients: Tensor, box_px: int, first_shell: int, seed: int) -> Tensor:
    """Return the map (n, n, n) whose phases from ``first_shell`` on are random."""
    return fourier_to_volume(randomize_phases(coefficients, box_px, first_shell, seed), box_px)


def correct_fsc(masked: np.ndarray, randomized: np.ndarray, first_shell: int) -> np.ndarray:
    """Return (FSC_t - FSC_n) / (1 - FSC_n) from two shells after ``first_shell`` on, FSC_t before.

    Parameters
    ----------
    masked : ndarray, shape (shells,)
        FSC_t, of the masked half maps.
    randomized : ndarray, shape (shells,)
        FSC_n, of the masked half maps with random phases.
    first_shell : int
        First shell whose phases are random.

    Returns
    -------
    ndarray, float64, shape (shells,)
        0 where FSC_n is 1: nothing is left that the mask does not explain.
    """
    corrected = np.array(masked, dtype=np.float64)
    start = first_shell + SHELLS_LEFT_OUT
    rest = 1 - np.asarray(randomized, dtype=np.float64)[start:]
    difference = corrected[start:] - randomized[start:]
    corrected[start:] = np.divide(difference, rest, out=np.zeros_like(rest), where=rest > 1e-9)
    return corrected
