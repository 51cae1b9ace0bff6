"""Cuts of the non-uniform filter as a picture."""

import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.plots.encode import unpack_image
from triskelion.plots.nonuniform_cut import collect_nonuniform_cut, draw
from triskelion.plots.slices import PLANES

BOX_PX = 16


def make_cuts() -> tuple[Volume, Mask]:
    """5 Å in the lower half of the mask and 10 Å in the upper, 30 Å outside."""
    cut_A, mask = np.full((BOX_PX,) * 3, 30.0), np.zeros((BOX_PX,) * 3)
    mask[4:12, 4:12, 4:12] = 1
    cut_A[4:8, 4:12, 4:12], cut_A[8:12, 4:12, 4:12] = 5.0, 10.0
    return Volume(cut_A, 2.0), Mask(mask, 2.0)


def test_values_survive_and_only_those_inside_the_mask_are_typical():
    cuts, mask = make_cuts()
    data = collect_nonuniform_cut(cuts, mask)
    assert data["percentiles_10_50_90_A"] == [5.0, 7.5, 10.0]
    assert data["range_A"] == [5.0, 30.0]
    x, y, z = data["through_xyz_px"]
    for plane, expected in {"xy": cuts.array[z], "xz": cuts.array[:, y], "yz": cuts.array[:, :, x]}.items():
        np.testing.assert_allclose(np.exp(unpack_image(data["ln_cut"][plane])), expected, rtol=0.01)


def test_fine_cuts_are_bright_and_colours_one_scale():
    cuts, mask = make_cuts()
    panels = draw(collect_nonuniform_cut(cuts, mask)).axes[: len(PLANES)]
    (image,) = panels[1].images
    assert {axes.images[0].get_clim() for axes in panels} == {(5.0, 30.0)}
    lightness = lambda cut_A: image.cmap(image.norm(cut_A))[1]
    assert lightness(5.0) > lightness(10.0) > lightness(30.0)


def test_one_cut_everywhere_is_drawn_too():
    _, mask = make_cuts()
    draw(collect_nonuniform_cut(Volume(np.full((BOX_PX,) * 3, 30.0), 2.0), mask)).draw_without_rendering()
    with pytest.raises(InputError, match="the map of cuts has box 8 px"):
        collect_nonuniform_cut(Volume(np.ones((8, 8, 8)), 2.0), mask)
