"""Particle subtraction: taking the rest of the particle, at its consensus pose, out of the images.

What is taken out is s C phase(t) Slice(R, (1 - M) P V): M the mask of the domain that stays, P a loose mask of the whole particle,
V the own half map. 1 - M and M add up to one, so nothing is taken twice and nothing is left.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from triskelion.imaging.forward import ImageSet, batches, phase_of_shift
from triskelion.kernels.interface import FourierVolume

Slicer = Callable[..., Tensor]


def predict_images(
    images: ImageSet, rows: np.ndarray, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, slice_volume: Slicer
) -> Tensor:
    """Noise-free images s C phase(u) Slice(R, V) of ``rows``, complex64 (r, m); poses are those of the rows."""
    scale = images.scale[rows]
    slices = slice_volume(volume, rotations, scale, images.disc)
    return images.transfer(rows) * phase_of_shift(images.disc, shifts_px, scale) * slices


def subtract_projections(
    images: ImageSet, rows: np.ndarray, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, slice_volume: Slicer
) -> Tensor:
    """Images of ``rows`` minus the projections of ``volume``, complex64 (r, m); poses (n, 3, 3), (n, 2) are of all images."""
    out = torch.empty((len(rows), len(images.disc)), dtype=torch.complex64)
    for part in batches(np.arange(len(rows))):
        chosen = rows[part]
        out[part] = images.coefficients[chosen] - predict_images(images, chosen, volume, rotations[chosen], shifts_px[chosen], slice_volume)
    return out
