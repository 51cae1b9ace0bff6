"""Re-centred, cropped images show what their poses say, and not a value of a pixel changes."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import OPTICS, PIXEL_A, disturb, draw_poses, make_particles

from triskelion.errors import DataError
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.recenter import CroppedFrame, crop_about

N, POINT_A = 30, np.array([18.0, -12.0, 6.0])
FINER = replace(OPTICS, name="finer", pixel_size_A=PIXEL_A * 0.8, box_px=40)


def make_table():
    consensus = draw_poses(N, 1)
    current = disturb(consensus, 5.0, 1.0, 1)
    particles = make_particles(current, 1, (OPTICS, FINER), optics_group=np.arange(N) % 2)
    at_consensus = make_particles(consensus, 1)
    return particles.with_columns(consensus_rotvec_rad=at_consensus["rotvec_rad"], consensus_shift_A=at_consensus["shift_A"])


def test_every_point_of_the_map_keeps_its_place_on_the_pixels():
    """Point x of the old map is x - c of the new one; its image, counted from the new centre, lies v pixels away from where it was."""
    particles = make_table()
    frame = CroppedFrame.about_point(particles, POINT_A, 20 * PIXEL_A)
    moved = frame.move_particles(particles)
    pixel_A = np.array([PIXEL_A, FINER.pixel_size_A])[particles["optics_group"]][:, None]
    for prefix in ("", "consensus_"):
        rotations = rotvec_to_matrix(particles[f"{prefix}rotvec_rad"])
        np.testing.assert_array_equal(moved[f"{prefix}rotvec_rad"], particles[f"{prefix}rotvec_rad"])
        for x_A in np.random.default_rng(2).normal(0, 30, (3, 3)):
            before = image_of_point(rotations, particles[f"{prefix}shift_A"], x_A)
            after = image_of_point(rotations, moved[f"{prefix}shift_A"], x_A - POINT_A)
            np.testing.assert_allclose(after, before - frame.offsets_px * pixel_A, atol=1e-9)
    assert np.abs(moved["shift_A"]).max() <= pixel_A.max() / 2 + 1e-9  # less than half a pixel is left at the current pose


def test_boxes_of_all_groups_span_the_same():
    frame = CroppedFrame.about_point(make_table(), POINT_A, 20 * PIXEL_A)
    assert frame.box_px(OPTICS) == 20
    assert frame.box_px(FINER) == 25
    assert frame.box_px(replace(FINER, pixel_size_A=PIXEL_A * 20 / 24.5)) == 26  # no whole number spans it
    assert [group.box_px for group in frame.move_particles(make_table()).optics] == [20, frame.box_px(FINER)]


@pytest.mark.parametrize(("edge", "box_px"), [(12, 6), (12, 5), (13, 6), (13, 7)])
def test_pixels_are_copied_with_the_centre_in_the_centre(edge, box_px):
    images = np.random.default_rng(3).normal(size=(4, edge, edge)).astype(np.float32)
    offsets_px = np.array([[0, 0], [2, -1], [-3, 2], [1, 3]])
    cropped = crop_about(images, offsets_px, box_px)
    for image, (x, y), crop in zip(images, offsets_px, cropped, strict=True):
        assert crop[box_px // 2, box_px // 2] == image[edge // 2 + y, edge // 2 + x]
        first_y, first_x = edge // 2 + y - box_px // 2, edge // 2 + x - box_px // 2
        np.testing.assert_array_equal(crop, image[first_y : first_y + box_px, first_x : first_x + box_px])


def test_beyond_an_image_is_its_mean():
    images = np.random.default_rng(4).normal(3, 1, (2, 8, 8)).astype(np.float32)
    cropped = crop_about(images, np.array([[3, 0], [0, 0]]), 6)
    np.testing.assert_array_equal(cropped[0][:, :4], images[0][1:7, 4:])
    np.testing.assert_allclose(cropped[0][:, 4:], images[0].mean(), rtol=1e-6)
    np.testing.assert_array_equal(cropped[1], images[1][1:7, 1:7])
    particles = make_particles(replace(draw_poses(2, 1), shifts_px=np.array([[3.0, 0], [0, 0]])), 1, (replace(OPTICS, box_px=8),))
    assert CroppedFrame.about_point(particles, np.zeros(3), 6 * PIXEL_A).count_beyond(particles) == 1


def test_a_point_outside_an_image_is_refused():
    particles = make_table()
    shift_A = particles["shift_A"].copy()
    shift_A[4] = 200, 0
    with pytest.raises(DataError, match="outside 1 of 30 images, the first in row 5"):
        CroppedFrame.about_point(particles.with_columns(shift_A=shift_A), POINT_A, 100.0)
