"""A bright voxel must stand where the cross-hair of its own position points, in every plane."""

import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.plots import before_after, fourier_slices, map_slices, mask_slices, sample_images, subtracted_images
from triskelion.plots.encode import unpack_image
from triskelion.plots.slices import PLANES, cut_slices, grey_levels, slice_position

POINT_XYZ = (3, 8, 13)


def make_point(box_px: int = 17) -> np.ndarray:
    array = np.zeros((box_px,) * 3)
    x, y, z = POINT_XYZ
    array[z, y, x] = 1
    return array


def test_a_point_lies_at_its_coordinates_in_every_plane():
    for plane, image in cut_slices(make_point(), POINT_XYZ).items():
        right, up, _ = PLANES[plane]
        assert np.unravel_index(image.argmax(), image.shape) == (POINT_XYZ[up], POINT_XYZ[right])
        assert image.max() == 1


def test_position_is_the_box_centre_or_the_nearest_voxel_inside():
    assert slice_position(None, 16) == [8, 8, 8]
    assert slice_position((2.6, -4, 99), 16) == [3, 0, 15]


def test_the_drawn_cross_hair_meets_the_drawn_point():
    data = map_slices.collect_map_slices({"map": Volume(make_point(), 2.0)}, fulcrum_xyz_px=POINT_XYZ, through_xyz_px=POINT_XYZ)
    figure = map_slices.draw(data)
    for axes in figure.axes:
        vertical, horizontal = axes.lines[:2]
        right, up = vertical.get_xdata()[0], horizontal.get_ydata()[0]
        image = axes.images[0]
        left, last_right, bottom, top = image.get_extent()
        pixels = image.get_array()
        row, column = np.unravel_index(pixels.argmax(), pixels.shape)
        assert right == pytest.approx(left + (column + 0.5) * (last_right - left) / pixels.shape[1])
        assert up == pytest.approx(bottom + (row + 0.5) * (top - bottom) / pixels.shape[0])


def test_maps_on_different_grids_are_refused():
    small, large = Volume(np.ones((8, 8, 8)), 2.0), Volume(np.ones((9, 9, 9)), 2.0)
    with pytest.raises(InputError, match="first has box 8 px"):
        map_slices.collect_map_slices({"first": small, "second": large})
    with pytest.raises(InputError, match="the mask has box 8 px"):
        mask_slices.collect_mask_slices(Mask(small.array, 2.0), large)


def test_mask_slices_go_through_the_mask(volume, mask):
    data = mask_slices.collect_mask_slices(mask, volume)
    assert data["through_xyz_px"] == np.rint(mask.center_xyz_px).tolist()
    for plane in PLANES:
        assert unpack_image(data["mask"][plane]).max() > 0.9


def test_the_mask_outline_lies_at_one_half(volume, mask):
    data = mask_slices.collect_mask_slices(mask, volume)
    figure = mask_slices.draw(data)
    _, _, z = data["through_xyz_px"]
    paths = [c.get_paths()[0].vertices for c in figure.axes[0].collections if c.levels[0] == 0.5]
    assert len(paths) == 1
    right, up = np.rint(paths[0]).astype(int).T
    assert np.abs(mask.array[z, up, right] - 0.5).max() < 0.2  # the mask changes by 0.4 a voxel there


def test_empty_maps_are_drawn_without_a_warning():
    empty = Volume(np.zeros((8, 8, 8)), 2.0)
    map_slices.draw(map_slices.collect_map_slices({"map": empty})).draw_without_rendering()
    fourier_slices.draw(fourier_slices.collect_fourier_slices(empty)).draw_without_rendering()


def test_grey_levels_span_the_density():
    image = np.concatenate([np.linspace(-1, 1, 1000), [50.0]])
    black, white = grey_levels([image])
    assert 0.9 < white < 1.1
    assert -0.36 < black < 0


def test_fourier_slices_show_a_wave_at_its_frequency():
    n, pixel_size_A, shell = 16, 2.0, 3
    y = np.mgrid[:n, :n, :n][1]
    data = fourier_slices.collect_fourier_slices(Volume(np.cos(2 * np.pi * shell * y / n), pixel_size_A), resolution_A=8.0)
    for plane, axis in (("xy", 0), ("yz", 1)):
        image = unpack_image(data["log10_amplitude"][plane])
        place = np.argwhere(image > image.max() - 0.01) - n // 2
        expected = np.zeros((2, 2), dtype=int)
        expected[:, axis] = (-shell, shell)
        np.testing.assert_array_equal(place, expected)
        # a wave of amplitude 1 puts n^3 / 2 into two coefficients, of which ortho leaves n^1.5 / 2
        assert image.max() == pytest.approx(np.log10(n**1.5 / 2), abs=1e-3)
    drawn = fourier_slices.draw(data).axes[0].patches[0]
    assert drawn.get_radius() == pytest.approx(1 / 8.0)


def test_before_and_after_share_grey_levels_and_show_the_domain(volume, mask):
    maps = {"consensus": Volume(0.5 * volume.array, volume.pixel_size_A), "refined": volume}
    data = before_after.collect_before_after(maps, mask=mask)
    assert data["crop_px"] < volume.box_px
    for plane in before_after.SHOWN:
        half, full = (unpack_image(data["slices"][label][plane]) for label in maps)
        np.testing.assert_allclose(half, 0.5 * full, atol=0.01)
        mask_slice = unpack_image(data["mask"][plane])
        assert mask_slice.shape == full.shape
        assert mask_slice.max() > 0.9
    images = [image for axes in before_after.draw(data).axes for image in axes.images]
    assert len({image.get_clim() for image in images}) == 1


def test_before_and_after_without_a_mask_show_the_whole_box(volume):
    data = before_after.collect_before_after({"one": volume, "two": volume}, fsc={"one": [1, 0.5, 0], "two": [1, 0.7, 0.2]})
    n = volume.box_px
    np.testing.assert_allclose(unpack_image(data["slices"]["one"]["xz"]), volume.array[:, n // 2], atol=volume.array.max() / 400)
    assert data["fsc"] == {"one": [1, 0.5, 0], "two": [1, 0.7, 0.2]}
    np.testing.assert_allclose(data["frequency_per_A"], np.arange(3) / (n * volume.pixel_size_A), rtol=1e-5)


def test_sample_images_are_the_first_eight_raw_and_smoothed():
    n, pixel_size_A = 32, 5.0
    wave = np.cos(2 * np.pi * 8 * np.arange(n) / n)  # a period of 4 px: 20 Å
    images = np.arange(1, 11)[:, None, None] * (3 + np.broadcast_to(wave, (n, n)))
    data = sample_images.collect_sample_images(images, pixel_size_A)
    assert data["low_pass_A"] == 20
    assert len(data["raw"]) == len(data["low_pass"]) == 8
    for i, (raw, smooth) in enumerate(zip(data["raw"], data["low_pass"])):
        np.testing.assert_allclose(unpack_image(raw), images[i], atol=0.01 * (i + 1))
        np.testing.assert_allclose(unpack_image(smooth), (i + 1) * (3 + 0.5 * np.broadcast_to(wave, (n, n))), atol=0.01 * (i + 1))


def test_what_was_subtracted_and_what_is_left_add_up_to_the_image():
    before, removed = np.random.default_rng(1).normal(size=(2, 3, 32, 32))
    data = subtracted_images.collect_subtracted_images(before, removed, 5.0)
    assert data["low_pass_A"] == 30
    for i in range(3):
        shown = {name: unpack_image(data[name][i]) for name in subtracted_images.ROWS}
        np.testing.assert_allclose(shown["removed"] + shown["after"], shown["before"], atol=0.02 * np.abs(shown["before"]).max())


def test_coarse_images_are_smoothed_over_pixels_they_have():
    assert sample_images.collect_sample_images(np.ones((1, 8, 8)), 12.0)["low_pass_A"] == 48
