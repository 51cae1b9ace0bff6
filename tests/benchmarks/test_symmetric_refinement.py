"""A phantom of a point group refined with its symmetry and without, by the benchmark that measures it at full size."""

import pytest
from tests.end_to_end.chain import BlankPictures

from triskelion.api import Project

EXPERIMENT = {"n_particles": 100, "box_px": 40, "pixel_size_A": 9.5, "snr": 0.4, "seed": 1}
QUICK = {"max_iterations": 2, "restart_audit": False}


@pytest.fixture(scope="module")
def rows(benchmarks_on_path, tmp_path_factory) -> list[dict]:
    from symmetric_refinement import measure_group

    project = Project.new(tmp_path_factory.mktemp("D2") / "project", runner=BlankPictures(), threads=1)
    return list(measure_group(project, "D2", EXPERIMENT, **QUICK))


def test_symmetry_makes_the_map_better_and_changes_poses_only_by_the_group(rows):
    oracle, _, symmetric, without = rows
    assert symmetric["truth_fsc"] > without["truth_fsc"] + 0.02
    assert symmetric["truth_fsc"] > 0.95 * oracle["truth_fsc"]
    assert symmetric["within_5deg_percent"] > 85
    assert without["from_symmetric_median_deg"] < 3 and without["from_symmetric_within_5deg_percent"] > 85  # Nyquist is 19 Å


def test_what_symmetry_does_not_help_is_named(rows):
    from symmetric_refinement import format_table, list_misses

    with_symmetry, without = (dict(row) for row in rows[2:])
    without["from_symmetric_within_5deg_percent"] = 98.0
    assert list_misses([with_symmetry, without]) == []
    without |= {"truth_fsc": 1.0, "from_symmetric_within_5deg_percent": 50.0}
    assert len(list_misses([with_symmetry, without])) == 2
    assert len({line.count("|") for line in format_table(rows).splitlines()}) == 1
