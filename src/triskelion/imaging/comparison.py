"""How far a map's projections explain images: the sums that grey scale and contrast are fitted from."""

import numpy as np
import torch

from triskelion.fourier.complex_product import multiply
from triskelion.imaging.forward import ImageSet, phase_of_shift
from triskelion.kernels.interface import FourierVolume, Kernels


def compare_with_projections(
    images: ImageSet, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, sigma2: np.ndarray, kernels: Kernels
) -> tuple[np.ndarray, np.ndarray]:
    """Return Re sum conj(m) b and sum W |m|² of each image of a block, float64 (n,), m the projection at its pose.

    Their ratio is the factor by which the projection fits the image best, with standard error 1 / sqrt(sum W |m|²).
    """
    weighted = images.weighted(images.coefficients, sigma2)
    slices = kernels.slice(volume, rotations, images.scale, images.disc)
    model, b = multiply(slices, phase_of_shift(images.disc, shifts_px, images.scale)), weighted.b
    cross = (model.real * b.real + model.imag * b.imag).sum(1, dtype=torch.float64)
    power = ((model.real**2 + model.imag**2) * weighted.weight).sum(1, dtype=torch.float64)
    return cross.numpy(), power.numpy()
