"""Series of quick jobs: every setting on every subset, masks made on the way, the best told from chance, killed series that go on."""

import csv
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from triskelion.api import Project
from triskelion.data.particles import HALF_A
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError, JobCancelled
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.jobs import registry
from triskelion.jobs.series import SeriesParameters
from triskelion.jobs.series_grid import list_points, list_values, parse_settings
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot
from triskelion.runners.base import JobFailed
from triskelion.runners.inline import InlineRunner

BOX_PX, PIXEL_SIZE_A = 24, 5.0
Z, Y, X = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX] - BOX_PX // 2
RADIUS = np.sqrt(X**2 + Y**2 + Z**2)
SIGNAL = np.random.default_rng(0).standard_normal((BOX_PX,) * 3).astype(np.float32) * (RADIUS < 8)


class MaskParameters(JobParameters):
    radius_px: float = parameter(8.0, title="Radius", gt=0, help="Radius.")


def make_mask(parameters: MaskParameters, context) -> None:
    context.save_volume(Mask(np.clip(parameters.radius_px + 2 - RADIUS, 0, 2) / 2, PIXEL_SIZE_A), "mask")


class RefineParameters(JobParameters):
    particles: str = slot("particles", title="Particles", help="Particles.")
    mask: str = slot("mask", title="Mask", help="Mask.")
    noise: float = parameter(1.0, title="Noise", ge=0, help="Noise of the half maps.")
    turn_deg: float = parameter(0.0, title="Turn", help="By how much poses are turned about x, y or z.")
    end: str | None = parameter(None, title="End", help="How to end badly.")


def refine(parameters: RefineParameters, context) -> None:
    if parameters.end == "failed":
        raise InputError("the mask touches the edge of the box")
    particles = context.read_particles(parameters.particles)
    generator = np.random.default_rng([int(particles["uid"].sum()), len(particles)])
    for name in ("half_a", "half_b"):
        noise = generator.standard_normal(SIGNAL.shape).astype(np.float32)
        context.save_volume(Volume(SIGNAL + parameters.noise * noise, PIXEL_SIZE_A), name)
    context.save_volume(context.read_mask(parameters.mask), "mask")
    axis = np.eye(3)[np.arange(len(particles)) % 3]
    turned = rotvec_to_matrix(particles["rotvec_rad"]) @ rotvec_to_matrix(
        np.deg2rad(parameters.turn_deg) * axis * (-1.0) ** particles["uid"][:, None]
    )
    context.save_particles(particles.with_columns(rotvec_rad=matrix_to_rotvec(turned)))


FAKES = {
    "quick_mask": JobType("quick_mask", "Make a mask", MaskParameters, make_mask, {"mask": "mask"}),
    "quick_refine": JobType(
        "quick_refine", "Refine", RefineParameters, refine, {"half_a": "volume", "half_b": "volume", "mask": "mask", "particles": "particles"}
    ),
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """A project with particles, and quick jobs beside the real ones."""
    from tests.refine.scene import draw_poses, make_particles

    monkeypatch.setattr(registry, "NAMES", (*registry.NAMES, *FAKES))
    for name, fake in FAKES.items():
        monkeypatch.setitem(sys.modules, f"triskelion.jobs.{name}", SimpleNamespace(JOB=fake, __doc__="A fake."))
    project = Project.new(tmp_path / "project", runner=InlineRunner())
    write_particles(project.folder / "all.star", make_particles(draw_poses(80, 1), 1))
    return project


FIXED = ["particles=all.star", "mask=quick_mask"]


def types_of(project: Project) -> list[str]:
    return [job.type for job in project.jobs]


def test_masks_are_made_once_for_each_setting_and_the_best_is_named(project):
    series = project.run(
        "series", base="quick_refine", fixed=FIXED, vary=["mask.radius_px=3,8", "noise=0.4,1,2"], particles=str(project.folder / "all.star")
    )
    assert types_of(project).count("quick_mask") == 2
    assert types_of(project).count("quick_refine") == 2 * 3 * 2
    found = json.loads(series.path("series").read_text())
    assert found["best"]["noise"] == "0.4"
    assert found["probability"] < 0.01
    rows = list(csv.DictReader(series.path("series.csv").read_text().splitlines()))
    assert len(rows) == 12 and {row["subset"] for row in rows} == {"1", "2"}
    assert {row["job"] for row in rows} <= {job.name for job in project.jobs}
    subsets = [read_particles(series.path(f"subset_{number}.star")) for number in (1, 2)]
    assert not np.intersect1d(*(subset["uid"] for subset in subsets)).size
    assert {int((subset["half_set"] == HALF_A).sum()) for subset in subsets} == {20}
    refined = [job for job in project.jobs if job.type == "quick_refine"]
    masks = {job.record.parameters["mask"] for job in refined}
    assert masks == {job.name for job in project.jobs if job.type == "quick_mask"}


def test_a_small_mask_is_not_better_because_it_has_less_noise_inside(project):
    series = project.run("series", base="quick_refine", fixed=FIXED, vary=["mask.radius_px=4,9"])
    found = json.loads(series.path("series").read_text())
    assert found["mean_fsc"][0] == pytest.approx(found["mean_fsc"][1], abs=1e-6)  # the same maps: the masks do not change them


def test_a_job_is_run_again_with_its_own_parameters(project):
    mask = project.run("quick_mask", radius_px=6)
    first = project.run("quick_refine", particles=str(project.folder / "all.star"), mask=mask, noise=0.7)
    project.run("series", base=first.name, vary={"mask.radius_px": [5, 7]}, n_particles=40)
    again = [job.record.parameters for job in project.jobs if job.type == "quick_refine"][1:]
    assert len(again) == 4 and all(parameters["noise"] == 0.7 for parameters in again)
    radii = [job.record.parameters["radius_px"] for job in project.jobs if job.type == "quick_mask"]
    assert radii == [6, 5, 7]


def test_settings_that_do_nothing_are_called_noise(project):
    series = project.run("series", base="quick_refine", fixed=FIXED, vary=["turn_deg=0,1,2"], repeats=3)
    assert any("differences between settings are noise" in warning for warning in series.summary["warnings"])
    found = json.loads(series.path("series").read_text())
    assert found["settings_sd"] == pytest.approx(0, abs=1e-9)  # the maps are the same: nothing differs
    angles = {(pair["first"], pair["second"]): pair["angle_deg"] for pair in found["pose_agreement"]}
    assert angles.keys() == {(0, 1), (1, 2)}
    assert angles[0, 1] == pytest.approx(1.0, abs=0.1)


def test_one_subset_cannot_tell_chance(project):
    series = project.run("series", base="quick_refine", fixed=FIXED, vary=["noise=1,1.1"], repeats=1)
    assert "chance cannot be told" in series.summary["warnings"][-1]


def test_a_setting_that_fails_is_left_out(project):
    series = project.run("series", base="quick_refine", fixed=FIXED, vary=["end=none,failed", "noise=0.5,2"])
    assert sum("the mask touches the edge" in warning for warning in series.summary["warnings"]) == 4
    found = json.loads(series.path("series").read_text())
    assert found["mean_fsc"][2:] == [None, None] and found["best"] == {"end": "none", "noise": "0.5"}
    assert [row["job"] for row in csv.DictReader(series.path("series.csv").read_text().splitlines())].count("failed") == 4


def test_a_killed_series_goes_on_without_running_again_what_is_done(project, monkeypatch):
    calls = []

    def refine_and_stop(parameters, context):
        calls.append(context.folder.name)
        if len(calls) == 3:
            raise JobCancelled("asked to stop")
        refine(parameters, context)

    fake = FAKES["quick_refine"]
    stopping = JobType(fake.name, fake.title, fake.parameters, refine_and_stop, fake.outputs)
    monkeypatch.setitem(sys.modules, "triskelion.jobs.quick_refine", SimpleNamespace(JOB=stopping, __doc__="A fake."))
    series = project.prepare("series", base="quick_refine", fixed=FIXED, vary=["noise=0.5,1,2"])
    with pytest.raises(JobFailed):
        series.run()
    assert series.status.state == "killed" and len(calls) == 3
    series.requeue().run()
    assert len(calls) == 3 + 4  # six in all, two of them were done
    assert types_of(project).count("quick_mask") == 1
    assert len(list(csv.DictReader(series.path("series.csv").read_text().splitlines()))) == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"vary": ["noise=1,2", "nose=1,2"]}, "nose"),
        ({"vary": ["noise=1,-2"]}, "noise: Input should be greater than or equal to 0"),
        ({"vary": ["mask.radius=1,2"]}, "radius"),
        ({"vary": ["noise=1,2"], "fixed": [*FIXED, "noise=3"]}, "noise is both fixed and varied"),
        ({"vary": ["noise=1,2"], "fixed": FIXED[1:]}, "a series wants particles"),
        ({"vary": ["noise"]}, "wanted name=value"),
        ({"vary": ["mask.radius_px=2,3"], "fixed": FIXED[:1]}, "not what makes the mask"),
        ({"vary": ["radius_px=2,3"], "base": "quick_mask"}, "particles"),
        ({"vary": ["noise=2,3"], "base": "quick"}, "wanted a job .J8. or a job type"),
        ({"vary": ["noise=2,3"], "n_particles": 81}, "a subset of 81 of 80 particles"),
    ],
)
def test_bad_series_run_nothing(project, given, message):
    with pytest.raises(JobFailed, match=message):
        project.run("series", **{"base": "quick_refine", "fixed": FIXED, **given})
    assert types_of(project) == ["series"]


@pytest.mark.parametrize(
    ("given", "items"),
    [
        (["dilation_px=3", "5", "7", "fulcrum=1", "2", "3"], ("dilation_px=3,5,7", "fulcrum=1,2,3")),
        ({"dilation_px": [3, 5], "fulcrum": ["1,2,3", "4,5,6"]}, ("dilation_px=3,5", "fulcrum=1,2,3;4,5,6")),
        ("mask.soft_padding_px=10,17", ("mask.soft_padding_px=10,17",)),
    ],
)
def test_items_from_the_command_line_and_from_python(given, items):
    """Commas separate values; the command line splits at all of them."""
    assert SeriesParameters(base="J8", vary=given).vary == items


def test_points_of_a_grid():
    varied = parse_settings(["a=1,2", "b=x,y;z"], "vary")
    assert list_values("1,2,3;4,5,6") == ["1,2,3", "4,5,6"]
    assert list_points(varied) == [{"a": "1", "b": "x,y"}, {"a": "1", "b": "z"}, {"a": "2", "b": "x,y"}, {"a": "2", "b": "z"}]
