"""Options with several values: typed with commas, or given more than once."""

from typing import Any

import pytest

from triskelion.cli.job_options import run_with_options
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot


class Parameters(JobParameters):
    domains: tuple[str, ...] = slot("particles", title="Domains", help="Domains.")
    vary: tuple[str, ...] = parameter((), title="Vary", help="Vary.")
    names: tuple[str, ...] | None = parameter(None, title="Names", help="Names.")


def read(*arguments: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    job = JobType("job", "Do something", Parameters, lambda parameters, context: None, {})
    with pytest.raises(SystemExit) as end:
        run_with_options(job, list(arguments), "triskelion run job", lambda given, running: found.append(given))
    assert end.value.code == 0
    return found[0]


def test_an_option_may_be_given_more_than_once():
    assert read("--domains", "J8,J12", "--domains", "J14")["domains"] == ["J8", "J12", "J14"]
    assert read("--domains", "J8", "--vary", "a=1,2", "--vary", "b=3")["vary"] == ["a=1", "2", "b=3"]


def test_what_is_left_out_is_not_given():
    assert read("--domains", "J8") == {"domains": ["J8"]}
    assert read("--domains", "J8", "--names", "none")["names"] is None
