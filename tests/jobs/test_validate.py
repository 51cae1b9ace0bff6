"""The job validate: the figures of every other job, from a job or from two files, and its doubts."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from tests.jobs.fake_context import FakeContext, run_job
from tests.resolution.test_doubts import PIXEL_A, RADIUS, N, good_halves, noise, particle

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.io.mrc import write_volume
from triskelion.plots.registry import draw


@pytest.fixture
def project(tmp_path):
    """J1 has half maps and a mask."""
    (tmp_path / "J1").mkdir()
    for name, half in zip(("half_a", "half_b"), good_halves(), strict=True):
        write_volume(tmp_path / "J1" / f"{name}.mrc", Volume(half, PIXEL_A))
    write_volume(tmp_path / "J1" / "mask.mrc", Mask(np.clip((17 - RADIUS) / 4, 0, 1), PIXEL_A))
    return tmp_path


def test_the_resolution_is_that_of_the_other_jobs(project):
    given = {"volume": "J1", "mask": "J1", "seed": 3}
    validate = run_job("validate", FakeContext(project, "J2"), **given)
    sharpen = run_job("sharpen", FakeContext(project, "J3"), **given)
    halves = run_job("validate", FakeContext(project, "J4"), first="J1.half_a", second="J1.half_b", mask="J1", seed=3)
    compare = run_job("compare", FakeContext(project, "J5"), first="J1.half_a", second="J1.half_b", mask="J1", seed=3)
    assert validate.summary["resolution_A"] == sharpen.summary["resolution_A"] == halves.summary["resolution_A"]
    for name in ("fsc.json", "fsc.txt", "fsc.xml"):
        assert (project / "J2" / name).read_text() == (project / "J3" / name).read_text() == (project / "J4" / name).read_text()
    curve = json.loads((project / "J2" / "fsc.json").read_text())["curves"]["user"]
    np.testing.assert_allclose(compare.plots["compare_fsc"][0]["between"]["fsc"], curve, atol=1e-5)
    assert 7 < validate.summary["resolution_A"] < 14  # 12 Å are in it
    assert validate.summary["n_doubts"] == 0 and not validate.warnings
    assert set(validate.plots) == {"gsfsc", "map_slices", "mask_slices"}


def test_maps_of_whole_data_sets_are_read_at_a_half(project):
    maps = run_job("validate", FakeContext(project, "J2"), first="J1.half_a", second="J1.half_b", kind="maps")
    halves = run_job("validate", FakeContext(project, "J3"), first="J1.half_a", second="J1.half_b")
    assert maps.summary["resolution_A"] == json.loads((project / "J3" / "fsc.json").read_text())["resolution_0.5_A"]["corrected"]
    assert maps.summary["resolution_A"] > halves.summary["resolution_A"]
    title = draw("gsfsc", maps.plots["gsfsc"][0]).axes[0].get_title(loc="left")
    assert "FSC = 0.5" in title and f"{maps.summary['resolution_A']:.1f} Å" in title


def test_doubts_are_warnings(project):
    shared = 0.3 * noise(7)
    for name, half in zip("ab", good_halves(), strict=True):
        write_volume(project / f"{name}.mrc", Volume((half + shared) * (RADIUS < 20), PIXEL_A))
    context = run_job("validate", FakeContext(project, "J2"), first=str(project / "a.mrc"), second=str(project / "b.mrc"))
    assert context.summary["n_doubts"] == len(context.warnings) >= 2
    assert any("not independent" in warning for warning in context.warnings) and any("exactly 0" in warning for warning in context.warnings)


def test_what_cannot_be_validated_is_refused(project):
    with pytest.raises(InputError, match="the same, value by value"):
        run_job("validate", FakeContext(project, "J2"), first="J1.half_a", second="J1.half_a")
    write_volume(project / "other.mrc", Volume(particle()[: N - 2, : N - 2, : N - 2], PIXEL_A))
    with pytest.raises(InputError, match="48"):
        run_job("validate", FakeContext(project, "J2"), first="J1.half_a", second=str(project / "other.mrc"))
    for wrong in ({}, {"first": "J1"}, {"volume": "J1", "first": "J1", "second": "J1"}, {"volume": "J1", "kind": "maps"}):
        with pytest.raises(ValidationError, match=r"give either volume|kind=maps goes with"):
            run_job("validate", FakeContext(project, "J2"), **wrong)
