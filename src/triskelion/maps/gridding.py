"""Density compensation: by what back-projected sums are multiplied, so that crowded and lonely places of Fourier space count as they should.

A voxel divided by its own weight alone counts as much as its neighbours even if no more than the rim of one interpolation kernel has
reached it: noise grows. Pipe & Menon (1999) Magn Reson Med 41, 179-186: look for factors c so that c W, seen through a kernel K as
wide as the box allows, is 1 everywhere: c <- c / (K * (c W)). K is the transform of a Hann window that spans the padded box:
1/4, 1/2, 1/4 along each axis.
"""

import math

import numpy as np
import torch
from numba import get_num_threads, njit, prange
from torch import Tensor

SMALLEST = np.finfo(np.float32).tiny
ITERATIONS = 3  # as quiet as RELION and as true to noise-free images; more iterations trade the one for the other
WEIGHT_FLOOR = 1e-3  # of the mean weight of a shell: keeps voxels that hardly any slice reached from being blown up


def compensate_density(weights: Tensor) -> Tensor:
    """Return the factors c for weights W of both halves of Fourier space (``hermitian_sum``).

    Parameters
    ----------
    weights : Tensor, float32, shape (2 e + 1, 2 e + 1, e + 1)

    Returns
    -------
    Tensor, float32, same shape
        About 1 / W where W is smooth; 0 where neither a voxel nor its neighbours have any weight.
    """
    given = weights.to(torch.float32).contiguous().numpy()
    factors, improved = np.ones_like(given), np.empty_like(given)
    for _ in range(ITERATIONS):
        _divide_by_blur(given, factors, improved, get_num_threads())
        factors, improved = improved, factors
    _bound_factors(factors, _shell_means(given))
    return torch.from_numpy(factors)


@njit(cache=True, nogil=True, fastmath=True)
def _blur_rows(weights, factors, z, row, out):
    """Blur c W of the plane z along x with 1, 2, 1, into rows 1 .. height of ``out``; beyond the cube c W is 0."""
    depth, height, width = weights.shape
    for y in range(height):
        w, c, blurred = weights[z, y], factors[z, y], out[y + 1]
        row[0] = weights[depth - 1 - z, height - 1 - y, 1] * factors[depth - 1 - z, height - 1 - y, 1]  # the neighbour at kx = -1
        for x in range(width):
            row[x + 1] = w[x] * c[x]
        for x in range(width):
            blurred[x] = row[x] + 2 * row[x + 1] + row[x + 2]


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
def _divide_by_blur(weights, factors, improved, slabs):
    """improved = c / (K * (c W)), plane by plane; a thread does one slab and keeps the three planes that it needs.

    Row by row, as views of rows are what the compiler turns into vector instructions.
    """
    depth, height, width = weights.shape
    for slab in prange(slabs):
        low, high = depth * slab // slabs, depth * (slab + 1) // slabs
        row = np.zeros(width + 2, np.float32)
        planes = np.zeros((3, height + 2, width), np.float32)
        across = np.zeros((height + 2, width), np.float32)
        for z in range(max(low - 1, 0), low + 1):
            _blur_rows(weights, factors, z, row, planes[z % 3])
        for z in range(low, high):
            if z + 1 < depth:
                _blur_rows(weights, factors, z + 1, row, planes[(z + 1) % 3])
            else:
                planes[(z + 1) % 3] = 0
            for y in range(1, height + 1):
                below, here, above, summed = planes[(z + 2) % 3, y], planes[z % 3, y], planes[(z + 1) % 3, y], across[y]
                for x in range(width):
                    summed[x] = below[x] + 2 * here[x] + above[x]
            for y in range(height):
                below, here, above, c, out = across[y], across[y + 1], across[y + 2], factors[z, y], improved[z, y]
                for x in range(width):
                    seen = (below[x] + 2 * here[x] + above[x]) / 64
                    out[x] = c[x] / seen if seen > SMALLEST else np.float32(0)


@njit(cache=True, nogil=True, parallel=True)
def _shell_means(weights):
    """Mean weight of the shells about the middle of a half cube, float64 (shells,)."""
    depth, height, width = weights.shape
    shells = math.ceil(math.sqrt(3.0) * width) + 1
    total, number = np.zeros((depth, shells)), np.zeros((depth, shells))
    for z in prange(depth):
        for y in range(height):
            plane_radius2 = (z - depth // 2) ** 2 + (y - height // 2) ** 2
            for x in range(width):
                shell = int(math.sqrt(plane_radius2 + x * x) + 0.5)
                total[z, shell] += weights[z, y, x]
                number[z, shell] += 1
    return total.sum(0) / np.maximum(number.sum(0), 1)


@njit(cache=True, nogil=True, parallel=True)
def _bound_factors(factors, means):
    """Keep factors below 1 / (floor * mean weight of the shell); in shells without any weight, below 1."""
    depth, height, width = factors.shape
    bounds = np.array([1 / (WEIGHT_FLOOR * mean) if mean > 0 else 1.0 for mean in means], dtype=np.float32)
    for z in prange(depth):
        for y in range(height):
            plane_radius2 = (z - depth // 2) ** 2 + (y - height // 2) ** 2
            for x in range(width):
                bound = bounds[int(math.sqrt(plane_radius2 + x * x) + 0.5)]
                factors[z, y, x] = min(factors[z, y, x], bound)
