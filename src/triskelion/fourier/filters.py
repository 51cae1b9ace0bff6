"""Filters that depend on the length of the spatial frequency alone, for images and maps.

A gain is either a function of the frequency (1/Å) or one number per Fourier shell, linear between shells.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from triskelion.errors import InputError
from triskelion.fourier.transforms import fourier_to_image, fourier_to_volume, image_to_fourier, volume_to_fourier

Gain = Callable[[Tensor], Tensor]


def fourier_radius(box_px: int, dimensions: int) -> Tensor:
    """Return the Fourier radius in units of 1 / box on a half grid, float64 (n, n // 2 + 1) or (n, n, n // 2 + 1)."""
    full = torch.fft.fftfreq(box_px, 1 / box_px, dtype=torch.float64)
    half = torch.arange(box_px // 2 + 1, dtype=torch.float64)
    squared = half**2
    for _ in range(dimensions - 1):
        squared = (full**2).reshape(-1, *[1] * squared.ndim) + squared
    return squared.sqrt_()


def butterworth_gain(frequency_per_A: Tensor, cutoff_per_A: float, order: int = 8) -> Tensor:
    """Return 1 / sqrt(1 + (f / cutoff)^(2 order)): 0.707 at the cutoff."""
    return 1 / torch.sqrt(1 + (frequency_per_A / cutoff_per_A) ** (2 * order))


def gaussian_gain(frequency_per_A: Tensor, sigma_A: float) -> Tensor:
    """Return the transform of a normalised Gaussian of standard deviation ``sigma_A``: exp(-2 pi² sigma² f²)."""
    return torch.exp(-2 * math.pi**2 * sigma_A**2 * frequency_per_A**2)


def b_factor_gain(frequency_per_A: Tensor, b_factor_A2: float) -> Tensor:
    """Return exp(B f² / 4): a positive B sharpens, undoing amplitudes that fall as exp(-B f² / 4)."""
    return torch.exp(b_factor_A2 * frequency_per_A**2 / 4)


def interpolate_shell_gain(shell_gain: Tensor, radius: Tensor) -> Tensor:
    """Read a gain given per shell at any radius (units of 1 / box), linear between shells.

    Parameters
    ----------
    shell_gain : Tensor, shape (shells,)
        Gain in the middle of shells 0, 1, ...; beyond the last one its value is kept.
    radius : Tensor, any shape
    """
    last = len(shell_gain) - 1
    radius = radius.clamp(max=last)
    below = radius.floor().clamp(max=max(last - 1, 0)).to(torch.int64)
    above = (below + 1).clamp(max=last)
    fraction = radius - below
    gain = shell_gain.to(torch.float64)
    return gain[below] * (1 - fraction) + gain[above] * fraction


def _apply(real: Tensor, gain: Tensor, dimensions: int) -> Tensor:
    forward, back = (image_to_fourier, fourier_to_image) if dimensions == 2 else (volume_to_fourier, fourier_to_volume)
    return back(forward(real) * gain.to(real.dtype), real.shape[-1])


def apply_gain(real: Tensor, pixel_size_A: float, gain: Gain, dimensions: int = 3) -> Tensor:
    """Multiply the transform of images (..., n, n) or maps (..., n, n, n) by ``gain(frequency)``.

    Parameters
    ----------
    real : Tensor
        float32 or float64; the result has the same shape and type.
    pixel_size_A : float
    gain : callable
        Frequencies (1/Å) -> gains of the same shape.
    dimensions : int
        3 for maps, 2 for images.
    """
    box_px = real.shape[-1]
    frequency = fourier_radius(box_px, dimensions) / (box_px * pixel_size_A)
    return _apply(real, gain(frequency), dimensions)


def apply_shell_gain(real: Tensor, shell_gain: Tensor, dimensions: int = 3) -> Tensor:
    """Multiply the transform of images (..., n, n) or maps (..., n, n, n) by a gain per shell, linear between shells."""
    return _apply(real, interpolate_shell_gain(shell_gain, fourier_radius(real.shape[-1], dimensions)), dimensions)


def lowpass(real: Tensor, pixel_size_A: float, resolution_A: float, order: int = 8, dimensions: int = 3) -> Tensor:
    """Low-pass images or maps with a Butterworth filter whose cutoff is ``resolution_A``.

    Raises
    ------
    InputError
        If the resolution is not positive.
    """
    if not resolution_A > 0:
        raise InputError(f"the low-pass resolution is {resolution_A:g} Å, wanted a positive length")
    return apply_gain(real, pixel_size_A, lambda frequency: butterworth_gain(frequency, 1 / resolution_A, order), dimensions)


def gaussian_blur(real: Tensor, pixel_size_A: float, sigma_A: float, dimensions: int = 3) -> Tensor:
    """Convolve images or maps with a Gaussian of standard deviation ``sigma_A`` (periodic at the box edge).

    Raises
    ------
    InputError
        If the standard deviation is negative.
    """
    if not sigma_A >= 0:
        raise InputError(f"the Gaussian has standard deviation {sigma_A:g} Å, wanted 0 or more")
    return apply_gain(real, pixel_size_A, lambda frequency: gaussian_gain(frequency, sigma_A), dimensions)
