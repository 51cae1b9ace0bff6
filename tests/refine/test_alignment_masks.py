"""What poses are found with: the mask, a part of it that is given, or what has density; and extents that follow the poses."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.refine.scene import BOX_PX, PIXEL_A, SETTINGS, Scene, make_means, make_scene

from triskelion.conventions import box_center_px
from triskelion.data.volume import Mask
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.refine.domain import Domain
from triskelion.refine.local import LocalRefinement
from triskelion.refine.state import IterationResult, Settings

N, NOISE_SD, SMALL_EXTENT_DEG = 120, 0.4, 3.0


def scene() -> Scene:
    return make_scene(N, NOISE_SD)


@cache
def refine(settings: Settings, alignment_half: bool = False) -> tuple[LocalRefinement, list[IterationResult]]:
    """The head in a few iterations; ``alignment_half``: references are cut with half of its mask."""
    inputs = scene().inputs(settings)
    if alignment_half:
        inputs = replace(inputs, domain=replace(inputs.domain, alignment_mask=half_of_mask()))
    refinement = LocalRefinement(inputs, make_means())
    return refinement, list(refinement.iterate())


def half_of_mask() -> np.ndarray:
    """The mask of the head where it is next to the body."""
    domain = scene().domain
    half = domain.mask.copy()
    half[:, :, int(domain.center_xyz_px[0]) + box_center_px(BOX_PX) :] = 0
    return half


def test_of_an_alignment_mask_counts_what_lies_inside_the_mask():
    mask = scene().domain.mask
    fulcrum = scene().domain.fulcrum_xyz_px + box_center_px(BOX_PX)
    everywhere = Domain.of_mask(Mask(mask, PIXEL_A), fulcrum, Mask(np.ones_like(mask), PIXEL_A))
    half = Domain.of_mask(Mask(mask, PIXEL_A), fulcrum, Mask((half_of_mask() > 0).astype(np.float32), PIXEL_A))
    np.testing.assert_array_equal(everywhere.aligned_part, mask)
    np.testing.assert_array_equal(half.aligned_part, half_of_mask())
    np.testing.assert_array_equal(half.center_xyz_px, everywhere.center_xyz_px)


def test_references_are_cut_with_the_alignment_mask():
    """Poses are those of that half of the head alone; the FSC is still that of the whole mask."""
    (whole, (of_whole, _)), (half, (of_half, _)) = refine(SETTINGS), refine(SETTINGS, alignment_half=True)
    np.testing.assert_array_equal(half.alignment_mask, half.domain.cut(half_of_mask(), half.grid.box_px))
    np.testing.assert_array_equal(half.mask, whole.mask)
    assert np.median(rotation_difference_deg(of_whole.rotations, of_half.rotations)) > 2
    assert of_half.rotation_sd_deg.mean() > of_whole.rotation_sd_deg.mean()


@pytest.mark.parametrize("alignment_half", [False, True])
def test_a_dynamic_mask_is_a_part_of_the_mask_that_was_given(alignment_half):
    refinement, _ = refine(replace(SETTINGS, dynamic_mask=True), alignment_half)
    given = refinement.domain.cut(refinement.domain.aligned_part, refinement.grid.box_px)
    assert (refinement.alignment_mask <= given).all()
    assert 0.2 * given.sum() < refinement.alignment_mask.sum() < 0.98 * given.sum()


def test_a_dynamic_mask_is_where_the_map_has_density_and_both_halves_know_it():
    refinement, (*_, last) = refine(replace(SETTINGS, dynamic_mask=True))
    density = (last.half_maps[0] + last.half_maps[1]) / 2
    left_out = (refinement.mask > 0.5) & (refinement.alignment_mask < 0.1)
    kept = refinement.alignment_mask > 0.5
    assert left_out.any()
    assert density[kept].mean() > 3 * abs(density[left_out].mean())
    assert {"domain.alignment_mask.1", "domain.alignment_mask.2"} <= refinement.means.shared.settled.keys()


def test_a_dynamic_mask_is_in_the_state():
    refinement, _ = refine(replace(SETTINGS, dynamic_mask=True))
    again = LocalRefinement(refinement.inputs, make_means())
    assert not np.array_equal(again.alignment_mask, refinement.alignment_mask)
    again.restore(refinement.state())
    np.testing.assert_array_equal(again.alignment_mask, refinement.alignment_mask)


@pytest.mark.parametrize("recenter", [False, True])
def test_extents_follow_the_poses_where_that_is_wanted(recenter):
    """The head hinges by 6° per axis: with extents of 3° it comes to its true poses only if the extents come along."""
    refinement, results = refine(replace(SETTINGS, rotation_extent_deg=SMALL_EXTENT_DEG, recenter=recenter))
    last = results[-1]
    assert len(results) == 2
    assert results[0].turn_deg.max() <= SMALL_EXTENT_DEG + 1e-6
    assert bool(last.turn_deg.max() > 1.5 * SMALL_EXTENT_DEG) is recenter
    # what has changed is counted from the first consensus, whatever the extents do
    np.testing.assert_allclose(last.turn_deg, rotation_difference_deg(scene().start.consensus_rotations, last.rotations), atol=1e-4)
    about = last.rotations if recenter else scene().start.consensus_rotations
    np.testing.assert_array_equal(refinement.prior.consensus_rotations, about)


def test_a_pose_moves_by_no_more_than_the_extent_in_each_iteration():
    _, (first, second) = refine(replace(SETTINGS, rotation_extent_deg=SMALL_EXTENT_DEG, recenter=True))
    assert rotation_difference_deg(first.rotations, second.rotations).max() <= SMALL_EXTENT_DEG + 1e-4
    np.testing.assert_array_equal(first.prior_rotation_sd_deg, second.prior_rotation_sd_deg)
