"""Point groups against the rotations that relion_refine prints."""

import numpy as np
import pytest

from triskelion.geometry.symmetry import parse_symmetry


@pytest.mark.parametrize("name", ["C1", "C2", "C5", "D2", "D7", "T", "O", "I", "I1", "I2"])
def test_groups_stand_as_those_of_relion(reference, name):
    theirs, ours = reference("symmetry_operations")[name], parse_symmetry(name).rotations
    assert theirs.shape == ours.shape
    distance = np.abs(ours[:, None] - theirs[None]).max(axis=(2, 3))
    assert distance.min(axis=0).max() < 1e-5 and distance.min(axis=1).max() < 1e-5  # RELION works with axes of six digits
