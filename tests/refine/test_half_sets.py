"""Half maps know their own half-set by its noise; swapped ones are refused, unrelated ones give rise to doubt."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import Scene, make_scene

from triskelion.errors import InputError
from triskelion.kernels import cpu
from triskelion.refine.half_sets import UNRELATED_Z, check_half_sets, half_set_agreement
from triskelion.refine.shared import SharedRecord


def check(scene: Scene) -> tuple[str | None, float]:
    """The warning, and the agreement that was recorded."""
    shared = SharedRecord()
    warning = check_half_sets(shared, scene.inputs(), cpu)
    return warning, float(shared.settled["half_set_agreement"])


def with_half_sets(scene: Scene, half_set: np.ndarray) -> Scene:
    return replace(scene, start=replace(scene.start, half_set=half_set))


def test_half_maps_made_from_the_half_sets_agree_with_them():
    scene = make_scene()
    warning, z = check(scene)
    assert warning is None
    assert z > 5
    assert z == half_set_agreement(scene.inputs(), cpu)


def test_swapped_half_maps_are_refused():
    scene = make_scene()
    swapped = replace(scene, start=replace(scene.start, half_maps=scene.start.half_maps[::-1]))
    assert half_set_agreement(swapped.inputs(), cpu) == pytest.approx(-half_set_agreement(scene.inputs(), cpu), rel=1e-5)
    with pytest.raises(InputError, match="swap half_a and half_b"):
        check(swapped)


def test_swapped_half_sets_are_refused_as_well():
    scene = make_scene()
    with pytest.raises(InputError, match="swap"):
        check(with_half_sets(scene, 1 - scene.start.half_set))


def test_half_sets_drawn_anew_are_doubted():
    """Half of the particles of either map are then in either half: they say as much for as against it."""
    scene = make_scene()
    drawn = np.random.default_rng(3).permutation(scene.start.half_set)
    warning, z = check(with_half_sets(scene, drawn))
    assert abs(z) < UNRELATED_Z
    assert warning is not None and "do not seem to be made from the half-sets" in warning


def test_the_agreement_is_settled_once():
    """A replayed run takes it from the recording."""
    scene = make_scene()
    recording = {"half_set_agreement": np.array(-50.0)}
    with pytest.raises(InputError, match="50 standard errors"):
        check_half_sets(SharedRecord(recording), scene.inputs(), cpu)
