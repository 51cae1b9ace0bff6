"""The demo's own work: which jobs it runs, what it prints and writes. The slow jobs are stand-ins here."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from triskelion.api import Project
from triskelion.cli.demo import DESCRIPTIONS, TITLE, find_free_folder, run_demo
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot
from triskelion.runners.inline import InlineRunner


class ReconstructParameters(JobParameters):
    particles: str = slot("particles", title="Particles", help="")


class NonuniformParameters(ReconstructParameters):
    volume: str = slot("volume", title="Volume", help="")
    poses: str = parameter("search", title="Poses", help="")


class SubtractionParameters(ReconstructParameters):
    volume: str = slot("volume", title="Volume", help="")
    mask: str = slot("mask", title="Mask", help="")
    mask_of: str = parameter("kept", title="Mask of", help="")


class SegmentParameters(JobParameters):
    volume: str = slot("volume", title="Volume", help="")
    half_maps: str = slot("volume", title="Half maps", help="")


class LocalRefinementParameters(ReconstructParameters):
    volume: str = slot("volume", title="Volume", help="")
    mask: str = slot("mask", title="Mask", help="")
    fulcrum: str = parameter("mask", title="Fulcrum", help="")
    rotation_extent_deg: float = parameter(30.0, title="Rotation", help="")
    shift_extent_A: float = parameter(10.0, title="Shift", help="")
    max_iterations: int = parameter(15, title="Iterations", help="")
    background_poses: str = parameter("auto", title="Poses of the rest", help="")
    restart_audit: bool = parameter(True, title="Audit", help="")


def reconstruct(parameters, context):
    context.save_particles(context.read_particles(parameters.particles))
    save_noisy_truth(context)


def save_noisy_truth(context):
    from triskelion.data.volume import Volume
    from triskelion.io.mrc import read_volume

    truth = read_volume(context.project_folder / "J1" / "map_all.mrc")
    noise = np.random.default_rng(1)
    for name in ("map", "half_a", "half_b"):
        context.save_volume(Volume(truth.array + truth.array.std() * noise.standard_normal(truth.array.shape), truth.pixel_size_A), name)


def segment(parameters, context):
    """Cut the true map into its domains."""
    from triskelion.data.segmentation import Segmentation
    from triskelion.jobs.report_segmentation import report_segmentation

    whole = context.read_volume("J1.map_all")
    own = np.stack([context.read_volume(f"J1.map_{name}").array for name in ("body", "head", "foot", "arm")])
    labels = np.where(whole.array > 0.1 * whole.array.max(), own.argmax(axis=0) + 1, 0).astype(np.int32)
    report_segmentation(Segmentation(labels, np.zeros(5, int), np.zeros(5, int), whole.pixel_size_A, 0.1), whole, context)


def refine(parameters, context):
    """Find the true poses of the head, of as many particles as are given, unless the extents are 0."""
    save_noisy_truth(context)
    context.save_volume(context.read_mask(parameters.mask), "mask")
    given = context.read_particles(parameters.particles)
    truth = context.read_particles("J1.truth_head")
    fixed = parameters.rotation_extent_deg == 0
    context.save_particles(given if fixed else truth.select(np.isin(truth["uid"], given["uid"])))


@pytest.fixture
def stand_ins(monkeypatch):
    maps = {"particles": "particles", "map": "volume", "half_a": "volume", "half_b": "volume"}
    fakes = (
        JobType("reconstruct", "Reconstruct", ReconstructParameters, reconstruct, maps),
        JobType("nonuniform_refinement", "Refine all", NonuniformParameters, reconstruct, maps),
        JobType("segment_map", "Segment", SegmentParameters, segment, {"segmentation": "segmentation"}),
        JobType("particle_subtraction", "Subtract", SubtractionParameters, reconstruct, maps),
        JobType("local_refinement", "Refine", LocalRefinementParameters, refine, {**maps, "mask": "mask"}),
    )
    for fake in fakes:
        monkeypatch.setitem(sys.modules, f"triskelion.jobs.{fake.name}", SimpleNamespace(JOB=fake))


CONSENSUS = ["simulate", "import_particles", "reconstruct", "nonuniform_refinement", "segment_map"]
DOMAIN = ["mask_base", "volume_tools", "fulcrum", "local_refinement"]
WITHOUT_REST = ["volume_tools", "particle_subtraction", "reconstruct", "local_refinement", "compare"]


def test_the_demo_goes_through_the_workflow_and_compares_with_the_truth(stand_ins, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    report = run_demo(tmp_path / "demo", runner=InlineRunner(), series_particles=12, n_particles=40, box_px=48, pixel_size_A=8.4)
    assert report == tmp_path / "demo" / "report.html"
    jobs = Project(tmp_path / "demo").jobs
    types = [job.type for job in jobs]
    assert types[:18] == [*CONSENSUS, *DOMAIN, *DOMAIN, *WITHOUT_REST]
    assert types[18] == "series" and types[-7:] == ["local_refinement"] + ["sharpen"] * 6
    assert set(types[19:-7]) == {"volume_tools", "local_refinement"}
    out = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]] for line in out.splitlines() if line.count("│") > 3}
    assert list(rows) == list(DESCRIPTIONS.values())
    before, after, again, oracle, *_ = (float(row[1].rstrip("°")) for row in rows.values())
    assert before > 5 and after == again == oracle == 0
    text = report.read_text()
    assert TITLE in text and text.count("data:image/") > 20
    shown = {job.name for job in jobs} - {job.name for job in jobs[19:-7]}  # those of the series are in the series' own picture
    assert all(f'id="{name}"' in text for name in shown) and not any(f'id="{job.name}"' in text for job in jobs[19:-7])
    assert jobs[8].record.parameters["fulcrum"] == jobs[7].name


def test_an_existing_folder_is_left_alone(tmp_path):
    assert find_free_folder(tmp_path / "demo") == tmp_path / "demo"
    for name in ("demo", "demo-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    assert find_free_folder(tmp_path / "demo") == tmp_path / "demo-3"
