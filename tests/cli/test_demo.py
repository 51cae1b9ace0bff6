"""The demo's own work: which jobs it runs, what it prints and writes. The two slow jobs are stand-ins here."""

import json
import sys
from types import SimpleNamespace

import pytest

from triskelion.cli.demo import find_free_folder, run_demo
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot
from triskelion.runners.inline import InlineRunner


class ReconstructParameters(JobParameters):
    particles: str = slot("particles", title="Particles", help="")


class LocalRefinementParameters(JobParameters):
    particles: str = slot("particles", title="Particles", help="")
    volume: str = slot("volume", title="Volume", help="")
    mask: str = slot("mask", title="Mask", help="")
    fulcrum: str = parameter("mask", title="Fulcrum", help="")
    rotation_extent_deg: float = parameter(30.0, title="Rotation", help="")
    shift_extent_A: float = parameter(10.0, title="Shift", help="")


def reconstruct(parameters, context):
    context.save_particles(context.read_particles(parameters.particles))
    save_noisy_truth(context)


def save_noisy_truth(context):
    import numpy as np

    from triskelion.data.volume import Volume
    from triskelion.io.mrc import read_volume

    truth = read_volume(context.project_folder / "J1" / "map_all.mrc")
    noise = np.random.default_rng(1)
    for name in ("map", "half_a", "half_b"):
        context.save_volume(Volume(truth.array + truth.array.std() * noise.standard_normal(truth.array.shape), truth.pixel_size_A), name)


def refine(parameters, context):
    """Find the true poses, unless the extents are 0."""
    save_noisy_truth(context)
    fixed = parameters.rotation_extent_deg == 0
    context.save_particles(context.read_particles(parameters.particles if fixed else "J1.truth_head"))


@pytest.fixture
def stand_ins(monkeypatch):
    maps = {"map": "volume", "half_a": "volume", "half_b": "volume"}
    fakes = (
        JobType("reconstruct", "Reconstruct", ReconstructParameters, reconstruct, {"particles": "particles", **maps}),
        JobType("local_refinement", "Refine", LocalRefinementParameters, refine, {"particles": "particles", **maps}),
    )
    for fake in fakes:
        monkeypatch.setitem(sys.modules, f"triskelion.jobs.{fake.name}", SimpleNamespace(JOB=fake))


def test_the_demo_compares_before_after_and_oracle(stand_ins, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    report = run_demo(tmp_path / "demo", runner=InlineRunner(), n_particles=40, box_px=48, pixel_size_A=8.4)
    assert report == tmp_path / "demo" / "report.html"
    types = [json.loads((tmp_path / "demo" / f"J{n}" / "job.json").read_text())["type"] for n in range(1, 10)]
    assert types == ["simulate", "import_particles", "reconstruct", "volume_tools", *["local_refinement"] * 2, *["sharpen"] * 3]
    out = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]] for line in out.splitlines() if line.count("│") > 3}
    assert list(rows) == ["before: consensus poses", "after: local refinement", "oracle: true poses"]
    before, after, oracle = (float(row[1].rstrip("°")) for row in rows.values())
    assert before > 5 and after == oracle == 0
    text = report.read_text()
    assert "A blurred head domain comes into focus" in text and text.count("data:image/") > 8
    truth = json.loads((tmp_path / "demo" / "J1" / "truth.json").read_text())["fulcrum_xyz_px"]["head"]
    assert json.loads((tmp_path / "demo" / "J5" / "job.json").read_text())["parameters"]["fulcrum"] == ",".join(f"{x:g}" for x in truth)


def test_an_existing_folder_is_left_alone(tmp_path):
    assert find_free_folder(tmp_path / "demo") == tmp_path / "demo"
    for name in ("demo", "demo-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    assert find_free_folder(tmp_path / "demo") == tmp_path / "demo-3"
