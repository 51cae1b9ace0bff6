"""Ratios, bars and table of the benchmark of whole particles, and what RELION is given."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rows():
    named = {
        "search": {"within_5deg_percent": 99.0, "truth_fsc": 0.90, "fsc0143_A": 8.4, "fsc05_A": 8.8, "cpu_s": 150.0},
        "input": {"within_5deg_percent": 98.0, "truth_fsc": 0.91, "cpu_s": 50.0},
        "noise": {"cpu_s": 90.0, "resolution_A": None},
        "relion": {"within_5deg_percent": 97.0, "truth_fsc": 0.80, "fsc0143_A": 9.0, "fsc05_A": 9.9, "cpu_s": 3000.0},
        "oracle": {"within_5deg_percent": 100.0, "truth_fsc": 0.92, "fsc0143_A": 8.4, "fsc05_A": 8.8, "cpu_s": 6.0},
    }
    return [{"set": "G1", "run": run, **figures} for run, figures in named.items()]


def test_ratios_are_of_the_search_to_the_others(rows):
    from whole_ratios import compute_ratios, missed_bars

    ratios = compute_ratios(rows)
    assert ratios["CPU s, relion's of search's"] == pytest.approx(20)
    assert ratios["FSC truth, search's of relion's"] == pytest.approx(1.125)
    assert ratios["0.143 Å, search's of relion's"] == pytest.approx(8.4 / 9)
    assert ratios["FSC truth, input's of the oracle's"] == pytest.approx(0.91 / 0.92)
    assert missed_bars(ratios) == []
    assert "0.143 Å, search's of relion's" not in compute_ratios([row for row in rows if row["run"] != "relion"])


@pytest.mark.parametrize(
    ("run", "name", "value", "bar"),
    [
        ("search", "within_5deg_percent", 96.0, "within 5° (%), search"),
        ("input", "truth_fsc", 0.87, "FSC truth, input's of the oracle's"),
        ("relion", "cpu_s", 400.0, "CPU s, relion's of search's"),
        ("relion", "truth_fsc", 0.905, "FSC truth, search's of relion's"),
        ("relion", "fsc05_A", 8.7, "0.5 Å, search's of relion's"),
    ],
)
def test_a_missed_bar_is_named(rows, run, name, value, bar):
    from whole_ratios import compute_ratios, missed_bars

    next(row for row in rows if row["run"] == run)[name] = value
    missed = missed_bars(compute_ratios(rows))
    assert len(missed) == 1
    assert missed[0].startswith(bar)


def test_every_run_has_a_line_and_every_line_its_columns(rows):
    from whole_ratios import compute_ratios, format_table

    lines = format_table([rows, rows], [compute_ratios(rows)] * 2).splitlines()
    assert len(lines) == 2 + 2 * (len(rows) + 1)
    assert len({line.count("|") for line in lines}) == 1


def test_relion_is_told_nothing_of_the_poses(hinge_folder: Path, tmp_path: Path):
    from whole_refinement import measure_diameter_A, write_relion_input

    from triskelion.io.mrc import read_volume
    from triskelion.io.particle_star import read_particles
    from triskelion.io.stacks import ParticleImages

    write_relion_input(hinge_folder, tmp_path / "work")
    given, ours = (read_particles(folder / "particles.star") for folder in (tmp_path / "work", hinge_folder))
    for name in ("rotvec_rad", "shift_A", "consensus_rotvec_rad", "consensus_shift_A"):
        assert not given[name].any()
    for name in ("uid", "half_set", "defocus_u_A"):
        np.testing.assert_array_equal(given[name], ours[name])
    rows = np.arange(5)
    np.testing.assert_array_equal(ParticleImages(given, tmp_path / "work").read(rows), ParticleImages(ours, hinge_folder).read(rows))
    np.testing.assert_array_equal(read_volume(tmp_path / "work" / "reference.mrc").array, read_volume(hinge_folder / "map_all.mrc").array)
    assert 250 < measure_diameter_A(hinge_folder) < 400
