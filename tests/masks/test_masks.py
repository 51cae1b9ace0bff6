"""Masks against brute-force distances."""

import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.masks.automatic import near_far_masks, smooth_base, spherical_mask
from triskelion.masks.binarize import automatic_threshold, binarize, fill_holes, keep_sphere, largest_piece_fraction
from triskelion.masks.dilate import dilate, distance_outside
from triskelion.masks.make import make_mask
from triskelion.masks.soft_edge import complement, padding_warning, soft_edge


def random_base(box_px: int = 18, n: int = 6, seed: int = 0) -> np.ndarray:
    base = np.zeros((box_px,) * 3, dtype=bool)
    base[tuple(np.random.default_rng(seed).integers(0, box_px, (3, n)))] = True
    return base


def brute_force_distance(base: np.ndarray) -> np.ndarray:
    voxels = np.stack(np.meshgrid(*[np.arange(s) for s in base.shape], indexing="ij"), axis=-1)
    return np.sqrt(((voxels[..., None, :] - np.argwhere(base)) ** 2).sum(-1)).min(-1)


@pytest.mark.parametrize("limit_px", [0.5, 1.0, 3.3, 40.0, 70.0])  # the last by another way
def test_distances_are_euclidean_up_to_the_limit(limit_px: float):
    base = random_base()
    truth = brute_force_distance(base)
    assert np.allclose(distance_outside(base, limit_px), np.where(truth <= limit_px, truth, np.inf), rtol=1e-6)


@pytest.mark.parametrize("radius_px", [0, 0.9, 1, 2, 2.5, 5])
def test_dilation_takes_all_voxels_within_the_radius(radius_px: float):
    base = random_base(seed=1)
    assert np.array_equal(dilate(base, radius_px), brute_force_distance(base) <= radius_px)


@pytest.mark.parametrize("padding_px", [1, 4, 6.5])
def test_the_edge_is_half_a_cosine_of_the_distance(padding_px: float):
    base = random_base(seed=2)
    distance = brute_force_distance(base)
    truth = np.where(distance <= padding_px, 0.5 + 0.5 * np.cos(np.pi * distance / padding_px), 0)
    assert np.abs(soft_edge(base, padding_px) - truth).max() < 1e-6


def test_no_padding_is_a_binary_mask():
    base = random_base(seed=3)
    assert np.array_equal(soft_edge(base, 0), base.astype(np.float32))


def test_mask_and_complement_are_a_partition_of_unity():
    mask = make_mask(Volume(random_base().astype(np.float32), 2.0), 0.5, 2, 4)
    assert np.allclose(mask.array + complement(mask).array, 1)


def test_holes_are_filled_and_bays_are_not():
    base = np.zeros((9, 9, 9), dtype=bool)
    base[2:7, 2:7, 2:7] = True
    base[4, 4, 4] = False
    bay = base.copy()
    bay[4, 4, 4:] = False
    filled = base.copy()
    filled[4, 4, 4] = True
    assert np.array_equal(fill_holes(base), filled)
    assert np.array_equal(fill_holes(bay), bay)


def test_only_the_sphere_is_kept():
    array = np.ones((11, 11, 11), dtype=np.float32)
    kept = keep_sphere(array, (2, 5, 8), 1.0)
    assert {tuple(place) for place in np.argwhere(kept)} == {(8, 5, 2), (7, 5, 2), (9, 5, 2), (8, 4, 2), (8, 6, 2), (8, 5, 1), (8, 5, 3)}
    with pytest.raises(InputError, match="holds no voxel"):
        keep_sphere(array, (50, 5, 8), 3.0)


def test_an_empty_or_full_base_says_maximum_and_threshold():
    array = np.linspace(0, 0.7, 27, dtype=np.float32).reshape(3, 3, 3)
    with pytest.raises(InputError, match=r"empty: the maximum of the map is 0\.7, the threshold 0\.9"):
        binarize(array, 0.9)
    with pytest.raises(InputError, match="whole box"):
        binarize(array, -1)


def test_the_automatic_threshold_and_pieces():
    array = np.zeros((8, 8, 8), dtype=np.float32)
    array[1, 1, 1:4], array[6, 6, 6] = 5.0, 2.0
    assert automatic_threshold(array) == 1.0
    assert largest_piece_fraction(binarize(array, 1.0)) == 0.75


def test_negative_distances_are_refused():
    base = random_base()
    with pytest.raises(InputError, match="dilation is -1"):
        dilate(base, -1)
    with pytest.raises(InputError, match="padding is -1"):
        soft_edge(base, -1)


@pytest.mark.parametrize(("padding_px", "warns"), [(13, False), (12, False), (11.9, True), (5, True)])
def test_thin_padding_is_noticed(padding_px: float, warns: bool):
    warning = padding_warning(padding_px, 3.55, 1.4)  # 12.68 px; the published guide itself rounds it to 13 and to 12
    assert (warning is not None) == warns
    assert not warns or (warning is not None and "12.7 px" in warning)


def test_near_and_far_are_lengths():
    base = np.zeros((31, 31, 31), dtype=bool)
    base[15, 15, 15] = True
    loose, tight = near_far_masks(base, 3.0, (9.0, 30.0), (3.0, 9.0))
    along = loose.array[15, 15, 15:]
    assert (along[:4] == 1).all() and (along[10:] == 0).all()
    assert along[5] == pytest.approx(0.5 + 0.5 * np.cos(np.pi * 6 / 21))
    assert tight.array[15, 15, 17] == pytest.approx(0.5)


def test_the_base_of_automatic_masks_ignores_noise():
    n = 48
    radius = np.sqrt(sum((axis - n // 2) ** 2 for axis in np.mgrid[:n, :n, :n]))
    noise = np.random.default_rng(4).standard_normal((n, n, n))
    base = smooth_base(Volume((radius < 14) + 0.5 * noise, 4.0), 0.5)
    assert (base == (radius < 14))[np.abs(radius - 14) > 3].mean() > 0.999
    with pytest.raises(InputError, match="no positive density"):
        smooth_base(Volume(np.zeros((8, 8, 8)), 4.0), 0.5)


@pytest.mark.parametrize("box_px", [20, 21])
def test_the_sphere_is_about_the_centre_voxel(box_px: int):
    mask = spherical_mask(box_px, 1.0)
    assert isinstance(mask, Mask)
    assert np.allclose(mask.center_xyz_px, box_px // 2, atol=1e-5)
    assert mask.array[0].max() == 0
