"""The kernels against each other, against exact sums, and against finite differences."""

import numpy as np
import pytest
import torch

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.fourier.transforms import image_to_fourier
from triskelion.geometry.rotations import random_rotations, rotvec_to_matrix
from triskelion.kernels import cpu, reference
from triskelion.kernels.interface import BackProjection, PoseGrid, WeightedImages

N_IMAGES = 5


def gaussian_atoms(box, points, width=1.6):
    """Map of Gaussian atoms at ``points`` (x, y, z) px from the box centre."""
    axis = np.arange(box) - box // 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    total = sum(np.exp(-((x - p[0]) ** 2 + (y - p[1]) ** 2 + (z - p[2]) ** 2) / (2 * width**2)) for p in points)
    return torch.from_numpy(total.astype(np.float32))


@pytest.fixture(params=[24, 25], ids=["even", "odd"])
def scene(request):
    """A map, its cube, random poses and weighted images of random content."""
    box = request.param
    rng = np.random.default_rng(box)
    points = rng.uniform(-box / 6, box / 6, (6, 3))
    disc = fourier_disc(box)
    scale = np.array([1.0, 1.0, 0.97, 1.0, 0.99])
    images = WeightedImages(
        torch.complex(*torch.from_numpy(rng.standard_normal((2, N_IMAGES, len(disc))).astype(np.float32))),
        torch.from_numpy(rng.uniform(0.5, 2, (N_IMAGES, len(disc))).astype(np.float32)),
        scale,
    )
    array = gaussian_atoms(box, points)
    volume = prepare_slices(array, (box - 1) // 2)
    return dict(box=box, points=points, array=array, disc=disc, volume=volume, images=images, rotations=random_rotations(N_IMAGES, rng), rng=rng)


def test_slice_at_identity_is_the_transform_of_the_projection(scene):
    expected = scene["disc"].gather(image_to_fourier(scene["array"].sum(0)[None]))
    got = cpu.slice(scene["volume"], np.eye(3)[None], np.ones(1), scene["disc"])
    # on grid points nothing is averaged, so the envelope divided out beforehand is what is left
    assert (got - expected).abs().pow(2).sum().sqrt() < 0.04 * expected.abs().pow(2).sum().sqrt()


def test_slice_of_gaussians_agrees_with_exact_sums(scene):
    box, disc, width = scene["box"], scene["disc"], 1.6
    projected = np.einsum("nij,aj->nai", scene["rotations"], scene["points"])[:, :, :2]
    k = np.stack([disc.kx, disc.ky], 1) / box
    exact = np.exp(-2j * np.pi * projected @ k.T).sum(1) * np.exp(-2 * (np.pi * width) ** 2 * (k**2).sum(1)) * (2 * np.pi * width**2) ** 1.5 / box
    got = cpu.slice(scene["volume"], scene["rotations"], np.ones(N_IMAGES), disc).numpy()
    error = np.sqrt((abs(got - exact) ** 2).sum() / (abs(exact) ** 2).sum())
    assert error < 0.03


@pytest.mark.parametrize("box", [24, 25])
def test_a_delta_at_the_box_centre_does_not_move(box):
    array = torch.zeros((box,) * 3)
    array[(box // 2,) * 3] = 1
    rotations = random_rotations(4, np.random.default_rng(1))
    got = cpu.slice(prepare_slices(array, (box - 1) // 2), rotations, np.ones(4), fourier_disc(box))
    assert (got - 1 / box).abs().max() < 1e-5


def test_slice_equals_reference(scene):
    args = (scene["volume"], scene["rotations"], scene["images"].scale, scene["disc"])
    expected = reference.slice(*args)
    assert (cpu.slice(*args) - expected).abs().max() < 2e-5 * expected.abs().max()


def test_insert_equals_reference_and_does_not_depend_on_threads(scene):
    import numba

    rows = np.array([3, 0, 2])
    shifts = scene["rng"].normal(0, 2, (3, 2))
    sums = {}
    threads = numba.get_num_threads()
    for name, kernel, count in (("reference", reference, 1), ("one", cpu, 1), ("two", cpu, min(2, threads))):
        numba.set_num_threads(count)
        sums[name] = BackProjection.empty((scene["box"] - 1) // 2)
        kernel.insert(sums[name], scene["rotations"][rows], shifts, scene["images"], rows, scene["disc"])
    numba.set_num_threads(threads)
    assert torch.equal(sums["one"].values, sums["two"].values)
    assert torch.equal(sums["one"].weights, sums["two"].weights)
    assert (sums["one"].values - sums["reference"].values).abs().max() < 1e-4 * sums["reference"].values.abs().max()
    assert (sums["one"].weights - sums["reference"].weights).abs().max() < 1e-4 * sums["reference"].weights.max()


def test_insert_is_the_adjoint_of_slice(scene):
    """Re <slice(V), i> = Re <V, insert(i)> over the stored half cube."""
    rows = np.arange(N_IMAGES)
    sums = BackProjection.empty((scene["box"] - 1) // 2)
    cpu.insert(sums, scene["rotations"], np.zeros((N_IMAGES, 2)), scene["images"], rows, scene["disc"])
    generator = torch.Generator().manual_seed(3)
    cube = torch.complex(*torch.randn((2, *sums.values.shape), generator=generator))
    volume = type(scene["volume"])(cube, 2)
    slices = cpu.slice(volume, scene["rotations"], scene["images"].scale, scene["disc"]).to(torch.complex128)
    left = (slices.conj() * scene["images"].b).real.sum()
    right = (cube.to(torch.complex128).conj() * sums.values).real.sum()
    assert abs(left - right) < 1e-5 * (slices.abs() * scene["images"].b.abs()).sum()


def test_gauss_newton_equals_reference(scene):
    rows = np.array([4, 1, 0])
    shifts = scene["rng"].normal(0, 2, (3, 2))
    args = (scene["volume"], scene["rotations"][rows], shifts, scene["images"], rows, scene["disc"])
    got, expected = cpu.gauss_newton(*args), reference.gauss_newton(*args)
    for name in ("value", "gradient", "matrix"):
        a, b = getattr(got, name), getattr(expected, name)
        assert np.abs(a - b).max() < 3e-4 * np.abs(b).max(), name


def test_gradient_agrees_with_finite_differences(scene):
    """Of the interpolated likelihood itself, so only the kinks of trilinear interpolation differ."""
    rows, step = np.arange(N_IMAGES), 1e-5
    shifts = scene["rng"].normal(0, 1, (N_IMAGES, 2))

    def value(w, u):
        return reference.gauss_newton(
            scene["volume"], scene["rotations"] @ rotvec_to_matrix(w), shifts + u, scene["images"], rows, scene["disc"]
        ).value

    gradient = reference.gauss_newton(scene["volume"], scene["rotations"], shifts, scene["images"], rows, scene["disc"]).gradient
    for axis in range(5):
        d = np.zeros(5)
        d[axis] = step
        numeric = (value(d[:3], d[3:]) - value(-d[:3], -d[3:])) / (2 * step)
        np.testing.assert_allclose(gradient[:, axis], numeric, rtol=1e-3, atol=1e-3 * np.abs(gradient).max())


def test_score_grid_is_the_value_at_every_pair(scene):
    rows = np.array([2, 3])
    rotations = random_rotations(6, scene["rng"]).reshape(2, 3, 3, 3)
    grid = PoseGrid(rotations, scene["rng"].normal(0, 2, (2, 3, 2)), scene["rng"].normal(0, 2, (4, 2)))
    args = (scene["volume"], grid, scene["images"], rows, scene["disc"])
    expected = reference.score_grid(*args)
    np.testing.assert_allclose(cpu.score_grid(*args), expected, atol=3e-4 * np.abs(expected).max())


def in_batches(kernel, scene, rows, size):
    """Results of a kernel called for a few rows at a time, as one tuple of arrays."""
    rotations, shifts = scene["rotations"][rows], np.linspace(-2, 2, 2 * len(rows)).reshape(-1, 2)
    turns = np.stack([rotations, np.swapaxes(rotations, 1, 2), rotations @ rotations], 1)
    moves = np.array([[0.0, 0.0], [1.5, -1.0], [-2.5, 0.5]])
    results = []
    for low in range(0, len(rows), size):
        part = np.s_[low : low + size]
        images, places, volume, disc = scene["images"], rows[part], scene["volume"], scene["disc"]
        if kernel == "slice":
            results.append((cpu.slice(volume, rotations[part], images.scale[places], disc).numpy(),))
        elif kernel == "gauss_newton":
            results.append(tuple(cpu.gauss_newton(volume, rotations[part], shifts[part], images, places, disc)))
        else:
            grid = PoseGrid(turns[part], np.repeat(shifts[part, None], 3, 1), moves)
            results.append((cpu.score_grid(volume, grid, images, places, disc),))
    return [np.concatenate(column) for column in zip(*results, strict=True)]


@pytest.mark.parametrize("kernel", ["slice", "gauss_newton", "score_grid"])
def test_results_depend_on_neither_threads_nor_batches(scene, kernel):
    import numba

    threads, rows = numba.get_num_threads(), np.array([3, 0, 2, 2, 4, 1, 0])
    results = []
    for count, size in ((1, 7), (min(2, threads), 7), (1, 1), (min(2, threads), 3)):
        numba.set_num_threads(count)
        results.append(in_batches(kernel, scene, rows, size))
    numba.set_num_threads(threads)
    for other in results[1:]:
        for first, second in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 1), (4, 2), (5, 3)], ids=["one pose", "a tile of the product", "tiles left over"])
def test_score_grid_of_any_size_equals_reference(scene, shape):
    turns, moves = shape
    rng, rows = scene["rng"], np.array([4, 2])
    grid = PoseGrid(random_rotations(2 * turns, rng).reshape(2, turns, 3, 3), rng.normal(0, 2, (2, turns, 2)), rng.normal(0, 2, (moves, 2)))
    for disc in (scene["disc"], fourier_disc(scene["box"], 5)):  # the smaller fills not one block
        args = (scene["volume"], grid, scene["images"], rows, disc)
        expected = reference.score_grid(*args)
        np.testing.assert_allclose(cpu.score_grid(*args), expected, atol=3e-4 * np.abs(expected).max())


def test_a_disc_beyond_the_cube_is_refused(scene):
    small = prepare_slices(scene["array"], 5)
    with pytest.raises(ValueError, match="radius"):
        cpu.slice(small, scene["rotations"], scene["images"].scale, scene["disc"])
