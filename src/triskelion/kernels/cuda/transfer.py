"""What the kernels read, on the device and in the form in which they read it."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from triton import knobs

from triskelion.errors import InputError
from triskelion.kernels.interface import Disc, FourierVolume, WeightedImages


def choose_device() -> torch.device:
    """Return the current CUDA device, or the CPU where Triton interprets its kernels.

    Raises
    ------
    InputError
        If there is neither.
    """
    if knobs.runtime.interpret:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError("got no CUDA device, wanted one for the Triton kernels: check nvidia-smi and that torch is a CUDA build, or use the CPU")
    return torch.device("cuda", torch.cuda.current_device())


def move_volume(volume: FourierVolume) -> FourierVolume:
    """Return the same volume on the device."""
    return replace(volume, cube=volume.cube.to(choose_device()).contiguous())


def move_images(images: WeightedImages) -> WeightedImages:
    """Return the same images on the device."""
    device = choose_device()
    return replace(images, b=images.b.to(device).contiguous(), weight=images.weight.to(device).contiguous())


def pack_complex(values: Tensor) -> Tensor:
    """View complex64 as int64 on the device: one load instead of two (``sampling.split_complex``)."""
    return torch.view_as_real(values.to(choose_device()).contiguous()).view(torch.int64)


def pack_images(images: WeightedImages, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """b (packed) and W on the device, and the rows to read there; of images on the host only those of ``rows`` travel."""
    device, index = choose_device(), torch.from_numpy(np.asarray(rows, np.int64))
    if images.b.device == device:
        return pack_complex(images.b), images.weight.to(device).contiguous(), index.to(device)
    return pack_complex(images.b[index]), images.weight[index].to(device), torch.arange(len(index), device=device)


def pack_plane(disc: Disc) -> tuple[Tensor, Tensor]:
    """Indices kx, ky of a disc, float32 (m,) on the device."""
    device = choose_device()
    return torch.from_numpy(disc.kx.astype(np.float32)).to(device), torch.from_numpy(disc.ky.astype(np.float32)).to(device)


def pack_matrices(rotations: np.ndarray, scale: np.ndarray, padding: int) -> Tensor:
    """First two rows of rotations (..., 3, 3) times scale and padding, float32 (..., 6): they take k straight to a place in the cube."""
    factor = np.asarray(scale, np.float64) * padding
    rotations = np.asarray(rotations, np.float64)
    scaled = rotations * factor.reshape(-1, *(1,) * (rotations.ndim - 1))
    return torch.from_numpy(np.ascontiguousarray(scaled[..., :2, :], np.float32)).to(choose_device())


def pack_reals(values: np.ndarray, dtype: type = np.float32) -> Tensor:
    """Copy an array of numbers to the device."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype)).to(choose_device())
