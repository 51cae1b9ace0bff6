"""Scores of a grid: every rotation sliced once, then all moves at once as a product of real matrices.

Re sum conj(V) b exp(i step k.u) is, for all rotations and moves of a particle, (rotations x 2 m) times (2 m x moves). The second matrix is the
same for all particles of one scale. The product is written out, four rotations by two moves at a time: as quick as BLAS at these
sizes, and its sums come in the same order whatever the batch and the number of threads.
"""

import numpy as np
from numba import njit, prange

from triskelion.kernels.cpu.sampling import (
    BLOCK,
    FAST,
    PARALLEL,
    Plane,
    fill_phases,
    gather_block,
    interleaved,
    order_by_view,
    padded_matrices,
    phase_at,
    place_block,
    plane_of_disc,
    unsigned,
    value_at,
)
from triskelion.kernels.interface import Disc, FourierVolume, PoseGrid, WeightedImages, check_radius

_SIZE = unsigned(BLOCK)
_TURNS, _MOVES = 4, 2  # of a tile of the product


@njit(**FAST)
def _take_image(raster, b, w, image):
    """b and W line by line, in blocks of (Re b, Im b, W), the last one filled up with zeros."""
    image[:] = 0
    for o in range(unsigned(raster.shape[0])):
        c = unsigned(raster[o])
        first = o // _SIZE * unsigned(3) * _SIZE + o % _SIZE
        image[first], image[first + _SIZE], image[first + unsigned(2) * _SIZE] = b[c + c], b[c + c + unsigned(1)], w[c]


@njit(**FAST)
def _look_up_phases(table_x, table_y, kx, ky, low, phases):
    """Phases (2, BLOCK) of a block."""
    last = np.int32(table_x.shape[0] // 2 - 1)
    for o in range(_SIZE):
        phases[o], phases[_SIZE + o] = phase_at(table_x, table_y, kx[low + o], ky[low + o], last)


@njit(**FAST)
def _cross_block(pairs, places, phases, image, cross):
    """conj(v) b exp(i step k.u) of a block, (2, BLOCK), and the sum of W |v|^2."""
    power = np.float32(0)
    for o in range(_SIZE):
        re, im = value_at(pairs, places, o)
        b0, b1 = image[o], image[_SIZE + o]
        br, bi = phases[o] * b0 - phases[_SIZE + o] * b1, phases[o] * b1 + phases[_SIZE + o] * b0
        cross[o], cross[_SIZE + o] = re * br + im * bi, re * bi - im * br
        power += image[unsigned(2) * _SIZE + o] * (re * re + im * im)
    return power


@njit(**FAST)
def _multiply(cross, table, power, out):
    """Write products of ``cross`` (4 * width,) and ``table`` (moves, width), less half of ``power`` (4,), to ``out`` (up to 4, moves)."""
    width = unsigned(table.shape[1])
    for s in range(0, out.shape[1], _MOVES):
        this, other = table[s], table[min(s + 1, out.shape[1] - 1)]
        t00 = t01 = t10 = t11 = t20 = t21 = t30 = t31 = np.float32(0)
        for k in range(width):
            c0, c1, c2, c3 = cross[k], cross[width + k], cross[unsigned(2) * width + k], cross[unsigned(3) * width + k]
            t00 += c0 * this[k]
            t01 += c0 * other[k]
            t10 += c1 * this[k]
            t11 += c1 * other[k]
            t20 += c2 * this[k]
            t21 += c2 * other[k]
            t30 += c3 * this[k]
            t31 += c3 * other[k]
        for t, products in enumerate(((t00, t01), (t10, t11), (t20, t21), (t30, t31))):
            if t < out.shape[0]:
                out[t, s] = products[0] - np.float32(0.5) * power[t]
                if s + 1 < out.shape[1]:
                    out[t, s + 1] = products[1] - np.float32(0.5) * power[t]


@njit(**FAST)
def _score_one(flat, extent, matrices, step, shifts, kx, ky, last, image, table, out):
    """Scores (rotations, moves) of one particle."""
    table_x, table_y = np.empty(2 * (last + 1), np.float32), np.empty(2 * (2 * last + 1), np.float32)
    places, offsets, pairs = np.empty(4 * BLOCK, np.float32), np.empty(BLOCK, np.uint32), np.empty(4 * BLOCK, np.float32)
    phases, width = np.empty(2 * BLOCK, np.float32), table.shape[1]
    cross, power = np.zeros(_TURNS * width, np.float32), np.zeros(_TURNS, np.float32)
    for low in range(0, matrices.shape[0], _TURNS):
        high = min(low + _TURNS, matrices.shape[0])
        for t in range(low, high):
            fill_phases(table_x, table_y, step, shifts[t, 0], shifts[t, 1])
            power[t - low] = 0
            for block in range(kx.shape[0] // BLOCK):
                first = block * BLOCK
                place_block(matrices[t], kx, ky, unsigned(first), extent, places, offsets)
                gather_block(flat, extent, places, offsets, pairs)
                _look_up_phases(table_x, table_y, kx, ky, unsigned(first), phases)
                power[t - low] += _cross_block(pairs, places, phases, image[3 * first :], cross[(t - low) * width + 2 * first :])
        _multiply(cross, table, power, out[low:high])


@njit(**PARALLEL)
def _score_grid(flat, extent, matrices, order, step, shifts, kx, ky, raster, last, b, w, rows, table, out):
    for n in prange(order.shape[0]):
        p = order[n]
        image = np.empty(3 * kx.shape[0], np.float32)
        _take_image(raster, b[rows[p]], w[rows[p]], image)
        _score_one(flat, extent, matrices[p], step, shifts[p], kx, ky, last, image, table, out[p])


def _table_of_moves(plane: Plane, step: float, moves_px: np.ndarray) -> np.ndarray:
    """Re and -Im of exp(i step k.u), float32 (moves, 2 m): blocks of the one and of the other in turn."""
    k, turns = np.arange(-plane.last, plane.last + 1), step * np.asarray(moves_px, np.float64)
    along_x, along_y = np.exp(1j * turns[:, :1] * k), np.exp(1j * turns[:, 1:] * k)
    phases = along_x[:, plane.kx.astype(np.int64) + plane.last] * along_y[:, plane.ky.astype(np.int64) + plane.last]
    parts = np.stack([np.real(phases), -np.imag(phases)], 1).astype(np.float32).reshape(len(moves_px), 2, -1, BLOCK)
    return np.ascontiguousarray(parts.swapaxes(1, 2)).reshape(len(moves_px), -1)


def score_grid(volume: FourierVolume, grid: PoseGrid, images: WeightedImages, rows: np.ndarray, disc: Disc) -> np.ndarray:
    """See ``Kernels.score_grid``."""
    scale = images.scale[rows]
    check_radius(volume, disc, scale)
    plane = plane_of_disc(disc)
    matrices, shifts = padded_matrices(grid.rotations, scale, volume.padding), np.asarray(grid.shifts_px, np.float64)
    flat, b, w = interleaved(volume.cube).reshape(-1), interleaved(images.b), images.weight.numpy()
    out = np.empty((*grid.rotations.shape[:2], len(grid.moves_px)), np.float32)
    order, places = order_by_view(matrices[:, 0]), np.asarray(rows)
    for value in np.unique(scale):
        step = 2 * np.pi / disc.box_px * value
        alike = order[scale[order] == value]
        table = _table_of_moves(plane, step, grid.moves_px)
        _score_grid(flat, volume.extent, matrices, alike, step, shifts, plane.kx, plane.ky, plane.raster, plane.last, b, w, places, table, out)
    return out
