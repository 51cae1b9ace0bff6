"""How far a map's projections explain images: the sums that grey scale and contrast are fitted from."""

import numpy as np
import torch
from torch import Tensor

from triskelion.fourier.complex_product import multiply
from triskelion.fourier.shells import FourierDisc
from triskelion.imaging.forward import ImageSet, phase_of_shift
from triskelion.kernels.interface import FourierVolume, Kernels, WeightedImages

Poses = tuple[np.ndarray, np.ndarray]  # rotations (n, 3, 3) and shifts (n, 2) px


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
    model = _project(volume, rotations, shifts_px, weighted.scale, disc, kernels)
    b, weight = weighted.b[:, :m].cpu(), weighted.weight[:, :m].cpu()
    cross = (model.real * b.real + model.imag * b.imag).sum(1, dtype=torch.float64)
    power = ((model.real**2 + model.imag**2) * weight).sum(1, dtype=torch.float64)
    return cross.numpy(), power.numpy()


def measure_distance2(
    weighted: WeightedImages, rows: np.ndarray, volume: FourierVolume, poses: tuple[Poses, Poses], disc: FourierDisc, kernels: Kernels
) -> np.ndarray:
    """Return sum W |m - m'|² of the images ``rows``, float64 (n,): how far apart the projections at two poses of each are."""
    scale = weighted.scale[rows]
    first, second = (_project(volume, *pose, scale, disc, kernels) for pose in poses)
    apart = first - second
    return ((apart.real**2 + apart.imag**2) * weighted.weight[rows, : len(disc)].cpu()).sum(1, dtype=torch.float64).numpy()


def _project(volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, scale: np.ndarray, disc: FourierDisc, kernels: Kernels) -> Tensor:
    return multiply(kernels.slice(volume, rotations, scale, disc).cpu(), phase_of_shift(disc, shifts_px, scale))
