"""Density compensation: by what back-projected sums are multiplied, so that crowded and lonely places of Fourier space count as they should.

A voxel divided by its own weight alone counts as much as its neighbours even if no more than the rim of one interpolation kernel has
reached it: noise grows. Pipe & Menon (1999) Magn Reson Med 41, 179-186: look for factors c so that c W, seen through a kernel K as
wide as the box allows, is 1 everywhere: c <- c / (K * (c W)). K is the transform of a Hann window that spans the padded box:
1/4, 1/2, 1/4 along each axis.
"""

import torch
from torch import Tensor

ITERATIONS = 3  # as quiet as RELION and as true to noise-free images; more iterations trade the one for the other
WEIGHT_FLOOR = 1e-3  # of the mean weight of a shell: keeps voxels that hardly any slice reached from being blown up


def compensate_density(weights: Tensor) -> Tensor:
    """Return the factors c for weights W of both halves of Fourier space (``hermitian_sum``).

    Parameters
    ----------
    weights : Tensor, float64, shape (2 e + 1, 2 e + 1, e + 1)

    Returns
    -------
    Tensor, float64, same shape
        About 1 / W where W is smooth; 0 where neither a voxel nor its neighbours have any weight.
    """
    smallest = torch.finfo(weights.dtype).tiny
    factors = torch.ones_like(weights)
    for _ in range(ITERATIONS):
        seen = blur_hermitian(factors * weights)
        factors = torch.where(seen > smallest, factors / seen.clamp(min=smallest), 0)
    return torch.minimum(factors, 1 / (WEIGHT_FLOOR * _shell_mean(weights)))


def blur_hermitian(cube: Tensor) -> Tensor:
    """Convolve the half cube of a real, point-symmetric function with 1/4, 1/2, 1/4 along each axis; beyond the cube it is 0."""
    blurred = _blur_axis(cube, 2)
    blurred[:, :, 0] += cube[:, :, 1].flip(0, 1) / 4  # the neighbour at kx = -1
    return _blur_axis(_blur_axis(blurred, 1), 0)


def _blur_axis(cube: Tensor, axis: int) -> Tensor:
    blurred, length = cube / 2, cube.shape[axis] - 1
    blurred.narrow(axis, 1, length).add_(cube.narrow(axis, 0, length), alpha=0.25)
    blurred.narrow(axis, 0, length).add_(cube.narrow(axis, 1, length), alpha=0.25)
    return blurred


def _shell_mean(weights: Tensor) -> Tensor:
    """Mean weight of the shell of each voxel of a cube, float64; in shells without any, so much that 1 / (floor * mean) is 1."""
    e = weights.shape[2] - 1
    line = torch.arange(-e, e + 1, dtype=torch.float64)
    half = torch.arange(e + 1, dtype=torch.float64)
    shell = (line[:, None, None] ** 2 + line[None, :, None] ** 2 + half[None, None, :] ** 2).sqrt().round().long()
    total = torch.zeros(int(shell.max()) + 1, dtype=torch.float64).index_add_(0, shell.flatten(), weights.flatten())
    mean = total / torch.bincount(shell.flatten(), minlength=len(total))
    mean[mean <= 0] = 1 / WEIGHT_FLOOR
    return mean[shell]
