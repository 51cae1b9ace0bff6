"""How far a map's projections explain images: the sums that grey scale and contrast are fitted from."""

import numpy as np
import torch

from triskelion.fourier.complex_product import multiply
from triskelion.fourier.shells import FourierDisc
from triskelion.imaging.forward import ImageSet, phase_of_shift
from triskelion.kernels.interface import FourierVolume, Kernels, WeightedImages


def compare_with_projections(
    images: ImageSet, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, sigma2: np.ndarray, kernels: Kernels
) -> tuple[np.ndarray, np.ndarray]:
    """Return Re sum conj(m) b and sum W |m|² of each image of a block, float64 (n,), m the projection at its pose.

    Their ratio is the factor by which the projection fits the image best, with standard error 1 / sqrt(sum W |m|²).
    """
    return compare_weighted(images.weighted(images.coefficients, sigma2), volume, rotations, shifts_px, images.disc, kernels)


def compare_weighted(
    weighted: WeightedImages, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, disc: FourierDisc, kernels: Kernels
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of images that are weighted already, up to the radius of ``disc``."""
    m = len(disc)
    slices = kernels.slice(volume, rotations, weighted.scale, disc).cpu()
    model, b, weight = multiply(slices, phase_of_shift(disc, shifts_px, weighted.scale)), weighted.b[:, :m].cpu(), weighted.weight[:, :m].cpu()
    cross = (model.real * b.real + model.imag * b.imag).sum(1, dtype=torch.float64)
    power = ((model.real**2 + model.imag**2) * weight).sum(1, dtype=torch.float64)
    return cross.numpy(), power.numpy()
