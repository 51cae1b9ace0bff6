"""Non-uniform filtering: at every voxel the low-pass cut that best predicts one half map from the other.

For each cut c the halves are filtered with a Butterworth h_c, and the error

    E_c(x) = sum_y w(y - x) (|h_c m_A - m_B|² + |h_c m_B - m_A|²)(y)

is taken in a window w about x whose radius is ``WINDOW_PER_CUT`` / c. Both halves are filtered with the cut of least error (the same
one: it is a shared quantity). Punjani, Zhang & Fleet, Nat. Methods 17 (2020) 1214.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.fourier.filters import butterworth_gain, fourier_radius, gaussian_gain
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier

ORDER = 8
WINDOW_PER_CUT = 3.0  # radius of the window in wavelengths of the cut
N_CUTS = 12
COARSEST_A = 25.0


@dataclass(frozen=True)
class LocalCuts:
    """Which cut holds where.

    Attributes
    ----------
    cuts_A : ndarray (c,)
        Resolutions (Å), coarse to fine.
    index : ndarray, uint8 (n, n, n)
        Cut of each voxel.
    """

    cuts_A: np.ndarray
    index: np.ndarray


def cut_series(finest_A: float) -> np.ndarray:
    """Geometric series of cuts from 25 Å (or twice the finest) down to ``finest_A``."""
    return np.geomspace(max(COARSEST_A, 2 * finest_A), finest_A, N_CUTS)


def choose_cuts(half_a: np.ndarray, half_b: np.ndarray, pixel_size_A: float, finest_A: float) -> LocalCuts:
    """Choose the cut of every voxel by cross-validation between half maps (n, n, n)."""
    halves = [torch.from_numpy(half) for half in (half_a, half_b)]
    transforms = [volume_to_fourier(half) for half in halves]
    box_px = half_a.shape[0]
    frequency = (fourier_radius(box_px, 3) / (box_px * pixel_size_A)).to(torch.float32)
    cuts = cut_series(finest_A)
    least, index = torch.full(half_a.shape, torch.inf), torch.zeros(half_a.shape, dtype=torch.uint8)
    for number, cut in enumerate(cuts):
        gain = butterworth_gain(frequency, 1 / cut, ORDER)
        error = sum((fourier_to_volume(t * gain, box_px) - other) ** 2 for t, other in zip(transforms, reversed(halves), strict=True))
        local = _local_mean(error, frequency, WINDOW_PER_CUT * cut)
        better = local < least
        least = torch.where(better, local, least)
        index[better] = number
    return LocalCuts(cuts, index.numpy())


def _local_mean(error: Tensor, frequency: Tensor, radius_A: float) -> Tensor:
    """Mean in a Gaussian window with the second moment of a ball of this radius (sigma² = radius² / 5)."""
    return fourier_to_volume(volume_to_fourier(error) * gaussian_gain(frequency, radius_A / 5**0.5), error.shape[0])


def filter_by_cuts(half: np.ndarray, pixel_size_A: float, cuts: LocalCuts) -> np.ndarray:
    """Filter a map (n, n, n) with the cut of each voxel."""
    box_px = half.shape[0]
    transform = volume_to_fourier(torch.from_numpy(half))
    frequency = (fourier_radius(box_px, 3) / (box_px * pixel_size_A)).to(torch.float32)
    index, out = torch.from_numpy(cuts.index), torch.zeros(half.shape)
    for number in np.unique(cuts.index):
        filtered = fourier_to_volume(transform * butterworth_gain(frequency, 1 / float(cuts.cuts_A[number]), ORDER), box_px)
        out = torch.where(index == int(number), filtered, out)
    return out.numpy()
