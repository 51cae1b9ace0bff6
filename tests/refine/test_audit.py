"""The restart audit tells poses that are where the images want them from poses that got stuck, and moves neither."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.refine.scene import SETTINGS, make_means, make_scene

from triskelion.refine.audit import LEAST_PARTICLES, audit_restarts
from triskelion.refine.local import LocalRefinement

N, EXTENT_DEG, FAR_DEG = 120, 60.0, 55.0


@cache
def finished() -> LocalRefinement:
    """A short refinement from the true poses of the head, images with little noise."""
    scene = make_scene(N, 0.1)
    start = replace(scene.start, rotations=scene.head.rotations, shifts_px=scene.head.shifts_px)
    inputs = replace(scene.inputs(replace(SETTINGS, rotation_extent_deg=EXTENT_DEG, coarse_starts=False)), start=start)
    refinement = LocalRefinement(inputs, make_means())
    list(refinement.iterate())
    return refinement


def test_little_is_found_where_poses_are_right():
    audit = audit_restarts(finished())
    assert audit.n_particles == LEAST_PARTICLES
    assert audit.better_share < 0.2


def test_much_is_found_where_poses_are_far_away(monkeypatch: pytest.MonkeyPatch):
    """Poses turned so far that a climb from there does not come back; random starts inside the extents do."""
    refinement = finished()
    axes = np.random.default_rng(1).standard_normal((N, 3))
    turns = axes / np.linalg.norm(axes, axis=1, keepdims=True) * np.deg2rad(FAR_DEG)
    rotations, centers_px = refinement.prior.pose_at(np.arange(N), turns, np.zeros((N, 2)))
    monkeypatch.setattr(refinement, "rotations", rotations)
    monkeypatch.setattr(refinement, "centers_px", centers_px)
    assert audit_restarts(refinement).better_share > 0.5


def test_the_refinement_stays_what_it_is_and_the_audit_too():
    refinement = finished()
    before = {name: np.array(value) for name, value in refinement.state().items()}
    first = audit_restarts(refinement, n_starts=3)
    for name, value in refinement.state().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert audit_restarts(refinement, n_starts=3) == first
