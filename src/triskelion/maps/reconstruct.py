"""Reconstruction: back-projection of weighted images and division by their weights."""

import numpy as np
import torch

from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.slices import cube_to_map, hermitian_sum
from triskelion.imaging.forward import batches, phase_of_shift
from triskelion.kernels.interface import BackProjection, Kernels, WeightedImages

WEIGHT_FLOOR = 1e-3  # of the mean weight of a shell: keeps voxels that hardly any slice reached from being blown up


def back_project(
    sums: BackProjection, images: WeightedImages, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray, disc: FourierDisc, kernels: Kernels
) -> None:
    """Insert the images ``rows`` at their poses (r, 3, 3), (r, 2); shifts are those of the particle in the image (px)."""
    for part in batches(np.arange(len(rows))):
        chosen = rows[part]
        centered = images.b[chosen, : len(disc)] * phase_of_shift(disc, -shifts_px[part], images.scale[chosen])
        shifted = WeightedImages(centered, images.weight[chosen, : len(disc)], images.scale[chosen])
        kernels.insert(sums, rotations[part], shifted, np.arange(len(part)), disc)


def solve_map(sums: BackProjection, box_px: int) -> np.ndarray:
    """Divide inserted values by inserted weights and transform back: map, float32 (n, n, n), unfiltered."""
    values, weights = hermitian_sum(sums.values), hermitian_sum(sums.weights)
    floor = WEIGHT_FLOOR * _shell_mean(weights)
    return cube_to_map(values / torch.clamp(weights, min=floor), box_px, sums.padding).numpy()


def _shell_mean(weights: torch.Tensor) -> torch.Tensor:
    """Mean weight of the shell of each voxel of a cube, float64; 1 in shells without any weight."""
    e = weights.shape[2] - 1
    line = torch.arange(-e, e + 1, dtype=torch.float64)
    half = torch.arange(e + 1, dtype=torch.float64)
    shell = (line[:, None, None] ** 2 + line[None, :, None] ** 2 + half[None, None, :] ** 2).sqrt().round().long()
    total = torch.zeros(int(shell.max()) + 1, dtype=torch.float64).index_add_(0, shell.flatten(), weights.flatten())
    count = torch.bincount(shell.flatten(), minlength=len(total))
    mean = total / count
    mean[mean <= 0] = 1 / WEIGHT_FLOOR
    return mean[shell]
