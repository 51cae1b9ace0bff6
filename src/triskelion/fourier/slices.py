"""From maps to the oversampled cubes that kernels slice, and from inserted cubes back to maps.

Trilinear interpolation in Fourier space multiplies the map by sinc^2(x / (padding n)) along each axis; both ways divide by it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.conventions import box_center_px
from triskelion.kernels.interface import BackProjection, FourierVolume, cube_extent

_PLANES = 8  # at a time: they stay in cache


def _interpolation_envelope(box_px: int, padding: int) -> Tensor:
    """sinc^2 along each axis, float32 (n, n, n)."""
    line = np.sinc((np.arange(box_px) - box_center_px(box_px)) / (padding * box_px)) ** 2
    return torch.from_numpy(line[:, None, None] * line[None, :, None] * line[None, None, :]).to(torch.float32)


def _lay_out(signed: Tensor, axis: int, size: int) -> Tensor:
    """Put indices -i .. i (or, of a box, its voxels about the centre) where a transform of length ``size`` wants them; the rest is 0."""
    length = signed.shape[axis]
    below = length // 2
    laid_out = torch.zeros((*signed.shape[:axis], size, *signed.shape[axis + 1 :]), dtype=signed.dtype)
    laid_out.narrow(axis, 0, length - below).copy_(signed.narrow(axis, below, length - below))
    laid_out.narrow(axis, size - below, below).copy_(signed.narrow(axis, 0, below))
    return laid_out


def _take_out(laid_out: Tensor, axis: int, length: int) -> Tensor:
    """Undo ``_lay_out``: the ``length`` elements about the origin, in the order of their signed indices."""
    below = length // 2
    return torch.cat([laid_out.narrow(axis, laid_out.shape[axis] - below, below), laid_out.narrow(axis, 0, length - below)], axis)


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
    e = cube_extent(last_shell + 0.5, padding)
    inside = min(e, size // 2)
    padded = array / (_interpolation_envelope(n, padding) * n)  # / n: not ortho in 3D -> ortho in 2D
    # a few planes at a time, then across: temporary arrays stay small, and a 3D transform in one call rounds differently with another
    # number of threads
    planes = _allocate((n, 2 * inside + 1, inside + 1))
    for start in range(0, n, _PLANES):
        part = padded[start : start + _PLANES]
        lines = torch.fft.rfft(_lay_out(part, 2, size), dim=2)[:, :, : inside + 1]
        planes[start : start + _PLANES] = _take_out(torch.fft.fft(_lay_out(lines, 1, size), dim=1), 1, 2 * inside + 1)
    cube = _allocate((2 * e + 1, 2 * e + 1, e + 1))
    rim = e - inside
    if rim:
        cube.zero_()
    block = cube[rim : rim + 2 * inside + 1, rim : rim + 2 * inside + 1, : inside + 1]
    for start in range(0, 2 * inside + 1, _PLANES):
        part = planes[:, start : start + _PLANES]
        block[:, start : start + _PLANES] = _take_out(torch.fft.fft(_lay_out(part, 0, size), dim=0), 0, 2 * inside + 1)
    return FourierVolume(cube, padding)


def _allocate(shape: tuple[int, int, int]) -> Tensor:
    """Make room for a large complex64 array; numpy asks for huge pages, so that fewer pages are touched first and looked up."""
    return torch.from_numpy(np.empty(shape, np.complex64))


@dataclass(frozen=True)
class HermitianSums:
    """Back-projected sums and weights in which both of every pair of mirrored voxels are: as what follows is no sum over images, in single precision.

    Attributes
    ----------
    values : Tensor, complex64, shape (2 e + 1, 2 e + 1, e + 1)
    weights : Tensor, float32, same shape
    padding : int
    """

    values: Tensor
    weights: Tensor
    padding: int

    @classmethod
    def of(cls, sums: BackProjection) -> "HermitianSums":
        """Fold the plane kx = 0 of inserted sums, which are left as they are."""
        return cls(hermitian_sum(sums.values), hermitian_sum(sums.weights), sums.padding)


def hermitian_sum(cube: Tensor) -> Tensor:
    """Add to the plane kx = 0 of an inserted cube its mirrored conjugate: the other half of every inserted pair.

    Returns
    -------
    Tensor, complex64 or float32
        A new cube.
    """
    full = cube.to(torch.complex64 if cube.is_complex() else torch.float32, copy=True)
    full[:, :, 0] += full[:, :, 0].flip(0, 1).conj()
    return full


def cube_to_map(cube: Tensor, box_px: int, padding: int) -> Tensor:
    """Invert ``prepare_slices``: a cube of slice values, complex64 -> map, float32 (n, n, n)."""
    size = padding * box_px
    e = cube.shape[2] - 1
    inside = min(e, size // 2 - 1)
    block = cube[e - inside : e + inside + 1, e - inside : e + inside + 1, : inside + 1]
    # a few planes at a time, as in ``prepare_slices``
    planes = _allocate((box_px, 2 * inside + 1, inside + 1))
    for start in range(0, 2 * inside + 1, _PLANES):
        part = block[:, start : start + _PLANES]
        planes[:, start : start + _PLANES] = _take_out(torch.fft.ifft(_lay_out(part, 0, size), dim=0), 0, box_px)
    array = torch.empty((box_px, box_px, box_px))
    for start in range(0, box_px, _PLANES):
        part = planes[start : start + _PLANES]
        lines = _take_out(torch.fft.ifft(_lay_out(part, 1, size), dim=1), 1, box_px)
        array[start : start + _PLANES] = _take_out(torch.fft.irfft(lines, n=size, dim=2), 2, box_px)
    return array.div_(_interpolation_envelope(box_px, padding) / box_px)
