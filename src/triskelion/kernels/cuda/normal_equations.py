"""Value, gradient and Gauss-Newton matrix of the likelihood of a pose: 21 sums over the coefficients of an image."""

import numpy as np
import torch
import triton
import triton.language as tl

from triskelion.kernels.cuda.sampling import find_phase, interpolate_with_slope, load_tuple, rotate_and_mirror, split_complex
from triskelion.kernels.cuda.transfer import choose_device, pack_complex, pack_images, pack_matrices, pack_plane, pack_reals
from triskelion.kernels.interface import Disc, FourierVolume, NormalEquations, WeightedImages, check_radius

BLOCK, WARPS = 128, 4


@triton.jit
def add_tuples(a, b):
    """Add term by term."""
    total = ()
    for n in tl.static_range(len(a)):
        total = total + (a[n] + b[n],)
    return total


@triton.jit
def _find_terms(cube, extent, matrix, step, shift, kx, ky, b, w):
    """The 21 terms of some coefficients: value, gradient (5), upper triangle of the matrix (15).

    In the frame of the map's origin: b is brought back by the shift, and mirrored where the point is, instead of the slice.
    """
    sign, x, y, z = rotate_and_mirror(kx, ky, matrix)
    v, u = interpolate_with_slope(cube, extent, x, y, z)
    cosine, sine = find_phase(step * (kx * shift[0] + ky * shift[1]))
    b_re, b_im = split_complex(b)
    b_re, b_im = cosine * b_re - sine * b_im, sign * (cosine * b_im + sine * b_re)
    along_x, along_y = 6.283185307179586 * step * sign * kx, 6.283185307179586 * step * sign * ky
    # derivatives: grad V x q for the rotation, -2 pi i s k V / n for the shift
    real = (v[2] * z - v[3] * y, v[3] * x - v[1] * z, v[1] * y - v[2] * x, along_x * u[0], along_y * u[0])
    imaginary = (u[2] * z - u[3] * y, u[3] * x - u[1] * z, u[1] * y - u[2] * x, -along_x * v[0], -along_y * v[0])
    rest_re, rest_im = b_re - w * v[0], b_im - w * u[0]
    terms = (v[0] * b_re + u[0] * b_im - 0.5 * w * (v[0] * v[0] + u[0] * u[0]),)
    for i in tl.static_range(5):
        terms = terms + (real[i] * rest_re + imaginary[i] * rest_im,)
    for i in tl.static_range(5):
        weighted_re, weighted_im = w * real[i], w * imaginary[i]
        for j in tl.static_range(i, 5):
            terms = terms + (weighted_re * real[j] + weighted_im * imaginary[j],)
    return terms


@triton.jit
def sum_normal_equations(
    cube, extent, matrix, step, shift, kx, ky, n_coefficients, b, weight, BLOCK: tl.constexpr
):  # fmt: skip
    """The 21 sums of one image (``b``, ``weight`` point to its first coefficient): float32 along a thread, float64 across."""
    zero = tl.zeros((BLOCK,), tl.float32)
    total = ()
    for _ in tl.static_range(21):
        total = total + (zero,)
    for first in range(0, n_coefficients, BLOCK):
        c = first + tl.arange(0, BLOCK)
        inside = c < n_coefficients
        kx_c, ky_c = tl.load(kx + c, mask=inside, other=0.0), tl.load(ky + c, mask=inside, other=0.0)
        b_c, w_c = tl.load(b + c, mask=inside, other=0), tl.load(weight + c, mask=inside, other=0.0)
        total = add_tuples(total, _find_terms(cube, extent, matrix, step, shift, kx_c, ky_c, b_c, w_c))
    sums = ()
    for n in tl.static_range(21):
        sums = sums + (tl.sum(total[n].to(tl.float64), axis=0),)
    return sums


@triton.jit(do_not_specialize=["extent", "n_coefficients", "row_stride"])
def _gauss_newton(
    out, cube, extent, matrices, steps, shifts, kx, ky, n_coefficients, b, weight, rows, row_stride, BLOCK: tl.constexpr
):  # fmt: skip
    image = tl.program_id(0).to(tl.int64)
    place = tl.load(rows + image) * row_stride
    matrix, shift = load_tuple(matrices + image * 6, 6), load_tuple(shifts + image * 2, 2)
    sums = sum_normal_equations(
        cube, extent, matrix, tl.load(steps + image), shift, kx, ky, n_coefficients, b + place, weight + place, BLOCK
    )  # fmt: skip
    for n in tl.static_range(21):
        tl.store(out + image * 21 + n, sums[n])


def unpack_normal_equations(packed: np.ndarray) -> NormalEquations:
    """Turn the 21 numbers of each pose, (n, 21), into value, gradient and matrix."""
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
    out = torch.empty((len(rows), 21), dtype=torch.float64, device=choose_device())
    b, weight, places = pack_images(images, rows)
    if len(rows):
        _gauss_newton[len(rows),](
            out, pack_complex(volume.cube), volume.extent, pack_matrices(rotations, scale, volume.padding), pack_reals(scale / disc.box_px),
            pack_reals(shifts_px), *pack_plane(disc), len(disc), b, weight, places, weight.stride(0), BLOCK=BLOCK, num_warps=WARPS,
        )  # fmt: skip
    return unpack_normal_equations(out.cpu().numpy())
