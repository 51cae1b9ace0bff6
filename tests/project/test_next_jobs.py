"""Hints of what to do next: they name jobs and parameters that exist, and fill in what fits."""

import json

import pytest

from triskelion.jobs.registry import NAMES, job_type
from triskelion.project import next_jobs
from triskelion.project.next_jobs import suggest_next
from triskelion.project.parameters import describe_parameters


@pytest.mark.parametrize("name", sorted(next_jobs._AFTER))
def test_every_hint_can_be_followed(name):
    outputs = set(job_type(name).outputs.values())
    for following, wanted, reason in next_jobs._AFTER[name]:
        assert following in NAMES and reason
        described = describe_parameters(job_type(following))
        for parameter, source in wanted.items():
            assert parameter in described, (following, parameter)
            if source == "job":
                assert described[parameter].slot in outputs, (following, parameter)


def test_every_job_that_gives_something_to_go_on_with_has_a_hint():
    ends = {"fetch_empiar", "local_resolution", "composite_map"}  # what comes after these is no job of one input
    giving = {name for name in NAMES if job_type(name).outputs}
    assert giving - set(next_jobs._AFTER) <= ends


@pytest.fixture
def hints(monkeypatch):
    """Give the quick jobs hints of their own."""
    after = {
        "make": (("use", {"volume": "job"}, "use the map"),),
        "use": (
            ("use", {"volume": "job", "mask": "mask"}, "again"),
            ("make", {"level": "name"}, "by name"),
            ("shift", {"particles": "job"}, "never"),
        ),
        "cut": (("use", {"volume": "volume"}, "with the newest map"),),
    }
    monkeypatch.setattr(next_jobs, "_AFTER", after)


def test_a_hint_fills_in_outputs_inputs_and_names(project, hints):
    project.run("make")
    project.run("make", kind="mask")
    project.run("use", volume="J1", mask="J2")
    waiting = project.prepare("make")
    prefills = lambda name: [(hint.type, hint.prefill) for hint in suggest_next(project.job(name).paths)]
    assert prefills("J1") == [("use", {"volume": "J1"})]
    assert prefills("J2") == []  # a mask is no map
    assert prefills("J3") == [("use", {"volume": "J3", "mask": "J2"}), ("make", {"level": "J3"})]
    assert prefills(waiting.name) == []


def test_what_an_input_was_made_from_is_found(project, hints):
    made = project.run("make")
    cut = project.run("cut")
    record = json.loads(cut.paths.record.read_text())
    record["inputs"] = {"volume": {"reference": made.name, "file": f"{made.name}/map.mrc"}}
    cut.paths.record.write_text(json.dumps(record))
    used = project.run("use", volume=made)
    assert [hint.prefill for hint in suggest_next(cut.paths)] == [{"volume": made.name}]
    assert suggest_next(used.paths)[0].prefill == {"volume": used.name}
