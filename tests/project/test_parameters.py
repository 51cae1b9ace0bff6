import shlex

import pytest

from triskelion.errors import InputError
from triskelion.jobs.registry import job_type
from triskelion.project.parameters import build_parameters, changed_parameters, command_line, describe_parameters


def test_every_problem_is_one_line_that_names_the_parameter(fake_jobs):
    with pytest.raises(InputError) as caught:
        build_parameters(fake_jobs.FAKES["make"], {"box_px": "twelve", "level": -1, "kind": "cube", "levle": 3})
    lines = str(caught.value).splitlines()
    assert lines[0] == "make cannot run with these parameters:"
    assert [line.strip() for line in lines[1:]] == [
        "box_px: got 'twelve', wanted integer (px)",
        "level: got -1, wanted greater than 0",
        "kind: got 'cube', wanted 'map' or 'mask'",
        "levle: there is no such parameter; did you mean level?",
    ]


def test_a_missing_input_says_what_may_stand_there(fake_jobs):
    with pytest.raises(InputError, match=r"volume: is missing, wanted a map: J5, J5.name or the path of an \.mrc file"):
        build_parameters(fake_jobs.FAKES["use"], {})


def test_descriptions_hold_unit_default_and_slot(fake_jobs):
    described = describe_parameters(fake_jobs.FAKES["use"])
    assert list(described) == ["volume", "mask", "factor", "seed"]
    assert (described["volume"].slot, described["volume"].required, described["mask"].takes_none) == ("volume", True, True)
    box = describe_parameters(fake_jobs.FAKES["make"])["box_px"]
    assert (box.unit, box.default, box.option) == ("px", 8, "--box-px")


def test_options_for_experts_stand_last():
    described = describe_parameters(job_type("nonuniform_refinement"))
    advanced = [p.advanced for p in described.values()]
    assert advanced == [*sorted(advanced[:-1]), False] and list(described)[-1] == "seed"


def test_the_command_line_gives_the_same_parameters_back(fake_jobs):
    make = fake_jobs.FAKES["make"]
    given = {"level": 0.1, "loud": True, "folder_path": "raw data"}
    parameters = build_parameters(make, given).model_dump(mode="json")
    assert changed_parameters(make, parameters) == {"level": 0.1, "folder_path": "raw data", "loud": True}
    assert command_line(make, parameters) == "triskelion run make --level 0.1 --folder-path 'raw data' --loud"
    assert shlex.split(command_line(make, parameters))[-2:] == ["raw data", "--loud"]
