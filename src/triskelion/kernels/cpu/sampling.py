"""What the CPU kernels share: arrays as loops want them, phases of shifts, places in the cube and the values there.

Flat arrays and unsigned indices throughout: signed ones are checked for counting from the end, which keeps loops from being vectorised.
A loop that gathers and stores is not vectorised either (the compiler cannot tell that the two do not touch), so stages that place, gather
and sum follow each other on blocks that stay in the innermost cache. numba's cache of a kernel looks at the kernel's own file only: when
something changes here, touch the files of the kernels.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from triskelion.kernels.interface import Disc

FAST: dict[str, Any] = {"fastmath": True, "cache": True, "nogil": True}
PARALLEL = {**FAST, "parallel": True}
BLOCK = 64  # coefficients
unsigned = np.uintp
# rows of a block's places: fractions along x, y, z, and the sign that the imaginary part takes
_FY, _FZ, _SIGN = unsigned(BLOCK), unsigned(2 * BLOCK), unsigned(3 * BLOCK)
_ONE, _TWO, _THREE, _FOUR = unsigned(1), unsigned(2), unsigned(3), unsigned(4)
_POSITIVE = np.float32(1)


class Plane(NamedTuple):
    """A disc line by line, filled up with k = 0 to whole blocks."""

    kx: np.ndarray  # float32 (blocks * BLOCK,)
    ky: np.ndarray  # float32, same shape
    raster: np.ndarray  # uint32 (m,): where each coefficient is on the disc
    last: int  # largest |kx|, |ky|


def plane_of_disc(disc: Disc) -> Plane:
    """Lay out a disc."""
    filled = -len(disc) % BLOCK
    kx, ky = (np.pad(k[disc.raster].astype(np.float32), (0, filled)) for k in (disc.kx, disc.ky))
    return Plane(kx, ky, disc.raster.astype(np.uint32), int(max(disc.kx.max(), np.abs(disc.ky).max())))


def interleaved(values: Tensor) -> np.ndarray:
    """Real and imaginary parts side by side along the last axis, float32 (..., 2 m) of complex64 (..., m)."""
    return torch.view_as_real(values.contiguous()).flatten(-2).numpy()


def padded_matrices(rotations: np.ndarray, scale: np.ndarray, padding: int) -> np.ndarray:
    """Rotations times scale and padding, float32: they take k straight to a place in the cube."""
    factor = np.asarray(scale, np.float64) * padding
    return (np.asarray(rotations, np.float64) * factor.reshape(-1, *(1,) * (np.ndim(rotations) - 1))).astype(np.float32)


def order_by_view(rotations: np.ndarray) -> np.ndarray:
    """Order (n,) that takes rotations (n, 3, 3) by view direction, to and fro in bands: planes near each other find each other's values in cache."""
    view = rotations[:, 2] * np.where(rotations[:, 2, 2:] < 0, -1.0, 1.0)
    bands = max(1, round(math.sqrt(math.pi / 8 * len(view))))  # as high as poses are apart
    band = np.floor(np.arccos(np.minimum(view[:, 2], 1)) / (np.pi / 2) * bands)
    return np.lexsort((np.arctan2(view[:, 1], view[:, 0]) * (-1) ** band, band))


@njit(**FAST)
def fill_phases(table_x, table_y, step, ux, uy):
    """Tables exp(+i step k u), interleaved, for kx = 0 .. K and ky = -K .. K: phases of an image brought back to the origin."""
    last = unsigned(table_x.shape[0] // 2 - 1)
    turn_re, turn_im = math.cos(step * ux), math.sin(step * ux)
    re, im = 1.0, 0.0
    for k in range(last + _ONE):
        table_x[_TWO * k], table_x[_TWO * k + _ONE] = re, im
        re, im = re * turn_re - im * turn_im, re * turn_im + im * turn_re
    turn_re, turn_im = math.cos(step * uy), math.sin(step * uy)
    re, im = 1.0, 0.0
    for k in range(last + _ONE):
        table_y[_TWO * (last + k)], table_y[_TWO * (last + k) + _ONE] = re, im
        table_y[_TWO * (last - k)], table_y[_TWO * (last - k) + _ONE] = re, -im
        re, im = re * turn_re - im * turn_im, re * turn_im + im * turn_re


@njit(inline="always", **FAST)
def phase_at(table_x, table_y, kx, ky, last):
    """Real and imaginary part of exp(+i step k.u) from the two tables."""
    x, y = unsigned(np.uint32(kx)) * _TWO, unsigned(np.uint32(np.int32(ky) + last)) * _TWO
    re = table_x[x] * table_y[y] - table_x[x + _ONE] * table_y[y + _ONE]
    im = table_x[x] * table_y[y + _ONE] + table_x[x + _ONE] * table_y[y]
    return re, im


@njit(inline="always", **FAST)
def rotate_and_mirror(r, kx, ky):
    """Place of a coefficient in the cube, mirrored into x >= 0, and the sign that its imaginary part takes."""
    x, y, z = kx * r[0, 0] + ky * r[1, 0], kx * r[0, 1] + ky * r[1, 1], kx * r[0, 2] + ky * r[1, 2]
    sign = -_POSITIVE if x < np.float32(0) else _POSITIVE
    return sign, sign * x, sign * y, sign * z


@njit(inline="always", **FAST)
def float_offset(ix, iy, iz, extent):
    """Where a voxel of the interleaved cube starts; ``iy`` and ``iz`` are counted from its corner."""
    return unsigned(np.uint32((iz * np.int32(2 * extent + 1) + iy) * np.int32(extent + 1) + ix)) * _TWO


@njit(**FAST)
def place_block(r, kx, ky, low, extent, places, offsets):
    """Fractions and signs (4, BLOCK) and offsets into the interleaved cube (BLOCK,) of a block of coefficients from ``low`` on."""
    middle = np.float32(extent)
    for o in range(unsigned(BLOCK)):
        sign, x, y, z = rotate_and_mirror(r, kx[low + o], ky[low + o])
        y, z = y + middle, z + middle
        ix, iy, iz = np.int32(x), np.int32(y), np.int32(z)
        places[o], places[_FY + o], places[_FZ + o] = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
        places[_SIGN + o] = sign
        offsets[o] = np.uint32(float_offset(ix, iy, iz, extent))


@njit(**FAST)
def gather_block(flat, extent, places, offsets, pairs):
    """Values interpolated along y and z at both neighbours along x: interleaved (BLOCK, 4). Four floats at a time are one load."""
    along_y = unsigned(2 * (extent + 1))
    along_z = along_y * unsigned(2 * extent + 1)
    for o in range(unsigned(BLOCK)):
        fy, fz = places[_FY + o], places[_FZ + o]
        i = unsigned(offsets[o])
        j, k, n, first = i + along_y, i + along_z, i + along_y + along_z, _FOUR * o
        a0, a1, a2, a3 = flat[i], flat[i + _ONE], flat[i + _TWO], flat[i + _THREE]
        b0, b1, b2, b3 = flat[j], flat[j + _ONE], flat[j + _TWO], flat[j + _THREE]
        c0, c1, c2, c3 = flat[k], flat[k + _ONE], flat[k + _TWO], flat[k + _THREE]
        d0, d1, d2, d3 = flat[n], flat[n + _ONE], flat[n + _TWO], flat[n + _THREE]
        a0, a1, a2, a3 = a0 + fy * (b0 - a0), a1 + fy * (b1 - a1), a2 + fy * (b2 - a2), a3 + fy * (b3 - a3)
        c0, c1, c2, c3 = c0 + fy * (d0 - c0), c1 + fy * (d1 - c1), c2 + fy * (d2 - c2), c3 + fy * (d3 - c3)
        pairs[first], pairs[first + _ONE] = a0 + fz * (c0 - a0), a1 + fz * (c1 - a1)
        pairs[first + _TWO], pairs[first + _THREE] = a2 + fz * (c2 - a2), a3 + fz * (c3 - a3)


@njit(inline="always", **FAST)
def value_at(pairs, places, o):
    """Real and imaginary part of coefficient ``o`` of a gathered block."""
    first, fx = _FOUR * o, places[o]
    re = pairs[first] + fx * (pairs[first + _TWO] - pairs[first])
    im = pairs[first + _ONE] + fx * (pairs[first + _THREE] - pairs[first + _ONE])
    return re, places[_SIGN + o] * im
