"""The fake job types of tests/project/fake_jobs.py, and a project to run them in."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from triskelion.api import Project
from triskelion.runners.inline import InlineRunner


@pytest.fixture
def fake_jobs(monkeypatch) -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "project" / "fake_jobs.py"
    spec = importlib.util.spec_from_file_location("fake_jobs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install(monkeypatch.setattr, monkeypatch.setitem)
    return module


@pytest.fixture
def project(fake_jobs, tmp_path) -> Project:
    """A new project whose jobs run in this process."""
    return Project.new(tmp_path / "tri-snrnp", runner=InlineRunner())
