"""It stops when neither resolution nor poses get better, and not before."""

import pytest

from triskelion.refine.stopping import LEAST_ITERATIONS, Progress, has_converged


def history(shells: list[float], changes_deg: list[float], known_to_deg: float = 0.2) -> list[Progress]:
    return [Progress(shell, change, known_to_deg) for shell, change in zip(shells, changes_deg, strict=True)]


STILL = [5.0, 2.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("shells", "changes_deg", "stops"),
    [
        ([10, 12, 14, 14, 14, 14], STILL, True),
        ([10, 12, 13, 14, 14, 15], STILL, False),  # the FSC still rises
        ([10, 12, 14, 14, 14, 14.2], STILL, True),  # by less than a quarter of a shell
        ([14, 14, 14, 14, 14, 14], [5, 3, 2, 1, 0.8, 0.6], False),  # the poses still calm down
        ([14, 14, 14, 14, 14, 14], [5, 3, 2, 1, 0.99, 0.98], True),  # by less than a twentieth
        ([14, 14, 14, 14, 14, 14], [5, 3, 2, 0.12, 0.09, 0.05], True),  # small enough
        ([14, 14, 14, 14, 12, 11], STILL, True),  # worse is no progress
    ],
)
def test_when_it_stops(shells, changes_deg, stops):
    assert has_converged(history(shells, changes_deg)) is stops


def test_it_never_stops_early():
    flat = history([14.0] * LEAST_ITERATIONS, [1.0] * LEAST_ITERATIONS)
    assert not any(has_converged(flat[:n]) for n in range(LEAST_ITERATIONS))
    assert has_converged(flat)


@pytest.mark.parametrize(("known_to_deg", "stops"), [(2.0, True), (1.7, False)])
def test_steps_far_smaller_than_what_rotations_are_known_to_are_no_progress(known_to_deg, stops):
    """0.8 and 0.7 degrees: below 0.4 of 2 degrees, not below 0.4 of 1.7."""
    assert has_converged(history([14.0] * 6, [5, 3, 2, 1.2, 0.8, 0.7], known_to_deg)) is stops
