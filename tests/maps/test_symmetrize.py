"""Symmetric maps: what is exact is exact, and what is interpolated is held to sums of Gaussian atoms."""

import numpy as np
import pytest
import torch
from tests.refine.scene import Poses, density_of, exact_slices

from triskelion.data.volume import Volume
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import HermitianSums
from triskelion.geometry.rotations import random_rotations
from triskelion.geometry.symmetry import PointGroup, expand_poses, parse_symmetry
from triskelion.kernels import cpu
from triskelion.kernels.interface import BackProjection, WeightedImages
from triskelion.maps.reconstruct import insert_mates, solve_map
from triskelion.maps.symmetrize import rotate_on_grid, symmetrize_map
from triskelion.resolution.fsc import fsc

N_IMAGES = 150


def draw_atoms(n: int = 12, radius_px: float = 7.0) -> np.ndarray:
    directions = np.random.default_rng(7).standard_normal((n, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True) * np.linspace(2, radius_px, n)[:, None]


def all_copies(atoms: np.ndarray, group: PointGroup) -> np.ndarray:
    """Atoms of the whole particle, (g n, 3)."""
    return np.concatenate([atoms @ rotation.T for rotation in group.rotations])


def asymmetry(array: np.ndarray, group: PointGroup) -> float:
    """Largest change under the rotations of the grid, over the largest density; plane 0 of an even box, which has no partner, left out."""
    used = slice(1 - len(array) % 2, None)
    turned = [rotate_on_grid(torch.from_numpy(array), rotation).numpy() for rotation in group.grid_rotations]
    return max(float(np.abs(other - array)[used, used, used].max()) for other in turned) / float(np.abs(array).max())


@pytest.mark.parametrize("box_px", [8, 9])
def test_voxels_go_where_the_rotation_takes_them(box_px):
    place, center = np.array([1, -2, 3]), box_px // 2  # x, y, z
    array = torch.zeros((box_px,) * 3)
    array[tuple(place[::-1] + center)] = 1
    for rotation in parse_symmetry("O").grid_rotations:
        found = np.argwhere(rotate_on_grid(array, rotation).numpy())[0][::-1] - center
        np.testing.assert_array_equal(rotation @ found, place)  # V(h x) = 1 where h x is the place


def back_project(group: PointGroup | None, box_px: int, images: np.ndarray, poses: Poses, mates: np.ndarray | None = None) -> np.ndarray:
    """Map of images (n, m) at their poses and, by ``group``, at all mates; or at the mates R g that are given, one by one."""
    disc = fourier_disc(box_px)
    sums = BackProjection.empty(int(disc.shell[-1]))
    weighted = WeightedImages(torch.from_numpy(images), torch.ones(images.shape), np.ones(len(images)))
    if mates is None:
        insert_mates(sums, poses.rotations, poses.shifts_px, weighted, np.arange(len(images)), disc, cpu, group)
    else:
        rows = np.tile(np.arange(len(images)), len(mates))
        cpu.insert(sums, expand_poses(poses.rotations, mates), poses.shifts_px[rows], weighted, rows, disc)
    return solve_map(HermitianSums.of(sums), box_px, group)


def noisy_images(group: PointGroup, box_px: int, noise: float) -> tuple[np.ndarray, Poses]:
    rng = np.random.default_rng(3)
    poses = Poses(random_rotations(N_IMAGES, rng), rng.normal(0, 2, (N_IMAGES, 2)))
    images = exact_slices(all_copies(draw_atoms(), group), poses, fourier_disc(box_px))
    spread = noise * np.abs(images).std()
    return (images + spread * (rng.standard_normal(images.shape) + 1j * rng.standard_normal(images.shape))).astype(np.complex64), poses


@pytest.mark.parametrize("box_px", [24, 25])
@pytest.mark.parametrize("name", ["C4", "D2", "D3", "O", "I"])
def test_mates_made_of_sums_are_those_that_would_be_inserted(name, box_px):
    group = parse_symmetry(name)
    images, poses = noisy_images(group, box_px, noise=1.0)
    ours = back_project(group, box_px, images, poses)
    one_by_one = back_project(None, box_px, images, poses, group.rotations)
    assert np.abs(ours - one_by_one).max() < 1e-4 * np.abs(one_by_one).max()


@pytest.mark.parametrize("box_px", [24, 25])
@pytest.mark.parametrize("name", ["C2", "C4", "D2", "D4", "O", "I"])
def test_a_reconstruction_is_symmetric_to_rounding(name, box_px):
    """Under all of C4, D2 and O, and under those rotations of I that take voxels to voxels."""
    group = parse_symmetry(name)
    assert asymmetry(back_project(group, box_px, *noisy_images(group, box_px, noise=1.0)), group) < 3e-6


@pytest.mark.parametrize("name", ["C3", "C4", "T"])
def test_symmetry_takes_noise_out_of_a_reconstruction(name):
    group, box_px = parse_symmetry(name), 24
    truth = Volume(density_of(all_copies(draw_atoms(), group), box_px), 1.0)
    data = noisy_images(group, box_px, noise=3.0)
    with_group, without = (fsc(Volume(back_project(chosen, box_px, *data), 1.0), truth)[2:10] for chosen in (group, None))
    assert (with_group > without).all()
    ratio = (1 / with_group**2 - 1) / (1 / without**2 - 1)  # of noise over signal
    assert np.median(ratio) == pytest.approx(1 / len(group), rel=0.35)


@pytest.mark.parametrize("name", ["C3", "C5", "D3", "T", "I"])
def test_a_symmetrized_map_is_the_sum_of_its_turned_copies(name):
    """Atoms of 1.5 px are sharp enough for a start of a refinement: their transform falls to 1e-2 at 0.32 / px."""
    group, box_px, atoms = parse_symmetry(name), 32, draw_atoms()
    wanted = density_of(all_copies(atoms, group), box_px, 1.5) / len(group)
    found = symmetrize_map(Volume(density_of(atoms, box_px, 1.5), 2.0), group)
    assert found.pixel_size_A == 2.0
    assert np.abs(found.array - wanted).max() < 1e-3 * wanted.max()
    assert asymmetry(found.array, group) < 1e-6
    again = symmetrize_map(found, group).array
    assert np.abs(again - found.array).max() < 1e-3 * wanted.max()


@pytest.mark.parametrize("name", ["C1", "C4", "D2", "O"])
def test_symmetrizing_is_exact_where_voxels_go_to_voxels(name):
    group = parse_symmetry(name)
    noise = Volume(np.random.default_rng(5).standard_normal((16,) * 3), 2.0)
    found = symmetrize_map(noise, group).array
    assert asymmetry(found, group) < 1e-6
    inner = np.s_[5:12]  # voxels at most 3 from the centre
    line = np.arange(-3, 4)
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1)[..., ::-1]
    turned = [noise.array[tuple(np.rint(points @ rotation.T).astype(int)[..., ::-1].reshape(-1, 3).T + 8)] for rotation in group.rotations]
    np.testing.assert_allclose(found[inner, inner, inner].ravel(), np.mean(turned, axis=0), atol=1e-6)
