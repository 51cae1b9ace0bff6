"""Poses in two frames agree once the rotation between the frames is taken out."""

import numpy as np
import pytest

from triskelion.geometry.common_rotation import find_common_rotation, pose_agreement_deg
from triskelion.geometry.rotations import random_rotations, rotation_difference_deg, rotvec_to_matrix


def test_the_frame_does_not_count_and_errors_do():
    generator = np.random.default_rng(1)
    rotations, frame = random_rotations(500, generator), random_rotations(1, generator)[0]
    assert pose_agreement_deg(rotations, rotations @ frame) == pytest.approx(0, abs=1e-5)
    axes = generator.standard_normal((500, 3))
    errors = rotvec_to_matrix(np.deg2rad(2.0) * axes / np.linalg.norm(axes, axis=1, keepdims=True))
    assert pose_agreement_deg(rotations, rotations @ errors @ frame) == pytest.approx(2.0, abs=0.1)


def test_lost_particles_do_not_move_the_frame():
    generator = np.random.default_rng(2)
    rotations, frame = random_rotations(400, generator), rotvec_to_matrix(np.array([0.4, -0.1, 0.2]))
    others = rotations @ frame
    others[:80] = others[:80] @ rotvec_to_matrix(np.array([0.0, 0.0, 1.5]))
    assert rotation_difference_deg(find_common_rotation(rotations, others), frame) < 0.01
