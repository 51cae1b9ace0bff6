"""Map in, map out: places stay, densities stay."""

import numpy as np
import pytest
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import gaussian_blur
from triskelion.maps import edit


def delta(box_px: int, xyz_px, pixel_size_A: float = 2.0) -> Volume:
    array = np.zeros((box_px,) * 3, dtype=np.float32)
    array[tuple(xyz_px[::-1])] = 1
    return Volume(array, pixel_size_A)


def place_of_maximum(volume: Volume) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(volume.array.argmax(), volume.array.shape)[::-1])


@pytest.mark.parametrize("box_px", [20, 21])
def test_the_mirror_image_keeps_the_centre_and_returns_after_two(box_px: int):
    center = box_px // 2
    flipped = edit.flip_hand(delta(box_px, (center + 4, 5, 3)))
    assert place_of_maximum(flipped) == (center - 4, 5, 3)
    noise = Volume(np.random.default_rng(1).standard_normal((box_px,) * 3), 2.0)
    assert np.array_equal(edit.flip_hand(edit.flip_hand(noise)).array, noise.array)


def test_rescaling_keeps_the_field_of_view_and_cropping_the_pixel():
    volume = delta(20, (10, 10, 10))
    rescaled = edit.rescale_map(volume, 30)
    assert rescaled.pixel_size_A * 30 == pytest.approx(40)
    assert place_of_maximum(rescaled) == (15, 15, 15)
    cropped = edit.crop_map(volume, 13)
    assert cropped.pixel_size_A == 2.0 and place_of_maximum(cropped) == (6, 6, 6)


def test_points_move_with_the_grid():
    source = delta(20, (12, 7, 9))
    target = edit.crop_map(edit.rescale_map(source, 40), 31)
    assert tuple(edit.move_point_to_grid((12, 7, 9), source, target)) == place_of_maximum(target)


def test_invert_mask_and_sphere():
    volume = delta(12, (4, 5, 6))
    assert edit.invert(volume).array.min() == -1
    mask = Mask(np.full((12,) * 3, 0.5), 2.0)
    assert edit.apply_mask(volume, mask).array.max() == 0.5
    assert edit.keep_sphere_of_map(volume, (4, 5, 4), 3.9).array.max() == 0
    assert edit.keep_sphere_of_map(volume, (4, 5, 4), 4.0).array.max() == 1


def test_the_relative_scale_is_that_of_what_both_maps_show():
    rng = np.random.default_rng(2)
    coarse = edit.lowpass_map(Volume(rng.standard_normal((24,) * 3), 6.0), 60.0)
    fine = Volume(coarse.array / 3 + 0.1 * coarse.array.std() * rng.standard_normal(coarse.array.shape), 6.0)
    assert edit.relative_scale(fine, coarse) == pytest.approx(3, rel=0.03)
    assert edit.relative_scale(Volume(np.zeros((24,) * 3), 6.0), coarse) == 1


def test_a_point_outside_the_box_is_refused():
    edit.require_inside((0, 11, 5), delta(12, (1, 1, 1)), "the fulcrum")
    with pytest.raises(InputError, match=r"the fulcrum is 0,11\.5,5 px, outside the box of 12 px"):
        edit.require_inside((0, 11.5, 5), delta(12, (1, 1, 1)), "the fulcrum")


@pytest.mark.parametrize("sigma_A", [1.0, 3.0, 5.0, 12.0, 14.0])
def test_a_blur_in_real_space_is_that_by_transforms(sigma_A: float):
    """2 Å a pixel: 1.5 to 6 px are blurred in real space, at the edge of the box too."""
    noise = Volume(np.random.default_rng(2).standard_normal((31, 31, 31)).astype(np.float32), 2.0)
    blurred = edit.blur_map(noise, sigma_A).array
    wanted = gaussian_blur(torch.from_numpy(noise.array), 2.0, sigma_A).numpy()
    assert blurred.dtype == np.float32
    np.testing.assert_allclose(blurred, wanted, atol=1e-3 * wanted.std())
