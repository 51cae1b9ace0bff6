"""Insertion of images into the sums of a back-projection.

Coefficients are first sorted by tile, a bundle of neighbouring lines of the cube that fits into a core's cache: in the order of particles
nearly every one of them would wait for main memory.
"""

import numpy as np
import torch
from numba import njit, prange

from triskelion.kernels.cpu.sampling import (
    FAST,
    PARALLEL,
    fill_phases,
    interleaved,
    padded_matrices,
    phase_at,
    plane_of_disc,
    rotate_and_mirror,
    unsigned,
)
from triskelion.kernels.interface import BackProjection, Disc, WeightedImages, check_radius

_ONE, _TWO, _THREE = unsigned(1), unsigned(2), unsigned(3)
_TILE_BITS = unsigned(3)  # a tile is 8 lines by 8
_SAMPLES = 2**21  # 24 bytes each


@njit(inline="always", **FAST)
def _tile(y, z, extent, tiles_across):
    return (unsigned(int(z + extent)) >> _TILE_BITS) * tiles_across + (unsigned(int(y + extent)) >> _TILE_BITS)


@njit(**PARALLEL)
def _count_by_tile(extent, matrices, kx, ky, size, tiles_across, counts):
    for p in prange(matrices.shape[0]):
        r = matrices[p]
        for o in range(unsigned(size)):
            _, _, y, z = rotate_and_mirror(r, kx[o], ky[o])
            counts[p, _tile(y, z, extent, tiles_across)] += 1


@njit(**PARALLEL)
def _sort_by_tile(extent, matrices, steps, shifts, kx, ky, raster, last, b, w, rows, tiles_across, starts, samples):
    """Write (x, y, z, Re b, Im b, W) of every coefficient, brought to the origin, where its tile's samples are; moves ``starts`` on."""
    for p in prange(matrices.shape[0]):
        table_x, table_y = np.empty(2 * (last + 1), np.float32), np.empty(2 * (2 * last + 1), np.float32)
        fill_phases(table_x, table_y, steps[p], shifts[p, 0], shifts[p, 1])
        r, row = matrices[p], rows[p]
        for o in range(unsigned(raster.shape[0])):
            c = unsigned(raster[o])
            sign, x, y, z = rotate_and_mirror(r, kx[o], ky[o])
            px, py = phase_at(table_x, table_y, kx[o], ky[o], np.int32(last))
            re, im, weight = b[row, c + c], b[row, c + c + _ONE], w[row, c]
            tile = _tile(y, z, extent, tiles_across)
            sample = samples[starts[p, tile]]
            starts[p, tile] += 1
            sample[0], sample[1], sample[2] = x, y, z
            sample[3], sample[4], sample[5] = px * re - py * im, sign * (px * im + py * re), weight


@njit(**PARALLEL)
def _add_tiles(values, weights, extent, tiles, ends, samples):
    """Add the samples of ``tiles``, no two of which touch, to flat sums; unsigned indices, as signed ones are checked for being negative."""
    line = 2 * extent + 1
    for t in prange(tiles.shape[0]):
        tile = tiles[t]
        for s in range(unsigned(ends[tile]), unsigned(ends[tile + 1])):
            sample = samples[s]
            x, y, z = sample[0], sample[1] + np.float32(extent), sample[2] + np.float32(extent)
            ix, iy, iz = int(x), int(y), int(z)
            fx, fy, fz = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
            re, im, weight = sample[3], sample[4], sample[5]
            re1, im1, weight1 = fx * re, fx * im, fx * weight
            re0, im0, weight0 = re - re1, im - im1, weight - weight1
            for dz in range(2):
                share_z = fz if dz else 1 - fz
                for dy in range(2):
                    share = share_z * (fy if dy else 1 - fy)
                    i = unsigned(((iz + dz) * line + iy + dy) * (extent + 1) + ix)
                    v = i + i
                    values[v] += share * re0
                    values[v + _ONE] += share * im0
                    values[v + _TWO] += share * re1
                    values[v + _THREE] += share * im1
                    weights[i] += share * weight0
                    weights[i + _ONE] += share * weight1


def insert(sums: BackProjection, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc) -> None:
    """See ``Kernels.insert``. In parts whose sorted samples take ``_SAMPLES`` rows; tiles that touch are never filled at once."""
    scale = images.scale[rows]
    check_radius(sums, disc, scale)
    plane = plane_of_disc(disc)
    extent = sums.values.shape[2] - 1
    across = (2 * extent + 1 >> int(_TILE_BITS)) + 1
    number = np.arange(across**2)
    sets = [number[(number // across % 2 == odd_z) & (number % across % 2 == odd_y)] for odd_z in (0, 1) for odd_y in (0, 1)]
    values, weights = torch.view_as_real(sums.values).view(-1).numpy(), sums.weights.view(-1).numpy()
    matrices, steps = padded_matrices(rotations, scale, sums.padding), 2 * np.pi / disc.box_px * scale
    b, w, shifts = interleaved(images.b), images.weight.numpy(), np.asarray(shifts_px, np.float64)
    size = max(1, _SAMPLES // len(disc))
    samples = np.empty((min(size, len(rows)) * len(disc), 6), np.float32)
    for low in range(0, len(rows), size):
        part = np.s_[low : low + size]
        counts = np.zeros((len(rows[part]), across**2), np.int64)
        _count_by_tile(np.float32(extent), matrices[part], plane.kx, plane.ky, len(disc), unsigned(across), counts)
        ends = np.append(0, np.cumsum(counts.T))  # tile by tile, and in a tile image by image
        starts = np.ascontiguousarray(ends[:-1].reshape(across**2, -1).T)
        _sort_by_tile(
            np.float32(extent), matrices[part], steps[part], shifts[part], plane.kx, plane.ky, plane.raster, plane.last, b, w,
            np.asarray(rows[part]), unsigned(across), starts, samples,
        )  # fmt: skip
        for tiles in sets:
            _add_tiles(values, weights, extent, tiles, ends[:: counts.shape[0]], samples)
