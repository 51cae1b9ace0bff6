"""Central slices of a cube."""

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from triskelion.kernels.cpu.sampling import (
    BLOCK,
    FAST,
    PARALLEL,
    gather_block,
    interleaved,
    order_by_view,
    padded_matrices,
    place_block,
    plane_of_disc,
    unsigned,
    value_at,
)
from triskelion.kernels.interface import Disc, FourierVolume, check_radius


@njit(**FAST)
def _slice_one(flat, extent, matrix, kx, ky, raster, places, offsets, pairs, out):
    """Fill ``out`` (m, 2) with one slice."""
    for low in range(unsigned(0), unsigned(raster.shape[0]), unsigned(BLOCK)):
        place_block(matrix, kx, ky, low, extent, places, offsets)
        gather_block(flat, extent, places, offsets, pairs)
        for o in range(min(unsigned(BLOCK), unsigned(raster.shape[0]) - low)):
            c = unsigned(raster[low + o])
            out[c, unsigned(0)], out[c, unsigned(1)] = value_at(pairs, places, o)


@njit(**PARALLEL)
def _slice(flat, extent, matrices, order, kx, ky, raster, out):
    for n in prange(order.shape[0]):
        places, offsets, pairs = np.empty(4 * BLOCK, np.float32), np.empty(BLOCK, np.uint32), np.empty(4 * BLOCK, np.float32)
        _slice_one(flat, extent, matrices[order[n]], kx, ky, raster, places, offsets, pairs, out[order[n]])


def slice(volume: FourierVolume, rotations: np.ndarray, scale: np.ndarray, disc: Disc) -> Tensor:
    """See ``Kernels.slice``."""
    check_radius(volume, disc, scale)
    plane = plane_of_disc(disc)
    out = np.empty((len(rotations), len(disc), 2), np.float32)
    matrices = padded_matrices(rotations, scale, volume.padding)
    _slice(interleaved(volume.cube).reshape(-1), volume.extent, matrices, order_by_view(matrices), plane.kx, plane.ky, plane.raster, out)
    return torch.view_as_complex(torch.from_numpy(out))
