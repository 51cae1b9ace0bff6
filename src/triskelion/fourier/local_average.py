"""Averages over a window about every voxel, by transforms about the corner voxel.

The window is the biweight (1 - r²/radius²)²: compact and smooth. Box and window are periodic, so transforms give the sums exactly. Filters do
not ask where the origin is, and moving it to the centre would take longer than a transform.
"""

import torch
from torch import Tensor


def average_in_window(array: Tensor, radius_px: float) -> Tensor:
    """Average a map (n, n, n) over a window of this radius about each voxel."""
    return average_with_gain(array, window_gain(len(array), radius_px))


def window_gain(box_px: int, radius_px: float) -> Tensor:
    """Return by what the averages over a window multiply the coefficients of a map, float32 (n, n, n // 2 + 1)."""
    along = torch.fft.fftfreq(box_px, 1 / box_px).square_().div_(-(radius_px**2))
    window = (1 + along[:, None, None] + along[:, None] + along).clamp_(min=0).square_()
    gain = transform(window).real  # the window is even, about the corner voxel
    return gain / gain[0, 0, 0]


def average_with_gain(array: Tensor, gain: Tensor) -> Tensor:
    """Average a map over the window of ``window_gain``."""
    coefficients = transform(array)
    multiply_real(coefficients, gain, coefficients)
    return transform_back(coefficients, len(array))


def transform(array: Tensor) -> Tensor:
    """Transform a map (n, n, n) to coefficients (n, n, n // 2 + 1)."""
    # plane by plane, then across: a 3D transform in one call rounds differently with another number of threads
    return torch.fft.fft(torch.fft.rfft2(array), dim=0)


def transform_back(coefficients: Tensor, box_px: int) -> Tensor:
    """Undo ``transform``."""
    return torch.fft.irfftn(coefficients, s=(box_px,) * 3)


def multiply_real(coefficients: Tensor, gain: Tensor, out: Tensor) -> None:
    """Multiply coefficients by real numbers, into ``out``."""
    # as real numbers: torch rounds complex products differently with another number of threads
    torch.mul(torch.view_as_real(coefficients), gain[..., None], out=torch.view_as_real(out))
