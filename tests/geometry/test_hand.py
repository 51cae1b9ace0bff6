"""The poses of the mirror image: same images, and its symmetry."""

import numpy as np
import pytest
from tests.refine.scene import Poses, exact_slices

from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.hand import MIRROR, mirror_rotations
from triskelion.geometry.rotations import random_rotations
from triskelion.geometry.symmetry import mirror_group, parse_symmetry


def test_the_mirror_image_looks_the_same_at_the_mirrored_poses():
    rng = np.random.default_rng(1)
    atoms, disc = rng.normal(0, 4, (8, 3)), fourier_disc(24)
    rotations, shifts = random_rotations(10, rng), rng.normal(0, 2, (10, 2))
    mirrored = mirror_rotations(rotations)
    np.testing.assert_allclose(np.linalg.det(mirrored), 1)
    images = exact_slices(atoms, Poses(rotations, shifts), disc)
    np.testing.assert_allclose(exact_slices(atoms @ MIRROR, Poses(mirrored, shifts), disc), images, atol=1e-10)
    assert np.abs(exact_slices(atoms @ MIRROR, Poses(rotations, shifts), disc) - images).max() > 0.1
    np.testing.assert_array_equal(mirror_rotations(mirrored), rotations)


@pytest.mark.parametrize("name", ["C1", "C5", "D3", "D7", "T", "O", "I", "I1", "I3", "I4"])
def test_point_groups_and_their_mirror_images(name):
    group = parse_symmetry(name)
    mirrored = mirror_group(group)
    assert (mirrored.name == name) == (name not in ("I3", "I4"))
    distance = np.abs((MIRROR @ group.rotations @ MIRROR)[:, None] - mirrored.rotations[None]).max(axis=(2, 3))
    assert distance.min(axis=1).max() < 1e-12
