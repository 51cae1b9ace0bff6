"""The kernels compiled for the CPU with numba, parallel over particles.

Results do not depend on the number of threads: a particle is summed by one thread, a voxel is filled in a fixed order.
``insert`` first sorts coefficients by tile, a bundle of neighbouring lines of the cube that fits into a core's cache: in the order of
particles nearly every one of them would wait for main memory.
"""

import math
from typing import Any

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from triskelion.kernels.interface import BackProjection, Disc, FourierVolume, NormalEquations, PoseGrid, WeightedImages, check_radius

_FAST: dict[str, Any] = {"fastmath": True, "cache": True, "nogil": True}
_PARALLEL = {**_FAST, "parallel": True}
_UNSIGNED = np.uintp
_ONE, _TWO, _THREE = np.uintp(1), np.uintp(2), np.uintp(3)
_TILE_BITS = np.uintp(3)  # a tile is 8 lines by 8
_SAMPLES = 2**21  # 24 bytes each


@njit(inline="always", **_FAST)
def _mirror_and_floor(x, y, z):
    """Mirror a point into x >= 0; return sign, integer parts and fractions."""
    sign = np.float32(1.0)
    if x < 0:
        sign, x, y, z = np.float32(-1.0), -x, -y, -z
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    return sign, x, y, z, int(fx), int(fy), int(fz), x - np.float32(fx), y - np.float32(fy), z - np.float32(fz)


@njit(inline="always", **_FAST)
def _interpolate(flat, i, sy, sz, fx, fy, fz):
    """Trilinear value at float offset ``i`` of an interleaved complex array."""
    c00 = flat[i] + fx * (flat[i + 2] - flat[i])
    c01 = flat[i + sy] + fx * (flat[i + sy + 2] - flat[i + sy])
    j = i + sz
    c10 = flat[j] + fx * (flat[j + 2] - flat[j])
    c11 = flat[j + sy] + fx * (flat[j + sy + 2] - flat[j + sy])
    c0 = c00 + fy * (c01 - c00)
    c1 = c10 + fy * (c11 - c10)
    return c0 + fz * (c1 - c0)


@njit(inline="always", **_FAST)
def _interpolate_with_slope(flat, i, sy, sz, fx, fy, fz):
    """Trilinear value and its derivatives along x, y, z."""
    j = i + sz
    dx00, dx01 = flat[i + 2] - flat[i], flat[i + sy + 2] - flat[i + sy]
    dx10, dx11 = flat[j + 2] - flat[j], flat[j + sy + 2] - flat[j + sy]
    c00, c01 = flat[i] + fx * dx00, flat[i + sy] + fx * dx01
    c10, c11 = flat[j] + fx * dx10, flat[j + sy] + fx * dx11
    dx0, dx1 = dx00 + fy * (dx01 - dx00), dx10 + fy * (dx11 - dx10)
    dy0, dy1 = c01 - c00, c11 - c10
    c0, c1 = c00 + fy * dy0, c10 + fy * dy1
    return c0 + fz * (c1 - c0), dx0 + fz * (dx1 - dx0), dy0 + fz * (dy1 - dy0), c1 - c0


@njit(inline="always", **_FAST)
def _fill_phases(table_x, table_y, step, ux, uy):
    """Tables exp(+i step k u) for kx = 0 .. K and ky = -K .. K: phases of the image brought back to the origin."""
    last = table_x.shape[0] - 1
    for k in range(last + 1):
        table_x[k, 0], table_x[k, 1] = math.cos(step * k * ux), math.sin(step * k * ux)
    for k in range(-last, last + 1):
        table_y[k + last, 0], table_y[k + last, 1] = math.cos(step * k * uy), math.sin(step * k * uy)


@njit(inline="always", **_FAST)
def _phase_at(table_x, table_y, kx, ky, last):
    """Real and imaginary part of exp(+i step k.u) from the two tables."""
    nx, ny = int(kx), int(ky) + last
    re = table_x[nx, 0] * table_y[ny, 0] - table_x[nx, 1] * table_y[ny, 1]
    im = table_x[nx, 0] * table_y[ny, 1] + table_x[nx, 1] * table_y[ny, 0]
    return re, im


@njit(**_PARALLEL)
def _slice(flat, extent, matrices, kx, ky, raster, out):
    sy, sz = 2 * (extent + 1), 2 * (extent + 1) * (2 * extent + 1)
    for p in prange(matrices.shape[0]):
        r = matrices[p]
        for o in range(raster.shape[0]):
            c = raster[o]
            sign, _, _, _, ix, iy, iz, fx, fy, fz = _mirror_and_floor(
                kx[c] * r[0, 0] + ky[c] * r[1, 0], kx[c] * r[0, 1] + ky[c] * r[1, 1], kx[c] * r[0, 2] + ky[c] * r[1, 2]
            )
            i = (iz + extent) * sz + (iy + extent) * sy + 2 * ix
            out[p, c, 0] = _interpolate(flat, i, sy, sz, fx, fy, fz)
            out[p, c, 1] = sign * _interpolate(flat, i + 1, sy, sz, fx, fy, fz)


@njit(inline="always", **_FAST)
def _rotate_and_mirror(r, kx, ky):
    """Place of a coefficient in the cube, mirrored into x >= 0, and the sign that its imaginary part takes."""
    x, y, z = kx * r[0, 0] + ky * r[1, 0], kx * r[0, 1] + ky * r[1, 1], kx * r[0, 2] + ky * r[1, 2]
    if x < 0:
        return np.float32(-1.0), -x, -y, -z
    return np.float32(1.0), x, y, z


@njit(inline="always", **_FAST)
def _tile(y, z, extent, tiles_across):
    return (_UNSIGNED(int(z + extent)) >> _TILE_BITS) * tiles_across + (_UNSIGNED(int(y + extent)) >> _TILE_BITS)


@njit(**_PARALLEL)
def _count_by_tile(extent, matrices, kx, ky, raster, tiles_across, counts):
    for p in prange(matrices.shape[0]):
        r = matrices[p]
        for o in range(raster.shape[0]):
            c = _UNSIGNED(raster[o])
            _, _, y, z = _rotate_and_mirror(r, kx[c], ky[c])
            counts[p, _tile(y, z, extent, tiles_across)] += 1


@njit(**_PARALLEL)
def _sort_by_tile(extent, matrices, steps, shifts, kx, ky, raster, last, b, w, rows, tiles_across, starts, samples):
    """Write (x, y, z, Re b, Im b, W) of every coefficient, brought to the origin, where its tile's samples are; moves ``starts`` on."""
    for p in prange(matrices.shape[0]):
        table_x, table_y = np.empty((last + 1, 2), np.float32), np.empty((2 * last + 1, 2), np.float32)
        _fill_phases(table_x, table_y, steps[p], shifts[p, 0], shifts[p, 1])
        r, row = matrices[p], rows[p]
        for o in range(raster.shape[0]):
            c = _UNSIGNED(raster[o])
            sign, x, y, z = _rotate_and_mirror(r, kx[c], ky[c])
            px, py = _phase_at(table_x, table_y, kx[c], ky[c], last)
            re, im, weight = b[row, c, 0], b[row, c, 1], w[row, c]
            tile = _tile(y, z, extent, tiles_across)
            sample = samples[starts[p, tile]]
            starts[p, tile] += 1
            sample[0], sample[1], sample[2] = x, y, z
            sample[3], sample[4], sample[5] = px * re - py * im, sign * (px * im + py * re), weight


@njit(**_PARALLEL)
def _add_tiles(values, weights, extent, tiles, ends, samples):
    """Add the samples of ``tiles``, no two of which touch, to flat sums; unsigned indices, as signed ones are checked for being negative."""
    line = 2 * extent + 1
    for t in prange(tiles.shape[0]):
        tile = tiles[t]
        for s in range(_UNSIGNED(ends[tile]), _UNSIGNED(ends[tile + 1])):
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
                    i = _UNSIGNED(((iz + dz) * line + iy + dy) * (extent + 1) + ix)
                    v = i + i
                    values[v] += share * re0
                    values[v + _ONE] += share * im0
                    values[v + _TWO] += share * re1
                    values[v + _THREE] += share * im1
                    weights[i] += share * weight0
                    weights[i + _ONE] += share * weight1


@njit(**_FAST)
def _normal_equations(flat, extent, r, step, kx, ky, raster, b, w, table_x, table_y, out):
    """Sum value, gradient (5) and upper triangle of the matrix (15) of one particle into ``out`` (21,), float64."""
    sy, sz = 2 * (extent + 1), 2 * (extent + 1) * (2 * extent + 1)
    last = table_x.shape[0] - 1
    for block in range(0, raster.shape[0], 128):
        # float32 sums over 128 coefficients, float64 beyond
        v0 = g0 = g1 = g2 = g3 = g4 = np.float32(0)
        a00 = a01 = a02 = a11 = a12 = a22 = np.float32(0)
        a03 = a04 = a13 = a14 = a23 = a24 = a33 = a34 = a44 = np.float32(0)
        for o in range(block, min(block + 128, raster.shape[0])):
            c = raster[o]
            sign, x, y, z, ix, iy, iz, fx, fy, fz = _mirror_and_floor(
                kx[c] * r[0, 0] + ky[c] * r[1, 0], kx[c] * r[0, 1] + ky[c] * r[1, 1], kx[c] * r[0, 2] + ky[c] * r[1, 2]
            )
            i = (iz + extent) * sz + (iy + extent) * sy + 2 * ix
            re, rx, ry, rz = _interpolate_with_slope(flat, i, sy, sz, fx, fy, fz)
            im, mx, my, mz = _interpolate_with_slope(flat, i + 1, sy, sz, fx, fy, fz)
            px, py = _phase_at(table_x, table_y, kx[c], ky[c], last)
            br = px * b[c, 0] - py * b[c, 1]
            bi = sign * (px * b[c, 1] + py * b[c, 0])
            weight = w[c]
            # grad V x q, real and imaginary
            j0r, j0i = ry * z - rz * y, my * z - mz * y
            j1r, j1i = rz * x - rx * z, mz * x - mx * z
            j2r, j2i = rx * y - ry * x, mx * y - my * x
            er, ei = br - weight * re, bi - weight * im
            ux, uy = sign * step * kx[c], sign * step * ky[c]
            v0 += re * br + im * bi - np.float32(0.5) * weight * (re * re + im * im)
            g0 += j0r * er + j0i * ei
            g1 += j1r * er + j1i * ei
            g2 += j2r * er + j2i * ei
            t = im * er - re * ei  # -Im(conj(v) e)
            g3 += ux * t
            g4 += uy * t
            w0r, w0i, w1r, w1i, w2r, w2i = weight * j0r, weight * j0i, weight * j1r, weight * j1i, weight * j2r, weight * j2i
            a00 += w0r * j0r + w0i * j0i
            a01 += w0r * j1r + w0i * j1i
            a02 += w0r * j2r + w0i * j2i
            a11 += w1r * j1r + w1i * j1i
            a12 += w1r * j2r + w1i * j2i
            a22 += w2r * j2r + w2i * j2i
            t0, t1, t2 = w0r * im - w0i * re, w1r * im - w1i * re, w2r * im - w2i * re  # W Im(conj(J) v)
            a03 += ux * t0
            a04 += uy * t0
            a13 += ux * t1
            a14 += uy * t1
            a23 += ux * t2
            a24 += uy * t2
            power = weight * (re * re + im * im)
            a33 += ux * ux * power
            a34 += ux * uy * power
            a44 += uy * uy * power
        for n, term in enumerate((v0, g0, g1, g2, g3, g4, a00, a01, a02, a03, a04, a11, a12, a13, a14, a22, a23, a24, a33, a34, a44)):
            out[n] += term


@njit(**_PARALLEL)
def _gauss_newton(flat, extent, matrices, steps, shifts, kx, ky, raster, b, w, rows, last, out):
    for p in prange(rows.shape[0]):
        table_x, table_y = np.empty((last + 1, 2), np.float32), np.empty((2 * last + 1, 2), np.float32)
        _fill_phases(table_x, table_y, steps[p], shifts[p, 0], shifts[p, 1])
        _normal_equations(flat, extent, matrices[p], np.float32(steps[p]), kx, ky, raster, b[rows[p]], w[rows[p]], table_x, table_y, out[p])


@njit(**_PARALLEL)
def _score_grid(flat, extent, matrices, steps, shifts, moves, kx, ky, raster, b, w, rows, last, out):
    sy, sz = 2 * (extent + 1), 2 * (extent + 1) * (2 * extent + 1)
    m = raster.shape[0]
    for p in prange(rows.shape[0]):
        table_x, table_y = np.empty((last + 1, 2), np.float32), np.empty((2 * last + 1, 2), np.float32)
        # phases of the moves, which all rotations share
        move_re, move_im = np.empty((moves.shape[0], m), np.float32), np.empty((moves.shape[0], m), np.float32)
        for s in range(moves.shape[0]):
            _fill_phases(table_x, table_y, steps[p], moves[s, 0], moves[s, 1])
            for o in range(m):
                move_re[s, o], move_im[s, o] = _phase_at(table_x, table_y, kx[raster[o]], ky[raster[o]], last)
        cross_re, cross_im = np.empty(m, np.float32), np.empty(m, np.float32)
        row = rows[p]
        for t in range(matrices.shape[1]):
            r = matrices[p, t]
            _fill_phases(table_x, table_y, steps[p], shifts[p, t, 0], shifts[p, t, 1])
            power = np.float32(0)
            for o in range(m):
                c = raster[o]
                sign, _, _, _, ix, iy, iz, fx, fy, fz = _mirror_and_floor(
                    kx[c] * r[0, 0] + ky[c] * r[1, 0], kx[c] * r[0, 1] + ky[c] * r[1, 1], kx[c] * r[0, 2] + ky[c] * r[1, 2]
                )
                i = (iz + extent) * sz + (iy + extent) * sy + 2 * ix
                re = _interpolate(flat, i, sy, sz, fx, fy, fz)
                im = sign * _interpolate(flat, i + 1, sy, sz, fx, fy, fz)
                power += w[row, c] * (re * re + im * im)
                px, py = _phase_at(table_x, table_y, kx[c], ky[c], last)
                br, bi = px * b[row, c, 0] - py * b[row, c, 1], px * b[row, c, 1] + py * b[row, c, 0]
                cross_re[o], cross_im[o] = re * br + im * bi, re * bi - im * br
            for s in range(moves.shape[0]):
                total = np.float32(0)
                for o in range(m):
                    total += move_re[s, o] * cross_re[o] - move_im[s, o] * cross_im[o]
                out[p, t, s] = total - np.float32(0.5) * power


def _interleaved(values: Tensor) -> np.ndarray:
    return torch.view_as_real(values.contiguous()).numpy()


def _matrices(rotations: np.ndarray, scale: np.ndarray, padding: int) -> np.ndarray:
    """Rotations times scale and padding, float32: they take k straight to a place in the cube."""
    factor = np.asarray(scale, np.float64) * padding
    return (np.asarray(rotations, np.float64) * factor.reshape(-1, *(1,) * (np.ndim(rotations) - 1))).astype(np.float32)


def _plane(disc: Disc) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    last = int(max(disc.kx.max(), np.abs(disc.ky).max()))
    return disc.kx.astype(np.float32), disc.ky.astype(np.float32), disc.raster, last


def slice(volume: FourierVolume, rotations: np.ndarray, scale: np.ndarray, disc: Disc) -> Tensor:
    """See ``Kernels.slice``."""
    check_radius(volume, disc, scale)
    kx, ky, raster, _ = _plane(disc)
    out = np.empty((len(rotations), len(disc), 2), np.float32)
    _slice(_interleaved(volume.cube).reshape(-1), volume.extent, _matrices(rotations, scale, volume.padding), kx, ky, raster, out)
    return torch.view_as_complex(torch.from_numpy(out))


def insert(sums: BackProjection, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc) -> None:
    """See ``Kernels.insert``. In parts whose sorted samples take ``_SAMPLES`` rows; tiles that touch are never filled at once."""
    scale = images.scale[rows]
    check_radius(sums, disc, scale)
    kx, ky, raster, last = _plane(disc)
    extent = sums.values.shape[2] - 1
    across = (2 * extent + 1 >> int(_TILE_BITS)) + 1
    number = np.arange(across**2)
    sets = [number[(number // across % 2 == odd_z) & (number % across % 2 == odd_y)] for odd_z in (0, 1) for odd_y in (0, 1)]
    values, weights = torch.view_as_real(sums.values).view(-1).numpy(), sums.weights.view(-1).numpy()
    matrices, steps = _matrices(rotations, scale, sums.padding), 2 * np.pi / disc.box_px * scale
    b, w, shifts = _interleaved(images.b), images.weight.numpy(), np.asarray(shifts_px, np.float64)
    size = max(1, _SAMPLES // len(disc))
    samples = np.empty((min(size, len(rows)) * len(disc), 6), np.float32)
    for low in range(0, len(rows), size):
        part = np.s_[low : low + size]
        counts = np.zeros((len(rows[part]), across**2), np.int64)
        _count_by_tile(np.float32(extent), matrices[part], kx, ky, raster, _UNSIGNED(across), counts)
        ends = np.append(0, np.cumsum(counts.T))  # tile by tile, and in a tile image by image
        starts = np.ascontiguousarray(ends[:-1].reshape(across**2, -1).T)
        _sort_by_tile(
            np.float32(extent), matrices[part], steps[part], shifts[part], kx, ky, raster, last, b, w, np.asarray(rows[part]),
            _UNSIGNED(across), starts, samples,
        )  # fmt: skip
        for tiles in sets:
            _add_tiles(values, weights, extent, tiles, ends[:: counts.shape[0]], samples)


def _unpack(packed: np.ndarray) -> NormalEquations:
    matrix = np.empty((len(packed), 5, 5))
    upper = np.triu_indices(5)
    matrix[:, upper[0], upper[1]] = packed[:, 6:]
    matrix[:, upper[1], upper[0]] = packed[:, 6:]
    return NormalEquations(packed[:, 0].copy(), packed[:, 1:6].copy(), matrix)


def gauss_newton(
    volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc
) -> NormalEquations:
    """See ``Kernels.gauss_newton``."""
    scale = images.scale[rows]
    check_radius(volume, disc, scale)
    kx, ky, raster, last = _plane(disc)
    out = np.zeros((len(rows), 21))
    _gauss_newton(
        _interleaved(volume.cube).reshape(-1), volume.extent, _matrices(rotations, scale, volume.padding), 2 * np.pi / disc.box_px * scale,
        np.asarray(shifts_px, np.float64), kx, ky, raster, _interleaved(images.b), images.weight.numpy(), np.asarray(rows), last, out,
    )  # fmt: skip
    return _unpack(out)


def score_grid(volume: FourierVolume, grid: PoseGrid, images: WeightedImages, rows: np.ndarray, disc: Disc) -> np.ndarray:
    """See ``Kernels.score_grid``."""
    scale = images.scale[rows]
    check_radius(volume, disc, scale)
    kx, ky, raster, last = _plane(disc)
    out = np.empty((*grid.rotations.shape[:2], len(grid.moves_px)), np.float32)
    _score_grid(
        _interleaved(volume.cube).reshape(-1), volume.extent, _matrices(grid.rotations, scale, volume.padding), 2 * np.pi / disc.box_px * scale,
        np.asarray(grid.shifts_px, np.float64), np.asarray(grid.moves_px, np.float64), kx, ky, raster, _interleaved(images.b),
        images.weight.numpy(), np.asarray(rows), last, out,
    )  # fmt: skip
    return out
