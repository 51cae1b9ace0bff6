"""Particle subtraction: taking the rest of the particle, at its consensus pose, out of the images.

What is taken out is s C phase(t) Slice(R, (1 - M) P V): M the mask of the domain that stays, P a loose mask of the whole particle,
V the own half map. 1 - M and M add up to one, so nothing is taken twice and nothing is left.
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from triskelion.fourier.complex_product import multiply
from triskelion.imaging.forward import ImageSet, phase_of_shift
from triskelion.kernels.interface import FourierVolume

Slicer = Callable[..., Tensor]


def predict_images(images: ImageSet, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, slice_volume: Slicer) -> Tensor:
    """Noise-free images s C phase(u) Slice(R, V) of a block, complex64 (n, m), at its poses (n, 3, 3), (n, 2)."""
    slices = slice_volume(volume, rotations, images.scale, images.disc)
    return images.transfer() * multiply(slices, phase_of_shift(images.disc, shifts_px, images.scale))


def subtract_projections(images: ImageSet, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, slice_volume: Slicer) -> Tensor:
    """Return a block of images minus the projections of ``volume``, complex64 (n, m)."""
    return images.coefficients - predict_images(images, volume, rotations, shifts_px, slice_volume)
