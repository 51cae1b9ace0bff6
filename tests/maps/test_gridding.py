"""Density compensation: exact where weights are smooth, better than division voxel by voxel where they are not."""

import numpy as np
import torch

from triskelion.fourier.shells import fourier_disc, shell_sum
from triskelion.fourier.slices import cube_to_map, hermitian_sum, prepare_slices
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.geometry.rotations import random_rotations
from triskelion.kernels import reference as kernels
from triskelion.kernels.interface import BackProjection, WeightedImages
from triskelion.maps.gridding import ITERATIONS, compensate_density

EXTENT = 9


def point_symmetric_cube(seed: int) -> tuple[np.ndarray, torch.Tensor]:
    """A positive point-symmetric function on the full cube, and its half."""
    full = np.random.default_rng(seed).uniform(0.5, 2, (2 * EXTENT + 1,) * 3)
    full = full + full[::-1, ::-1, ::-1]
    return full, torch.from_numpy(full[:, :, EXTENT:].copy())


def test_factors_are_those_of_the_full_cube():
    full, half = point_symmetric_cube(1)
    factors = np.ones_like(full)
    for _ in range(ITERATIONS):
        seen = factors * full
        for axis in range(3):
            seen = np.apply_along_axis(lambda line: np.convolve(line, [0.25, 0.5, 0.25], mode="same"), axis, seen)
        factors /= seen
    np.testing.assert_allclose(compensate_density(half)[:, :, :EXTENT], factors[:, :, EXTENT:-1], rtol=1e-5)


def test_factors_do_not_depend_on_threads():
    import numba

    _, weights = point_symmetric_cube(4)
    threads = numba.get_num_threads()
    results = []
    for count in (1, min(2, threads)):
        numba.set_num_threads(count)
        results.append(compensate_density(weights))
    numba.set_num_threads(threads)
    assert torch.equal(*results)


def test_smooth_weights_are_divided_by():
    line = torch.arange(-EXTENT, EXTENT + 1, dtype=torch.float64)
    weights = (1 + 0.02 * (line[:, None, None] + line[None, :, None]) ** 2 * torch.ones(EXTENT + 1)).clone()
    inner = (slice(4, -4), slice(4, -4), slice(0, -4))
    # what is left after two rounds is of second order in the curvature of the weights, 4 % of them here
    np.testing.assert_allclose((compensate_density(weights) * weights)[inner], 1, atol=5e-3)


def test_places_without_weight_get_no_factor_and_lonely_ones_a_bounded_one():
    _, weights = point_symmetric_cube(2)
    weights[:4] = weights[-4:] = 0
    weights[2, 8, 5] = 1e-12
    factors = compensate_density(weights)
    assert torch.isfinite(factors).all()
    assert (factors[0] == 0).all()
    assert float(factors[2, 8, 5]) < 1e4


def test_a_noisy_map_comes_closer_to_the_truth_than_from_division_voxel_by_voxel():
    n, box_px = 150, 24
    rng = np.random.default_rng(3)
    rotations, disc, rows = random_rotations(n, rng), fourier_disc(box_px), np.arange(n)
    line = np.arange(box_px) - box_px // 2
    radius = np.sqrt(line[:, None, None] ** 2 + line[None, :, None] ** 2 + line[None, None, :] ** 2)
    truth = (rng.standard_normal((box_px,) * 3) * (radius < 9)).astype(np.float32)
    ctf = torch.sin(torch.from_numpy(rng.uniform(1, 4, (n, 1)) * np.hypot(disc.kx, disc.ky) ** 2 / 20 + 0.1)).to(torch.float32)
    noise = torch.from_numpy(rng.standard_normal((n, len(disc), 2)).astype(np.float32)) * 2
    images = ctf * kernels.slice(prepare_slices(truth, 11), rotations, np.ones(n), disc) + torch.view_as_complex(noise)
    sums = BackProjection.empty(int(disc.shell[-1]))
    kernels.insert(sums, rotations, np.zeros((n, 2)), WeightedImages(ctf * images, ctf**2, np.ones(n)), rows, disc)
    values, weights = hermitian_sum(sums.values), hermitian_sum(sums.weights)

    def correlation_with_truth(cube: torch.Tensor) -> np.ndarray:
        sphere = torch.from_numpy(radius < 11)
        maps = (cube_to_map(cube, box_px, sums.padding), torch.from_numpy(truth))
        ours, exact = (volume_to_fourier(map_ * sphere) for map_ in maps)
        cross, p, q = (shell_sum(v, box_px, 3) for v in ((ours * exact.conj()).real, ours.abs() ** 2, exact.abs() ** 2))
        return (cross / (p * q).sqrt()).numpy()[3:12]

    by_voxel = correlation_with_truth(torch.where(weights > 0, values / weights.clamp(min=1e-9), 0))
    compensated = correlation_with_truth(values * compensate_density(weights))
    assert compensated.mean() > by_voxel.mean() + 0.2
