"""A slot that takes several inputs: each is checked and recorded."""

import sys
from types import SimpleNamespace

import pytest

from triskelion.errors import InputError
from triskelion.jobs import registry
from triskelion.jobs.spec import JobParameters, JobType, slot


class Parameters(JobParameters):
    maps: tuple[str, ...] = slot("volume", title="Maps", help="Maps.")


def add_up(parameters: Parameters, context) -> None:
    first, *others = (context.read_volume(reference) for reference in parameters.maps)
    context.summarize(total=float(first.array.sum() + sum(each.array.sum() for each in others)))


@pytest.fixture
def project(project, monkeypatch):
    monkeypatch.setattr(registry, "NAMES", (*registry.NAMES, "add_up"))
    monkeypatch.setitem(sys.modules, "triskelion.jobs.add_up", SimpleNamespace(JOB=JobType("add_up", "Add maps", Parameters, add_up, {})))
    return project


def test_jobs_and_files_fill_one_slot(project, monkeypatch):
    first, second = project.run("make"), project.run("make", level=2.0)
    monkeypatch.chdir(project.folder / "J2")
    added = project.run("add_up", maps=[first, "map.mrc"])
    assert added.summary["total"] == pytest.approx(27 + 2 * 27)
    assert added.record.inputs["maps.1"] == {"reference": "J1", "file": "J1/map.mrc"}
    assert added.record.inputs["maps.2"] == {"reference": "J2/map.mrc", "file": "J2/map.mrc"}
    assert added.record.command == "triskelion run add_up --maps J1,J2/map.mrc"
    assert second.name == "J2"


def test_each_input_is_checked_before_a_job_is_made(project):
    project.run("make")
    with pytest.raises(InputError, match="neither a job nor a file"):
        project.run("add_up", maps=["J1", "nothing.mrc"])
    assert len(project.jobs) == 1
