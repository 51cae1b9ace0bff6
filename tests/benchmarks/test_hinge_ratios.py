"""Ratios, bars and table of the benchmark, and the seconds it counts for RELION."""

import json
import os
import sys
from pathlib import Path

import pytest


def figures(median, rms, over, truth, resolution):
    return {
        "poses": {"angle_median_deg": median, "angle_rms_deg": rms, "over_8deg_percent": over},
        "maps": {"fsc0143_A": resolution, "fsc05_A": resolution + 1, "truth05_A": resolution, "mean_truth_15A_nyquist": truth},
    }


@pytest.fixture
def rows():
    named = {
        "start": {"poses": figures(10.0, 12.0, 70.0, 0, 0)["poses"]},
        "ours": figures(2.0, 3.0, 4.0, 0.8, 9.0) | {"cpu_s": 100.0},
        "oracle": {"maps": figures(0, 0, 0, 0.85, 9.0)["maps"], "cpu_s": 20.0},
        "at truth": {"poses": figures(1.5, 2.5, 0.1, 0, 0)["poses"]},
        "Cramér-Rao": {"poses": {"angle_rms_deg": 2.0}},
        "Cramér-Rao, prior": {"poses": {"angle_rms_deg": 1.5}},
        "relion whole": figures(5.0, 6.0, 28.0, 0.4, 12.0) | {"cpu_s": 4000.0, "workers_cpu_s": 3000.0},
    }
    return [{"set": "S1", "box_px": 96, "domain": "head", "run": run, **values} for run, values in named.items()]


def test_ratios_are_of_ours_to_the_others(rows):
    from hinge_ratios import compute_ratios

    ratios = compute_ratios(rows)
    assert ratios["median, of the start's"] == pytest.approx(0.2)
    assert ratios["rms, of that at the truth"] == pytest.approx(1.2)
    assert ratios["rms, of Cramér-Rao"] == pytest.approx(1.5)
    assert ratios["FSC truth, of the oracle's"] == pytest.approx(0.8 / 0.85)
    assert ratios["rms, of relion whole's"] == pytest.approx(0.5)
    assert ratios["CPU s, relion whole's of ours"] == pytest.approx(30)  # of the processes that work


def test_a_run_that_meets_the_bars_misses_none(rows):
    from hinge_ratios import compute_ratios, missed_bars

    assert missed_bars(rows, compute_ratios(rows)) == []


@pytest.mark.parametrize(
    ("run", "part", "name", "value", "bar"),
    [
        ("ours", "maps", "mean_truth_15A_nyquist", 0.78, "FSC truth, of the oracle's"),
        ("ours", "maps", "fsc05_A", 11.0, "0.5 Å, of the oracle's"),
        ("ours", "maps", "truth05_A", 10.0, "0.143 Å of the halves"),
        ("ours", "poses", "angle_median_deg", 3.4, "median, of the start's"),
        ("ours", "poses", "over_8deg_percent", 8.5, "over 8°"),
        ("relion whole", "poses", "angle_rms_deg", 2.9, "rms, of relion whole's"),
    ],
)
def test_a_missed_bar_is_named(rows, run, part, name, value, bar):
    from hinge_ratios import compute_ratios, missed_bars

    next(row for row in rows if row["run"] == run)[part][name] = value
    missed = missed_bars(rows, compute_ratios(rows))
    assert len(missed) == 1
    assert missed[0].startswith(bar)


def test_the_bars_are_those_of_box_and_domain(rows):
    from hinge_ratios import compute_ratios, missed_bars

    ratios = compute_ratios(rows) | {"over 8° (%)": 3.0}
    for box_px, domain, n_missed in ((96, "head", 0), (128, "head", 1), (128, "arm", 0)):
        rows[0].update(box_px=box_px, domain=domain)
        assert len(missed_bars(rows, ratios)) == n_missed


def test_every_run_has_a_line_and_every_line_its_columns(rows):
    from hinge_ratios import compute_ratios, format_table

    lines = format_table([rows], [compute_ratios(rows)]).splitlines()
    assert len(lines) == 2 + len(rows) + 1
    assert len({line.count("|") for line in lines}) == 1
    assert json.loads(json.dumps(rows)) == rows


def test_processor_seconds_of_a_process_are_counted_when_it_ends_well(tmp_path: Path):
    from relion_refine import count_seconds

    busy = "import time\nwhile time.process_time() < 0.3: pass"
    assert count_seconds(tmp_path, [sys.executable, "-c", busy], "1") == 0
    counted = json.loads((tmp_path / "cpu_1.json").read_text())
    assert counted["user_s"] + counted["system_s"] > 0.25
    assert count_seconds(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"], "2") == 3
    assert not (tmp_path / "cpu_2.json").exists()


def test_a_run_of_relion_that_has_ended_is_read_again(tmp_path: Path, monkeypatch):
    from relion_refine import run_relion

    monkeypatch.setitem(os.environ, "PATH", "")
    for rank, seconds in enumerate((100, 20, 30)):
        (tmp_path / f"cpu_{rank}.json").write_text(json.dumps({"user_s": seconds, "system_s": 1}))
    (tmp_path / "out").mkdir()
    with pytest.raises(SystemExit, match=r"run_data\.star"):
        run_relion(tmp_path, [])
    for name in ("data.star", "half1_class001_unfil.mrc", "half2_class001_unfil.mrc", *(f"it00{number}_half1_model.star" for number in range(3))):
        (tmp_path / "out" / f"run_{name}").touch()
    result = run_relion(tmp_path, [])
    assert (result.cpu_s, result.workers_cpu_s) == (153, 52)
    assert result.half_b.name == "run_half2_class001_unfil.mrc"
    assert result.iterations == 2
