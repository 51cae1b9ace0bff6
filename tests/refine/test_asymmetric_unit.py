"""Poses and posteriors in the asymmetric unit."""

from types import SimpleNamespace

import numpy as np
import pytest

from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix
from triskelion.geometry.symmetry import expand_poses, parse_symmetry
from triskelion.refine import asymmetric_unit


@pytest.mark.parametrize("name", ["C1", "C3", "D2", "O"])
def test_mates_share_one_pose_and_one_posterior(name, monkeypatch):
    """Draw poses about R, take each to its mate: their spread about the pose in the unit is the covariance there."""
    monkeypatch.setattr(asymmetric_unit, "replace", lambda result, **changes: SimpleNamespace(**vars(result) | changes))
    group, rng = parse_symmetry(name), np.random.default_rng(2)
    rotations = random_rotations(5, rng)
    root = 1e-4 * rng.standard_normal((5, 5, 5))
    result = SimpleNamespace(rotations=rotations, covariance=root @ np.swapaxes(root, 1, 2))
    reduced = asymmetric_unit.move_to_asymmetric_unit(result, group)  # pyright: ignore[reportArgumentType]
    mates = np.swapaxes(rotations, 1, 2) @ reduced.rotations  # g
    for number in range(5):
        steps = root[number]  # columns: a step (w, shift) each, with the covariance of root root^T in all
        turned = rotations[number] @ rotvec_to_matrix(steps[:3].T) @ mates[number]
        moved = np.concatenate([matrix_to_rotvec(reduced.rotations[number].T @ turned).T, steps[3:]])
        np.testing.assert_allclose(moved @ moved.T, reduced.covariance[number], atol=1e-3 * np.abs(reduced.covariance[number]).max())
    of_mates = SimpleNamespace(rotations=expand_poses(rotations, group.rotations[-1:]), covariance=result.covariance)
    again = asymmetric_unit.move_to_asymmetric_unit(of_mates, group)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(again.rotations, reduced.rotations, atol=1e-9)
