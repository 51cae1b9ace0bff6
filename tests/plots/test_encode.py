import base64
import json

import numpy as np
import pytest

from triskelion.plots.encode import largest_edge_px, missing_to_nan, pack_image, round_number, round_numbers, shrink_image, unpack_image


def test_numbers_keep_six_digits_and_lose_what_json_has_not():
    assert round_number(3.14159265) == 3.14159
    assert round_number(-1.23456789e-12) == -1.23457e-12
    assert [round_number(v) for v in (None, float("nan"), float("inf"))] == [None] * 3
    assert round_numbers(np.array([[1, np.nan], [2, 3]])) == [[1.0, None], [2.0, 3.0]]
    np.testing.assert_array_equal(missing_to_nan([1, None]), [1, np.nan])


def test_an_image_comes_back_within_half_a_level():
    image = np.random.default_rng(0).normal(size=(11, 7))
    packed = json.loads(json.dumps(pack_image(image, 20)))
    assert np.abs(unpack_image(packed) - image).max() <= (image.max() - image.min()) / 510 * (1 + 1e-9)


def test_bytes_lie_row_by_row():
    packed = pack_image([[0, 51], [102, 255]], 10)
    assert list(base64.b64decode(packed["uint8"])) == [0, 51, 102, 255]
    assert (packed["shape"], packed["lo"], packed["hi"]) == ([2, 2], 0, 255)


def test_a_flat_image_stays_flat():
    np.testing.assert_array_equal(unpack_image(pack_image(np.full((3, 3), 2.5), 10)), 2.5)


@pytest.mark.parametrize(("n", "edge"), [(12, 4), (13, 5), (380, 212)])
def test_shrinking_averages(n, edge):
    image = np.random.default_rng(1).normal(size=(n, n))
    small = shrink_image(image, edge)
    assert small.shape == (edge, edge)
    np.testing.assert_allclose(small.mean(), image.mean(), atol=1e-12)
    if n % edge == 0:
        np.testing.assert_allclose(small, image.reshape(edge, n // edge, edge, n // edge).mean((1, 3)))


def test_shrinking_leaves_small_images_alone():
    image = np.eye(5)
    assert shrink_image(image, 5) is image


@pytest.mark.parametrize("n_images", [1, 3, 6, 16])
def test_the_largest_images_fit_the_budget(n_images):
    edge = largest_edge_px(n_images)
    text = json.dumps([pack_image(np.random.default_rng(0).normal(size=(400, 400)), edge)] * n_images)
    assert 150_000 < len(text) < 200_000
