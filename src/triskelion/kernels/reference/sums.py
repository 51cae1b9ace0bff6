"""Values of slices and sums over coefficients in plain torch."""

import numpy as np
import torch
from torch import Tensor

from triskelion.kernels.interface import BackProjection, Disc, FourierVolume, NormalEquations, PoseGrid, WeightedImages, check_radius


def _sample_points(rotations: np.ndarray, scale: np.ndarray, disc: Disc) -> Tensor:
    """Points s R^T k, float64 (n, m, 3), in units of 1 / box."""
    k = torch.from_numpy(np.stack([disc.kx, disc.ky], axis=1).astype(np.float64))
    scaled = torch.from_numpy(np.asarray(rotations, np.float64) * np.asarray(scale, np.float64)[:, None, None])
    return k @ scaled[:, :2, :]


def _corners(points: Tensor, extent: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Trilinear neighbours of padded points: flat indices (..., 8), weights (..., 8), their gradients (..., 8, 3), flips (...).

    Points with negative x are mirrored; their values are to be conjugated.
    """
    flip = points[..., 0] < 0
    points = torch.where(flip[..., None], -points, points)
    base = points.floor()
    fraction = points - base
    size = 2 * extent + 1
    indices, weights, gradients = [], [], []
    for corner in np.ndindex(2, 2, 2):
        x, y, z = (base[..., axis].long() + corner[axis] for axis in range(3))
        indices.append(((z + extent) * size + y + extent) * (extent + 1) + x)
        sides = [fraction[..., a] if corner[a] else 1 - fraction[..., a] for a in range(3)]
        weights.append(sides[0] * sides[1] * sides[2])
        signs = [1.0 if corner[a] else -1.0 for a in range(3)]
        gradients.append(torch.stack([signs[0] * sides[1] * sides[2], signs[1] * sides[0] * sides[2], signs[2] * sides[0] * sides[1]], -1))
    return torch.stack(indices, -1), torch.stack(weights, -1), torch.stack(gradients, -2), flip


def _conjugate_where(values: Tensor, flip: Tensor) -> Tensor:
    return torch.where(flip, values.conj(), values)


def _phase_of_shift(shifts_px: np.ndarray, scale: np.ndarray, disc: Disc) -> tuple[Tensor, Tensor]:
    """2 pi s k / n, float64 (n, m, 2), and exp(-2 pi i s k.u / n), complex128 (n, m)."""
    k = torch.from_numpy(np.stack([disc.kx, disc.ky], axis=1).astype(np.float64))
    angular = 2 * np.pi / disc.box_px * k * torch.from_numpy(np.asarray(scale, np.float64))[:, None, None]
    turn = (angular * torch.from_numpy(np.asarray(shifts_px, np.float64))[:, None, :]).sum(-1)
    return angular, torch.polar(torch.ones((), dtype=torch.float64), -turn)


def slice(volume: FourierVolume, rotations: np.ndarray, scale: np.ndarray, disc: Disc) -> Tensor:
    """See ``Kernels.slice``."""
    check_radius(volume, disc, scale)
    index, weight, _, flip = _corners(_sample_points(rotations, scale, disc) * volume.padding, volume.extent)
    values = volume.cube.to(torch.complex128).flatten()[index]
    return _conjugate_where((values * weight).sum(-1), flip).to(torch.complex64)


def insert(sums: BackProjection, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc) -> None:
    """See ``Kernels.insert``."""
    scale = images.scale[rows]
    check_radius(sums, disc, scale)
    extent = sums.values.shape[2] - 1
    index, weight, _, flip = _corners(_sample_points(rotations, scale, disc) * sums.padding, extent)
    _, phase = _phase_of_shift(shifts_px, scale, disc)
    b = _conjugate_where(phase.conj() * images.b[rows, : len(disc)].to(torch.complex128), flip)
    w = images.weight[rows, : len(disc)].to(torch.float64)
    sums.values.view(-1).index_add_(0, index.flatten(), (b[..., None] * weight).flatten())
    sums.weights.view(-1).index_add_(0, index.flatten(), (w[..., None] * weight).flatten())


def gauss_newton(
    volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc
) -> NormalEquations:
    """See ``Kernels.gauss_newton``. Formulae: docs/architecture.md, dm/dw = phase (grad V x q), dm/du = -2 pi i s k m / n."""
    scale = images.scale[rows]
    check_radius(volume, disc, scale)
    points = _sample_points(rotations, scale, disc) * volume.padding
    index, weight, gradient, flip = _corners(points, volume.extent)
    corners = volume.cube.to(torch.complex128).flatten()[index]
    # the gradient of a mirrored point is minus the conjugate; grad x q has q mirrored too
    slope = (corners[..., None] * gradient).sum(-2)
    mirrored = torch.where(flip[..., None], -points, points)
    by_rotation = _conjugate_where(torch.linalg.cross(slope, mirrored.to(slope.dtype)), flip[..., None])
    value = _conjugate_where((corners * weight).sum(-1), flip)

    angular, phase = _phase_of_shift(shifts_px, scale, disc)
    m = phase * value
    jacobian = torch.cat([phase[..., None] * by_rotation, -1j * angular * m[..., None]], -1)
    b = images.b[rows, : len(disc)].to(torch.complex128)
    w = images.weight[rows, : len(disc)].to(torch.float64)
    log_likelihood = (m.conj() * b).real.sum(-1) - 0.5 * (w * m.abs() ** 2).sum(-1)
    g = (jacobian.conj() * (b - w * m)[..., None]).real.sum(-2)
    a = torch.einsum("nmi,nm,nmj->nij", jacobian.conj(), w.to(torch.complex128), jacobian).real
    return NormalEquations(log_likelihood.numpy(), g.numpy(), a.numpy())


def score_grid(volume: FourierVolume, grid: PoseGrid, images: WeightedImages, rows: np.ndarray, disc: Disc) -> np.ndarray:
    """See ``Kernels.score_grid``: the value of ``gauss_newton`` at every pair."""
    scores = np.empty((*grid.rotations.shape[:2], len(grid.moves_px)))
    for turn in range(grid.rotations.shape[1]):
        for place, move in enumerate(grid.moves_px):
            shifts = grid.shifts_px[:, turn] + move
            scores[:, turn, place] = gauss_newton(volume, grid.rotations[:, turn], shifts, images, rows, disc).value
    return scores
