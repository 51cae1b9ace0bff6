"""On coarser voxels everything stays where it was, and the rest of a particle finds the same poses."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import PIXEL_A, make_means, make_scene

from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.imaging.noise import image_noise
from triskelion.imaging.subtraction import predict_images
from triskelion.kernels import cpu
from triskelion.refine import coarse_grid, rest
from triskelion.refine.coarse_grid import choose_coarse_box_px, coarsen, refine_noise

BOX_PX, FINEST_A = 48, 24.0  # of a Nyquist resolution of 12 Å


@pytest.fixture(scope="module")
def scene():
    return make_scene(80, 0.2, box_px=BOX_PX)


def explained(inputs):
    """Share of the images' power, up to ``FINEST_A``, that the half map of each explains at its pose."""
    images, start = inputs.images, inputs.start
    rows = np.flatnonzero(start.half_set == 0)
    block = images.load(rows)
    volume = prepare_slices(start.half_maps[0], int(images.disc.shell[-1]))
    predicted = predict_images(block, volume, start.rotations[rows], start.shifts_px[rows], cpu.slice).numpy()
    inside = (images.disc.shell > 0) & (images.disc.shell <= BOX_PX * PIXEL_A / FINEST_A - 1)
    found, given = predicted[:, inside], block.coefficients.numpy()[:, inside]
    return (found.conj() * given).sum().real ** 2 / (np.abs(found) ** 2).sum() / (np.abs(given) ** 2).sum()


def test_maps_and_poses_explain_images_as_well_as_before(scene):
    inputs = scene.inputs()
    coarse = coarsen(inputs, FINEST_A)
    assert coarse.images.grid.box_px < 0.8 * BOX_PX
    assert coarse.images.grid.box_px * coarse.images.grid.pixel_size_A == pytest.approx(BOX_PX * PIXEL_A)
    assert explained(inputs) > 0.8
    assert explained(coarse) == pytest.approx(explained(inputs), abs=0.005)


def test_masks_and_fulcrum_stay_in_place(scene):
    coarse = coarsen(scene.inputs(), FINEST_A)
    finer = BOX_PX / coarse.images.grid.box_px
    assert coarse.domain.mask.min() >= 0 and coarse.domain.mask.max() <= 1
    assert coarse.domain.mask.sum() * finer**3 == pytest.approx(scene.domain.mask.sum(), rel=0.06)  # ringing below 0 is cut off
    np.testing.assert_allclose(coarse.domain.fulcrum_xyz_px * finer, scene.domain.fulcrum_xyz_px)
    np.testing.assert_allclose(coarse.domain.center_xyz_px * finer, scene.domain.center_xyz_px, atol=finer)


def test_nothing_changes_where_it_would_save_too_little_or_images_are_made_for_their_grid(scene):
    inputs = scene.inputs()
    assert choose_coarse_box_px(inputs.images.grid, 2 * PIXEL_A) == BOX_PX
    assert coarsen(inputs, 2 * PIXEL_A) is inputs
    controlled = replace(inputs, images=replace(inputs.images, change=lambda rows, images: images))
    assert coarsen(controlled, FINEST_A) is controlled


def test_noise_comes_back_to_the_grid_of_the_images(scene):
    inputs, rows = scene.inputs(), np.arange(80)
    coarse = coarsen(inputs, FINEST_A)
    expected = image_noise(inputs.images, rows)
    found = refine_noise(image_noise(coarse.images, rows), coarse.images.grid.box_px, expected, BOX_PX)
    assert found.shape == expected.shape
    last = coarse.images.disc.shell[-1]
    np.testing.assert_allclose(found[:, 2 : last - 2], expected[:, 2 : last - 2], rtol=0.1)


def test_the_rest_finds_the_same_poses(scene, monkeypatch):
    monkeypatch.setattr(rest, "FINEST_A", FINEST_A)
    coarse = rest.refine_rest(scene.inputs(), make_means())
    monkeypatch.setattr(coarse_grid, "LARGEST_FRACTION", 0.0)
    fine = rest.refine_rest(scene.inputs(), make_means())
    moved = np.median(rotation_difference_deg(fine.rotations, scene.start.rotations))
    apart = np.median(rotation_difference_deg(coarse.rotations, fine.rotations))
    assert apart < 0.25 * moved
    assert np.median(np.linalg.norm(coarse.shifts_px - fine.shifts_px, axis=1)) < 0.1
    half, other = coarse.half_maps[0], fine.half_maps[0]
    assert half.shape == other.shape
    assert np.corrcoef(half.ravel(), other.ravel())[0, 1] > 0.98
