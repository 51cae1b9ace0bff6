"""Colours and numbers of regions: every label comes back, every view shows what is in front and is no mirror image."""

import numpy as np
import pytest

from triskelion.data.volume import Volume
from triskelion.plots import region_slices, region_views
from triskelion.plots.region_images import find_frame, list_largest, pack_labels, region_colors, unpack_labels


def make_labels(box_px: int = 20) -> np.ndarray:
    """Region 7 at low x, y, z; region 9, smaller, further along x, y and z."""
    labels = np.zeros((box_px,) * 3, dtype=np.int32)
    labels[5:11, 5:11, 5:11] = 7
    labels[11:14, 8:11, 7:11] = 9
    return labels


@pytest.mark.parametrize("edge_px", [4, 13, 20, 100])
def test_labels_survive_packing(edge_px):
    image = make_labels()[12] + make_labels()[6]
    places = unpack_labels(pack_labels(image, [7, 9], edge_px))
    assert max(places.shape) == min(edge_px, 20)
    assert set(np.unique(places)) <= {0, 1, 2, 3}
    if edge_px >= 20:
        np.testing.assert_array_equal(places, np.select([image == 7, image == 9, image > 0], [1, 2, 3]))


def test_the_largest_come_first_and_a_byte_numbers_all():
    assert list_largest(make_labels()) == [7, 9]
    many = np.arange(27_000).reshape(30, 30, 30) % 600
    regions = list_largest(many)
    assert len(regions) == 250
    places = unpack_labels(pack_labels(many[3], regions, 30))
    assert places.max() == 251


def test_colours_of_neighbours_in_the_list_differ():
    colors = region_colors(60)[1:-1]
    apart = np.linalg.norm(colors[:, None] - colors[None], axis=2)[np.triu_indices(60, 1)]
    assert apart.min() > 0.02
    assert np.linalg.norm(np.diff(colors, axis=0), axis=1).min() > 0.3


def test_the_frame_holds_all_regions():
    frame = find_frame(make_labels())
    assert [(low <= 5, high >= top) for (low, high), top in zip(frame, (11, 11, 14))] == [(True, True)] * 3
    assert find_frame(np.zeros((5, 5, 5))) == [[0, 5]] * 3


def test_views_show_what_is_in_front():
    labels = make_labels()
    data = region_views.collect_region_views(labels, Volume((labels > 0).astype(np.float32), 2.0), {9: "arm"})
    (x0, _), (y0, _), (z0, _) = data["frame_xyz_px"]
    seen = {plane: unpack_labels(packed) for plane, packed in data["places"].items()}
    # rows are up, columns to the right
    assert seen["xy"][9 - y0, 8 - x0] == 2  # from above region 9 hides region 7
    assert seen["xy"][6 - y0, 6 - x0] == 1
    assert seen["xz"][12 - z0, 8 - x0] == 2
    assert seen["xz"][8 - z0, 8 - x0] == 1
    assert seen["yz"][12 - z0, 9 - y0] == 2
    assert data["names"] == {"9": "arm"}


def test_xz_is_seen_from_low_y():
    labels = np.zeros((10, 10, 10), dtype=np.int32)
    labels[4:6, 2, 4:6], labels[4:6, 7, 4:6] = 1, 2
    density = Volume((labels > 0).astype(np.float32), 2.0)
    data = region_views.collect_region_views(labels, density, {})
    assert set(np.unique(unpack_labels(data["places"]["xz"]))) == {0, data["regions"].index(1) + 1}


def test_numbers_stand_on_their_regions():
    labels = make_labels()
    data = region_slices.collect_region_slices(labels, Volume((labels > 0).astype(np.float32), 2.0), {})
    axes = region_slices.draw(data).axes[0]
    z = data["through_xyz_px"][2]
    assert {text.get_text() for text in axes.texts} == {str(region) for region in np.unique(labels[z])[1:]}
    for text in axes.texts:
        x, y = np.rint(text.get_position()).astype(int)
        assert labels[z, y, x] == int(text.get_text())
