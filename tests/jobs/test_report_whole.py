"""What a refinement of whole particles says of itself in words."""

from types import SimpleNamespace

import numpy as np
import pytest

from triskelion.geometry.symmetry import parse_symmetry
from triskelion.jobs.report_whole import list_warnings
from triskelion.refine.state import Settings

N = 300


def warn(resolution_A=5.0, lowpass_A=30.0, group="C1", iterations=6, converged=True, within_deg=90.0) -> list[str]:
    """Warnings of a refinement whose particles are seen along directions within so many degrees of z."""
    rng = np.random.default_rng(1)
    cos, azimuth, turn = rng.uniform(np.cos(np.deg2rad(within_deg)), 1, N), *rng.uniform(0, 2 * np.pi, (2, N))
    view = np.stack([np.sqrt(1 - cos**2) * np.cos(azimuth), np.sqrt(1 - cos**2) * np.sin(azimuth), cos], 1)
    right = np.cross(view, np.stack([np.cos(turn), np.sin(turn), 0.3 * np.ones(N)], 1))
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    rotations = np.stack([right, np.cross(view, right), view], 1)
    curves = SimpleNamespace(pixel_size_A=2.0, resolution_A=lambda: resolution_A)
    result = SimpleNamespace(number=iterations, rotations=rotations, precision=np.ones(N), refined=np.arange(N))
    refinement = SimpleNamespace(
        settings=Settings(initial_lowpass_A=lowpass_A, max_iterations=6),
        whole=SimpleNamespace(independent_beyond_A=20.0),
        group=parse_symmetry(group),
    )
    return list_warnings(refinement, result, curves, converged)  # pyright: ignore[reportArgumentType]


def test_a_good_refinement_needs_no_words():
    assert warn() == []
    assert warn(resolution_A=15.0) == []  # more than 1.3 x finer than the 20 Å that the halves share
    assert warn(iterations=4, converged=False) == []  # its last iterations are still to come


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ({"resolution_A": 16.0}, "16.0 Å, is hardly finer than what both halves began with or share, 20 Å"),
        ({"resolution_A": 9.0, "lowpass_A": 10.0}, "9.0 Å, is hardly finer than what both halves began with or share, 10 Å"),
        ({"converged": False}, "still improving when 6 iterations were done"),
        ({"within_deg": 40.0}, "of the directions: the map is empty there"),
    ],
)
def test_what_is_to_be_doubted_is_said(of, words):
    (warning,) = warn(**of)
    assert words in warning


def test_symmetric_mates_count_as_views():
    assert warn(within_deg=40.0, group="O") == []
