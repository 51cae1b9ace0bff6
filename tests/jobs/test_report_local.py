"""What a local refinement says of itself in words."""

from types import SimpleNamespace

import numpy as np
import pytest

from triskelion.jobs.report_local import list_warnings
from triskelion.refine.state import Settings

N = 200


class Curves:
    def __init__(self, resolution_A: float, pixel_size_A: float):
        self.pixel_size_A, self._resolution_A = pixel_size_A, resolution_A

    def resolution_A(self) -> float:
        return self._resolution_A


def make_result(resolution_A=5.0, pixel_size_A=2.0, turn_deg=3.0, rotation_sd_deg=2.0, prior_deg=7.0, converged=True):
    rotations = np.linalg.qr(np.random.default_rng(1).standard_normal((N, 3, 3)))[0]
    return SimpleNamespace(
        number=6, converged=converged, curves=Curves(resolution_A, pixel_size_A), rotations=rotations, precision=np.ones(N),
        turn_deg=np.full(N, turn_deg), shift_A=np.full(N, 1.0), rotation_sd_deg=np.full(N, rotation_sd_deg), prior_rotation_sd_deg=prior_deg,
    )  # fmt: skip


def warn(result, settings: Settings) -> list[str]:
    return list_warnings(result, settings, (result.rotations, result.precision))


def test_a_good_refinement_needs_no_words():
    assert warn(make_result(), Settings()) == []


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"resolution_A": 10.0}, "10.0 Å, is hardly finer than that of the first references, 12 Å"),
        ({"resolution_A": 28.0, "pixel_size_A": 12.0}, "28.0 Å, is hardly finer than that of the first references, 24 Å"),
        ({"rotation_sd_deg": 6.5}, "known to 6.5° (median), by the prior alone to 7.0°"),
        ({"turn_deg": 29.5}, "100 % of the particles are at the rotation extent"),
    ],
)
def test_what_is_to_be_doubted_is_said(result, words):
    (warning,) = warn(make_result(**result), Settings())
    assert words in warning


def test_a_refinement_that_was_cut_short_says_so():
    settings = Settings(max_iterations=6)
    (warning,) = warn(make_result(converged=False), settings)
    assert "still improving when 6 iterations were done" in warning


def test_nothing_is_doubted_where_nothing_was_searched():
    fixed = Settings(rotation_extent_deg=0, shift_extent_A=0)
    assert warn(make_result(resolution_A=30.0), fixed) == []
