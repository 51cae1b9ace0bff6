"""The likelihood of a pose with its gradient and Gauss-Newton matrix, summed in one go over the coefficients.

The loop stores nothing, so it is vectorised as a whole, gathers included; what is left is waiting for the cube.
"""

import numpy as np
from numba import njit, prange

from triskelion.kernels.cpu.sampling import (
    FAST,
    PARALLEL,
    fill_phases,
    float_offset,
    interleaved,
    order_by_view,
    padded_matrices,
    phase_at,
    plane_of_disc,
    rotate_and_mirror,
    unsigned,
)
from triskelion.kernels.interface import Disc, FourierVolume, NormalEquations, WeightedImages, check_radius

_ONE, _TWO = unsigned(1), unsigned(2)
_SINGLE = unsigned(128)  # coefficients that are summed in float32; beyond in float64


@njit(inline="always", **FAST)
def _interpolate_with_slope(flat, i, along_y, along_z, fx, fy, fz):
    """Trilinear value and its derivatives along x, y, z at float offset ``i`` of an interleaved complex array."""
    j = i + along_z
    dx00, dx01 = flat[i + _TWO] - flat[i], flat[i + along_y + _TWO] - flat[i + along_y]
    dx10, dx11 = flat[j + _TWO] - flat[j], flat[j + along_y + _TWO] - flat[j + along_y]
    c00, c01 = flat[i] + fx * dx00, flat[i + along_y] + fx * dx01
    c10, c11 = flat[j] + fx * dx10, flat[j + along_y] + fx * dx11
    dx0, dx1 = dx00 + fy * (dx01 - dx00), dx10 + fy * (dx11 - dx10)
    dy0, dy1 = c01 - c00, c11 - c10
    c0, c1 = c00 + fy * dy0, c10 + fy * dy1
    return c0 + fz * (c1 - c0), dx0 + fz * (dx1 - dx0), dy0 + fz * (dy1 - dy0), c1 - c0


@njit(**FAST)
def sum_normal_equations(flat, extent, r, step, kx, ky, raster, b, w, table_x, table_y, out):
    """Sum value, gradient (5) and upper triangle of the matrix (15) of one particle into ``out`` (21,), float64."""
    along_y = unsigned(2 * (extent + 1))
    along_z, middle = along_y * unsigned(2 * extent + 1), np.float32(extent)
    last, count = np.int32(table_x.shape[0] // 2 - 1), unsigned(raster.shape[0])
    for low in range(unsigned(0), count, _SINGLE):
        v0 = g0 = g1 = g2 = g3 = g4 = np.float32(0)
        a00 = a01 = a02 = a11 = a12 = a22 = np.float32(0)
        a03 = a04 = a13 = a14 = a23 = a24 = a33 = a34 = a44 = np.float32(0)
        for o in range(low, min(low + _SINGLE, count)):
            sign, x, y, z = rotate_and_mirror(r, kx[o], ky[o])
            ix, iy, iz = np.int32(x), np.int32(y + middle), np.int32(z + middle)
            i = float_offset(ix, iy, iz, extent)
            fx, fy, fz = x - np.float32(ix), y + middle - np.float32(iy), z + middle - np.float32(iz)
            re, rx, ry, rz = _interpolate_with_slope(flat, i, along_y, along_z, fx, fy, fz)
            im, mx, my, mz = _interpolate_with_slope(flat, i + _ONE, along_y, along_z, fx, fy, fz)
            px, py = phase_at(table_x, table_y, kx[o], ky[o], last)
            c = unsigned(raster[o])
            weight, b0, b1 = w[c], b[c + c], b[c + c + _ONE]
            br, bi = px * b0 - py * b1, sign * (px * b1 + py * b0)
            # grad V x q, real and imaginary
            j0r, j0i = ry * z - rz * y, my * z - mz * y
            j1r, j1i = rz * x - rx * z, mz * x - mx * z
            j2r, j2i = rx * y - ry * x, mx * y - my * x
            er, ei = br - weight * re, bi - weight * im
            ux, uy = sign * step * kx[o], sign * step * ky[o]
            v0 += re * (br + er) + im * (bi + ei)  # twice the value
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
        v0 *= np.float32(0.5)
        for n, term in enumerate((v0, g0, g1, g2, g3, g4, a00, a01, a02, a03, a04, a11, a12, a13, a14, a22, a23, a24, a33, a34, a44)):
            out[n] += term


@njit(**PARALLEL)
def _gauss_newton(flat, extent, matrices, order, steps, shifts, kx, ky, raster, last, b, w, rows, out):
    for n in prange(order.shape[0]):
        p = order[n]
        table_x, table_y = np.empty(2 * (last + 1), np.float32), np.empty(2 * (2 * last + 1), np.float32)
        fill_phases(table_x, table_y, steps[p], shifts[p, 0], shifts[p, 1])
        sum_normal_equations(flat, extent, matrices[p], np.float32(steps[p]), kx, ky, raster, b[rows[p]], w[rows[p]], table_x, table_y, out[p])


def gauss_newton(
    volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc
) -> NormalEquations:
    """See ``Kernels.gauss_newton``."""
    scale = images.scale[rows]
    check_radius(volume, disc, scale)
    plane, matrices = plane_of_disc(disc), padded_matrices(rotations, scale, volume.padding)
    out = np.zeros((len(rows), 21))
    _gauss_newton(
        interleaved(volume.cube).reshape(-1), volume.extent, matrices, order_by_view(matrices), 2 * np.pi / disc.box_px * scale,
        np.asarray(shifts_px, np.float64), plane.kx, plane.ky, plane.raster, plane.last, interleaved(images.b), images.weight.numpy(),
        np.asarray(rows), out,
    )  # fmt: skip
    return unpack_normal_equations(out)


def unpack_normal_equations(packed: np.ndarray) -> NormalEquations:
    """Take sums (n, 21) apart."""
    matrix = np.empty((len(packed), 5, 5))
    upper = np.triu_indices(5)
    matrix[:, upper[0], upper[1]] = packed[:, 6:]
    matrix[:, upper[1], upper[0]] = packed[:, 6:]
    return NormalEquations(packed[:, 0].copy(), packed[:, 1:6].copy(), matrix)
