"""Refinement at its limits: nothing to go by, one extent 0, a handful of particles, rows in another order, masks that touch the edge."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import BOX_PX, PIXEL_A, SETTINGS, Scene, draw_poses, make_means, make_scene

from triskelion.data.volume import Mask
from triskelion.errors import InputError
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotation_difference_deg, rotvec_to_matrix
from triskelion.imaging.forward import phase_of_shift
from triskelion.kernels import cpu
from triskelion.refine.back_projection import PoseCloud
from triskelion.refine.domain import Domain
from triskelion.refine.local import LocalRefinement
from triskelion.refine.state import IterationResult

WINDOWED_PX = 48  # a box large enough for a window


def refine(scene: Scene, **changes) -> tuple[LocalRefinement, IterationResult]:
    refinement = LocalRefinement(scene.inputs(replace(SETTINGS, **changes)), make_means())
    *_, result = refinement.iterate()
    return refinement, result


def draw_cloud_in_box(refinement: LocalRefinement) -> PoseCloud:
    """Poses of the next iteration's half maps, about the box centre."""
    return refinement._draw(3, refinement.all_rows, refinement.rotations, refinement.centers_px, refinement.covariance).in_box(
        refinement.images.offsets_px, refinement.domain.center_xyz_px
    )


@pytest.mark.parametrize("box_px", [BOX_PX, WINDOWED_PX])
@pytest.mark.parametrize(("held", "rotation_extent_deg", "shift_extent_A"), [("rotation", 0.0, 12.0), ("shift", 20.0, 0.0)])
def test_what_is_not_searched_neither_moves_nor_is_drawn(held, rotation_extent_deg, shift_extent_A, box_px):
    refinement, result = refine(make_scene(20, box_px=box_px), rotation_extent_deg=rotation_extent_deg, shift_extent_A=shift_extent_A)
    cloud, start, fulcrum = draw_cloud_in_box(refinement), refinement.start, refinement.domain.fulcrum_xyz_px
    turn = rotation_difference_deg(np.broadcast_to(start.rotations, cloud.rotations.shape), cloud.rotations)
    move = image_of_point(cloud.rotations, cloud.shifts_px, fulcrum) - image_of_point(start.rotations, start.shifts_px, fulcrum)
    if held == "rotation":
        assert turn.max() < 1e-6 and result.rotation_sd_deg.max() < 0.01
        assert np.abs(move).max() > 0.1
    else:
        assert np.abs(move).max() < 1e-6
        assert turn.max() > 1


def test_draws_stay_inside_the_extents_where_nothing_holds_them():
    rng = np.random.default_rng(1)
    scene = make_scene(20)
    refinement, _ = refine(scene.with_pixels(rng.standard_normal(scene.pixels.shape)), use_prior=False)
    cloud, start, fulcrum = draw_cloud_in_box(refinement), refinement.start, refinement.domain.fulcrum_xyz_px
    move = image_of_point(cloud.rotations, cloud.shifts_px, fulcrum) - image_of_point(start.rotations, start.shifts_px, fulcrum)
    assert rotation_difference_deg(np.broadcast_to(start.rotations, cloud.rotations.shape), cloud.rotations).max() < 20.001
    assert np.linalg.norm(move, axis=-1).max() < 12.001 / PIXEL_A


@pytest.mark.parametrize("use_prior", [True, False])
@pytest.mark.parametrize("n", [2, 3])
def test_a_handful_of_particles_is_enough_to_run(n, use_prior):
    _, result = refine(make_scene(n), use_prior=use_prior)
    assert np.isfinite(result.half_maps).all() and np.isfinite(result.rotations).all() and np.isfinite(result.log_posterior).all()


@pytest.mark.parametrize("box_px", [BOX_PX, WINDOWED_PX])
def test_the_order_of_the_table_does_not_matter(box_px):
    scene = make_scene(40, box_px=box_px)
    order = np.random.default_rng(2).permutation(40)
    # uniform filters: of so few particles the cut of a voxel follows the last digit of their sums
    (_, first), (_, second) = (refine(each, nonuniform=False) for each in (scene, scene.shuffled(order)))
    assert np.median(rotation_difference_deg(first.rotations[order], second.rotations)) < 0.01
    # sums in another order round differently, which may take one of 40 particles to another optimum
    assert second.curves.resolution_A() == pytest.approx(first.curves.resolution_A(), rel=0.01)


@pytest.mark.parametrize("box_px", [BOX_PX, WINDOWED_PX])
def test_alignment_never_goes_beyond_its_maximum_resolution(box_px):
    inputs = make_scene(20, box_px=box_px).inputs(replace(SETTINGS, max_align_resolution_A=40.0))
    refinement = LocalRefinement(inputs, make_means())
    assert all(result.limit_A >= 40 for result in refinement.iterate())


def test_half_maps_of_the_opposite_contrast_are_refused():
    scene = make_scene(40)
    half_a, half_b = scene.start.half_maps
    with pytest.raises(InputError, match="half maps are dark"):
        refine(replace(scene, start=replace(scene.start, half_maps=(-half_a, -half_b))))


def test_poses_are_at_the_consensus_each_for_itself():
    start = make_scene(20).start
    moved = start.rotations.copy()
    moved[3] = moved[3] @ rotvec_to_matrix([0.1, 0, 0])
    np.testing.assert_array_equal(replace(start, rotations=moved).is_at_consensus, np.arange(20) != 3)


def test_a_mask_heavy_on_one_side_is_not_wrapped_around_the_box():
    """A dumbbell from edge to edge whose centre of mass is far from the middle of the box: its slices are those of the map as it lies."""
    line = np.arange(BOX_PX) - BOX_PX // 2
    bells = [np.exp(-((line - x) ** 2) / 4.5) for x in (-13, 0, 11)]
    density = np.einsum("z,y,x->zyx", bells[1], bells[1], bells[0] + bells[2]).astype(np.float32)
    array = np.zeros_like(density)
    array[10:23, 10:23, 1:18], array[10:23, 10:23, 18:30] = 0.2, 1.0
    domain = Domain.of_mask(Mask(array, PIXEL_A), np.full(3, 16.0))
    assert np.rint(Mask(array, PIXEL_A).center_xyz_px - BOX_PX // 2)[0] > 3  # would throw the left end out of the box
    masked = np.divide(density, array, out=np.zeros_like(density), where=array > 0)
    disc, poses, ones = fourier_disc(BOX_PX, 6), draw_poses(10, 9), np.ones(10)
    got = cpu.slice(prepare_slices(domain.cut(masked * array, BOX_PX), 15), poses.rotations, ones, disc)
    got = got * phase_of_shift(disc, image_of_point(poses.rotations, np.zeros((10, 2)), domain.center_xyz_px), ones)
    expected = cpu.slice(prepare_slices(density * (array > 0), 15), poses.rotations, ones, disc)
    assert np.linalg.norm(got - expected) < 0.1 * np.linalg.norm(expected)
