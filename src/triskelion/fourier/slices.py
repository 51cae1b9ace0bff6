"""From maps to the oversampled cubes that kernels slice, and from inserted cubes back to maps.

Trilinear interpolation in Fourier space multiplies the map by sinc^2(x / (padding n)) along each axis; both ways divide by it.
"""

import numpy as np
import torch
from torch import Tensor

from triskelion.conventions import box_center_px
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier
from triskelion.kernels.interface import FourierVolume, cube_extent


def _interpolation_envelope(box_px: int, padding: int) -> Tensor:
    """sinc^2 along each axis, float32 (n, n, n)."""
    line = np.sinc((np.arange(box_px) - box_center_px(box_px)) / (padding * box_px)) ** 2
    return torch.from_numpy(line[:, None, None] * line[None, :, None] * line[None, None, :]).to(torch.float32)


def _inner_box(box_px: int, padding: int) -> tuple[slice, ...]:
    """Where the map lies in the padded box, centre on centre."""
    start = box_center_px(padding * box_px) - box_center_px(box_px)
    return (slice(start, start + box_px),) * 3


def prepare_slices(array: np.ndarray | Tensor, last_shell: int, padding: int = 2) -> FourierVolume:
    """Transform a map for slicing up to shell ``last_shell``, all of it.

    Parameters
    ----------
    array : float32, shape (n, n, n)
        A slice of the result is the ``ortho`` transform of its projection (the sum along the view).
    """
    array = torch.as_tensor(array, dtype=torch.float32)
    n = array.shape[0]
    size = padding * n
    padded = torch.zeros((size,) * 3, dtype=torch.float32)
    padded[_inner_box(n, padding)] = array / _interpolation_envelope(n, padding)
    # ortho in 3D at size P n -> ortho in 2D at size n
    transform = volume_to_fourier(padded) * (size**1.5 / n)
    e = cube_extent(last_shell + 0.5, padding)
    cube = torch.zeros((2 * e + 1, 2 * e + 1, e + 1), dtype=torch.complex64)
    inside = min(e, size // 2)
    line = torch.arange(-inside, inside + 1)
    block = transform[line % size][:, line % size][:, :, : inside + 1]
    cube[e - inside : e + inside + 1, e - inside : e + inside + 1, : inside + 1] = block
    return FourierVolume(cube, padding)


def hermitian_sum(cube: Tensor) -> Tensor:
    """Add to the plane kx = 0 of an inserted cube its mirrored conjugate: the other half of every inserted pair."""
    full = cube.clone()
    mirrored = cube[:, :, 0].flip(0, 1)
    full[:, :, 0] += mirrored.conj() if cube.is_complex() else mirrored
    return full


def cube_to_map(cube: Tensor, box_px: int, padding: int) -> Tensor:
    """Invert ``prepare_slices``: a cube of slice values -> map, float32 (n, n, n)."""
    size = padding * box_px
    e = cube.shape[2] - 1
    inside = min(e, size // 2 - 1)
    line = torch.arange(-inside, inside + 1)
    transform = torch.zeros((size, size, size // 2 + 1), dtype=torch.complex64)
    block = cube[e - inside : e + inside + 1, e - inside : e + inside + 1, : inside + 1].to(torch.complex64)
    index = line % size
    transform[index[:, None, None], index[None, :, None], torch.arange(inside + 1)[None, None, :]] = block
    padded = fourier_to_volume(transform * (box_px / size**1.5), size)
    return padded[_inner_box(box_px, padding)] / _interpolation_envelope(box_px, padding)
