"""What every test shares: threads, reproducible properties, and where the large data lie."""

import os
import shutil
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

from triskelion.api import Project
from triskelion.devices import available_threads
from triskelion.runners.inline import InlineRunner

REPOSITORY = Path(__file__).resolve().parents[1]

# Set before torch and numba are imported, and inherited by the worker processes that tests start. Numba gets
# at least 2, so that "another number of threads, same result" can be tested on a machine with one core.
os.environ.setdefault("OMP_NUM_THREADS", str(available_threads()))
os.environ.setdefault("NUMBA_NUM_THREADS", str(max(2, available_threads())))

# The same examples on every machine and in every run; how long one takes is no verdict.
hypothesis.settings.register_profile("reproducible", derandomize=True, deadline=None)
hypothesis.settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder ``shared`` beside the repository: real data and the independent simulator, too large to commit."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder shared/ beside the repository: real images and the independent simulator are not there")
    return folder


@pytest.fixture(scope="session")
def relion() -> Path:
    """Folder of RELION's programs."""
    program = shutil.which("relion_project")
    if program is None:
        pytest.skip("RELION is not installed (apt-get install relion)")
    return Path(program).parent


@pytest.fixture
def fake_jobs(monkeypatch) -> ModuleType:
    """Replace the job types by the quick ones of tests/project/fake_jobs.py."""
    from tests.project import fake_jobs

    fake_jobs.install(monkeypatch.setattr, monkeypatch.setitem)
    return fake_jobs


@pytest.fixture
def project(fake_jobs, tmp_path) -> Project:
    """Make a project whose jobs, the quick ones, run in this process."""
    return Project.new(tmp_path / "tri-snrnp", runner=InlineRunner())
