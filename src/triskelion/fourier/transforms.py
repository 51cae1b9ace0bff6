"""Real <-> Fourier, ``ortho``, origin at the box centre (voxel n // 2), halved axis x, zero frequency first."""

import torch
from torch import Tensor


def image_to_fourier(images: Tensor) -> Tensor:
    """Transform images (..., n, n) -> complex (..., n, n // 2 + 1)."""
    return torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)), norm="ortho")


def fourier_to_image(coefficients: Tensor, box_px: int) -> Tensor:
    """Transform complex (..., n, n // 2 + 1) -> images (..., n, n)."""
    images = torch.fft.irfft2(coefficients, s=(box_px, box_px), norm="ortho")
    return torch.fft.fftshift(images, dim=(-2, -1))


def volume_to_fourier(volumes: Tensor) -> Tensor:
    """Transform maps (..., n, n, n) -> complex (..., n, n, n // 2 + 1)."""
    # plane by plane, then across: a 3D transform in one call rounds differently with another number of threads
    planes = torch.fft.rfft2(torch.fft.ifftshift(volumes, dim=(-3, -2, -1)), norm="ortho")
    return torch.fft.fft(planes, dim=-3, norm="ortho")


def fourier_to_volume(coefficients: Tensor, box_px: int) -> Tensor:
    """Transform complex (..., n, n, n // 2 + 1) -> maps (..., n, n, n)."""
    volumes = torch.fft.irfftn(coefficients, s=(box_px,) * 3, dim=(-3, -2, -1), norm="ortho")
    return torch.fft.fftshift(volumes, dim=(-3, -2, -1))
