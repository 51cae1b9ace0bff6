"""Rescaling and cropping keep places and densities, for odd and even boxes."""

import math

import numpy as np
import pytest
import torch

from triskelion.errors import InputError
from triskelion.fourier.resample import crop_or_pad, resample_volume, rescale_images, rescale_volumes

FIELD_A = 60.0
BOXES = [(30, 40), (31, 40), (30, 41), (31, 41), (40, 30), (40, 31), (41, 30), (41, 31)]


def gaussian_in_A(box_px: int, place_xyz_A, sigma_A: float, dimensions: int) -> torch.Tensor:
    """A Gaussian of height 1 at a place (Å from the box centre), sampled on ``box_px`` voxels over 60 Å."""
    pixel_size_A = FIELD_A / box_px
    axes = [(torch.arange(box_px, dtype=torch.float64) - box_px // 2) * pixel_size_A - place for place in place_xyz_A[:dimensions]]
    factors = [torch.exp(-(axis**2) / (2 * sigma_A**2)) for axis in axes]
    product = factors[0]
    for factor in factors[1:]:
        product = factor.reshape(-1, *[1] * product.ndim) * product
    return product


@pytest.mark.parametrize(("old_px", "new_px"), BOXES)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_gaussian_stays_where_it_is(old_px: int, new_px: int, dimensions: int):
    rescale = rescale_images if dimensions == 2 else rescale_volumes
    place = (3.1, -4.7, 2.2)
    moved = rescale(gaussian_in_A(old_px, place, 4.0, dimensions), new_px)
    assert moved.shape == (new_px,) * dimensions
    assert torch.allclose(moved, gaussian_in_A(new_px, place, 4.0, dimensions), atol=1e-6)


@pytest.mark.parametrize(("old_px", "new_px"), [(12, 17), (13, 18), (12, 18), (13, 17)])
def test_there_and_back_returns_everything_below_nyquist(old_px: int, new_px: int):
    image = torch.from_numpy(np.random.default_rng(2).standard_normal((2, old_px, old_px)))
    image = rescale_images(rescale_images(image, old_px - 1), old_px)  # without the Nyquist line
    assert torch.allclose(rescale_images(rescale_images(image, new_px), old_px), image, atol=1e-12)


def test_the_mean_is_kept_and_the_same_box_changes_nothing():
    volume = torch.from_numpy(np.random.default_rng(3).standard_normal((10, 10, 10)))
    assert rescale_volumes(volume, 7).mean() == pytest.approx(float(volume.mean()))
    assert torch.equal(rescale_volumes(volume, 10), volume)


@pytest.mark.parametrize(("old_px", "new_px"), BOXES)
def test_cropping_keeps_the_centre_voxel(old_px: int, new_px: int):
    image = torch.zeros(3, old_px, old_px)
    image[:, old_px // 2 + 2, old_px // 2 - 3] = 1
    cropped = crop_or_pad(image, new_px, dimensions=2)
    assert cropped.sum() == 3
    assert (cropped[:, new_px // 2 + 2, new_px // 2 - 3] == 1).all()


def test_padding_fills_and_cropping_back_returns():
    volume = torch.arange(5.0**3).reshape(5, 5, 5)
    padded = crop_or_pad(volume, 8, fill=-1.0)
    assert padded[0, 0, 0] == -1
    assert math.isclose(float((padded == -1).sum()), 8**3 - 5**3)
    assert torch.equal(crop_or_pad(padded, 5), volume)


def test_no_box_is_refused():
    with pytest.raises(InputError, match="at least 2"):
        rescale_images(torch.zeros(4, 4), 0)


@pytest.mark.parametrize(("old_px", "new_px"), BOXES)
def test_any_grid_with_the_same_field_of_view_is_rescaling(old_px: int, new_px: int):
    volume = torch.from_numpy(np.random.default_rng(5).standard_normal((old_px,) * 3))
    assert torch.allclose(resample_volume(volume, new_px, old_px / new_px), rescale_volumes(volume, new_px), atol=1e-9)


@pytest.mark.parametrize(("box_px", "pixel_A"), [(24, 2.3), (37, 1.7), (64, 1.5), (20, 1.5)])
def test_a_gaussian_stays_where_it_is_on_any_grid(box_px: int, pixel_A: float):
    place = (3.1, -4.7, 2.2)
    moved = resample_volume(gaussian_in_A(40, place, 4.0, 3), box_px, pixel_A / (FIELD_A / 40))
    axes = [(torch.arange(box_px, dtype=torch.float64) - box_px // 2) * pixel_A - x for x in place]
    truth = torch.exp(-(axes[2][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[0] ** 2) / 32)
    # the old box ends 30 Å from its centre
    assert torch.allclose(moved, truth, atol=2e-6)
