"""The symmetric phantom: equal copies that do not run into one another."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from triskelion.geometry.symmetry import parse_symmetry
from triskelion.simulate.phantom import CLEARANCE_A, VOXEL_A
from triskelion.simulate.symmetric_phantom import build_symmetric_phantom


@pytest.mark.parametrize("name", ["C4", "D2", "C7", "O", "I"])
def test_every_residue_has_its_copies_and_they_keep_their_distance(name):
    group = parse_symmetry(name)
    phantom = build_symmetric_phantom(group, n_residues=4000)
    assert phantom.domains == ("body",)
    assert len(phantom.weights) % len(group) == 0
    assert len(phantom.weights) == pytest.approx(4000, rel=0.03) or name in "OI"  # there little of the shape is left, and soon full
    tree = KDTree(phantom.coordinates_A)
    for rotation in group.rotations:
        distance_A, partner = tree.query(phantom.coordinates_A @ rotation.T)
        assert distance_A.max() < 1e-9
        np.testing.assert_array_equal(phantom.weights[partner], phantom.weights)
    unit, rest = np.split(phantom.coordinates_A, [len(phantom.weights) // len(group)])
    assert KDTree(rest).query(unit)[0].min() > CLEARANCE_A - np.sqrt(3) * VOXEL_A  # of voxels, in which chains are placed
    assert np.linalg.norm(phantom.coordinates_A, axis=1).max() < 180


def test_the_same_seed_gives_the_same_phantom():
    group = parse_symmetry("D2")
    first, again, other = (build_symmetric_phantom(group, seed, 1000) for seed in (1, 1, 2))
    assert first.coordinates_A.tobytes() == again.coordinates_A.tobytes()
    assert first.coordinates_A.shape != other.coordinates_A.shape or not np.allclose(first.coordinates_A, other.coordinates_A)
