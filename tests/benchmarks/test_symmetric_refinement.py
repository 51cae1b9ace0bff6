"""A phantom of a point group refined with its symmetry and without, by the benchmark that measures it at full size."""

import pytest
from tests.end_to_end.chain import BlankPictures

from triskelion.api import Project

EXPERIMENT = {"n_particles": 200, "box_px": 40, "pixel_size_A": 9.0, "snr": 0.1, "seed": 1}


@pytest.fixture(scope="module")
def rows(benchmarks_on_path, tmp_path_factory) -> list[dict]:
    from symmetric_refinement import measure_group

    return list(measure_group(Project.new(tmp_path_factory.mktemp("D2") / "project", runner=BlankPictures(), threads=1), "D2", EXPERIMENT))


def test_symmetry_makes_the_map_better_and_changes_poses_only_by_the_group(rows):
    from symmetric_refinement import list_misses

    assert list_misses(rows) == []
    oracle, _, symmetric, without = rows
    assert symmetric["truth_fsc"] > without["truth_fsc"] + 0.05
    assert symmetric["truth_fsc"] > 0.97 * oracle["truth_fsc"]
    assert symmetric["resolution_A"] < without["resolution_A"]
    assert symmetric["within_5deg_percent"] > 97


def test_what_symmetry_does_not_help_is_named(rows):
    from symmetric_refinement import format_table, list_misses

    other = [dict(row) for row in rows]
    other[3] |= {"truth_fsc": 1.0, "from_symmetric_within_5deg_percent": 50.0}
    assert len(list_misses(other)) == 2
    assert len({line.count("|") for line in format_table(rows).splitlines()}) == 1
