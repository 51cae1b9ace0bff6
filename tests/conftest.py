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


@pytest.fixture
def raw(tmp_path) -> Path:
    """Make a folder outside the project with two stacks of 3 and 2 images."""
    from tests.project.image_stacks import write_images

    write_images(tmp_path / "raw" / "day1" / "a.mrcs", 3)
    write_images(tmp_path / "raw" / "day2" / "a.mrcs", 2)
    return tmp_path / "raw"


@pytest.fixture
def imported(project: Project, raw: Path) -> Project:
    """Make J1 (bring: linked images), J2 (shift of J1), J3 (shift of J2), J4 (make: maps) and J5 (use of J4)."""
    for job_type, parameters in (
        ("bring", {"raw": raw}),
        ("shift", {"particles": "J1"}),
        ("shift", {"particles": "J2.particles"}),
        ("make", {"level": 3.0}),
        ("use", {"volume": "J4"}),
    ):
        project.run(job_type, **parameters)
    return project
