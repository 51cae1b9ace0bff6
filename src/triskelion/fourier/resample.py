"""Other grids for images and maps: Fourier rescaling (same field of view), cropping or padding (same pixel size), or any grid at all.

All keep the centre, voxel n // 2, at the centre, voxel m // 2, whether n and m are odd or even. Rescaling keeps density: the mean, and
every value of a band-limited map, stay what they were, whatever the box.
"""

import math

import torch
from torch import Tensor

from triskelion.conventions import box_center_px
from triskelion.errors import InputError
from triskelion.fourier.transforms import fourier_to_image, fourier_to_volume, image_to_fourier, volume_to_fourier


def _check_box(box_px: int) -> None:
    if box_px < 2:
        raise InputError(f"the new box is {box_px} px, wanted at least 2 px")


def _copy_coefficients(coefficients: Tensor, old_px: int, new_px: int, dimensions: int) -> Tensor:
    """Copy the coefficients |k| < min(old, new) / 2 into a half grid of ``new_px``; a Nyquist plane, which has no sign, is dropped."""
    last = (min(old_px, new_px) - 1) // 2
    k = torch.arange(-last, last + 1)
    half = slice(0, last + 1)
    lead = coefficients.shape[: coefficients.ndim - dimensions]
    result = torch.zeros((*lead, *[new_px] * (dimensions - 1), new_px // 2 + 1), dtype=coefficients.dtype)
    old, new = k % old_px, k % new_px
    if dimensions == 2:
        result[..., new, half] = coefficients[..., old, half]
    else:
        result[..., new[:, None], new, half] = coefficients[..., old[:, None], old, half]
    return result * (new_px / old_px) ** (dimensions / 2)


def rescale_images(images: Tensor, box_px: int) -> Tensor:
    """Fourier crop or pad images (..., n, n) -> (..., box_px, box_px): the pixel size becomes n / box_px of the old one."""
    _check_box(box_px)
    old_px = images.shape[-1]
    if box_px == old_px:
        return images.clone()
    return fourier_to_image(_copy_coefficients(image_to_fourier(images), old_px, box_px, 2), box_px)


def rescale_volumes(volumes: Tensor, box_px: int) -> Tensor:
    """Fourier crop or pad maps (..., n, n, n) -> (..., box_px, box_px, box_px): the pixel size becomes n / box_px of the old one."""
    _check_box(box_px)
    old_px = volumes.shape[-1]
    if box_px == old_px:
        return volumes.clone()
    return fourier_to_volume(_copy_coefficients(volume_to_fourier(volumes), old_px, box_px, 3), box_px)


def crop_or_pad(real: Tensor, box_px: int, dimensions: int = 3, fill: float = 0.0) -> Tensor:
    """Crop or pad images (..., n, n) or maps (..., n, n, n) about their centre; new voxels hold ``fill``."""
    _check_box(box_px)
    old_px = real.shape[-1]
    offset = box_center_px(old_px) - box_center_px(box_px)
    source = slice(max(offset, 0), min(offset + box_px, old_px))
    target = slice(source.start - offset, source.stop - offset)
    result = real.new_full((*real.shape[:-dimensions], *[box_px] * dimensions), fill)
    result[(..., *[target] * dimensions)] = real[(..., *[source] * dimensions)]
    return result


def resample_volume(volume: Tensor, box_px: int, pixel_ratio: float) -> Tensor:
    """Return a map (n, n, n) at the voxels of another grid with the same centre, (box_px, box_px, box_px).

    The values are those of the map's Fourier series, without what the new voxels are too large to hold; 0 a voxel and more outside the old box.
    With the same field of view this is ``rescale_volumes``.

    Parameters
    ----------
    volume : Tensor
    box_px : int
        Of the new grid.
    pixel_ratio : float
        Pixel size of the new grid over that of the old.
    """
    _check_box(box_px)
    old_px = volume.shape[-1]
    last = math.ceil(old_px * min(1, 1 / pixel_ratio) / 2 - 1e-9) - 1
    places = (torch.arange(box_px, dtype=torch.float64) - box_center_px(box_px)) * pixel_ratio + box_center_px(old_px)
    angle = math.pi * (places[:, None] - torch.arange(old_px)) / old_px
    on_voxel = torch.sin(angle).abs() < 1e-9
    kernel = torch.sin((2 * last + 1) * angle) / torch.where(on_voxel, 1, old_px * torch.sin(angle))  # of Dirichlet
    kernel = torch.where(on_voxel, (2 * last + 1) / old_px, kernel)
    inside = (places > -1) & (places < old_px)
    kernel = (kernel * inside[:, None]).to(volume.dtype)
    along_xy = kernel @ (volume @ kernel.T)
    return torch.tensordot(kernel, along_xy, dims=1)
