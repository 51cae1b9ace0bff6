"""docs/jobs tells what the parameter models say now."""

import runpy
from pathlib import Path


def test_the_pages_are_up_to_date(repository: Path):
    wanted = {name: text.rstrip("\n") + "\n" for name, text in runpy.run_path(str(repository / "docs" / "make_job_pages.py"))["make_pages"]().items()}
    found = {path.name: path.read_text(encoding="utf-8") for path in (repository / "docs" / "jobs").glob("*.md")}
    assert sorted(found) == sorted(wanted)
    stale = [name for name in wanted if found[name] != wanted[name]]
    assert not stale, f"{stale}: write them again with python docs/make_job_pages.py"


def test_every_parameter_is_explained(repository: Path):
    page = (repository / "docs" / "jobs" / "local_refinement.md").read_text(encoding="utf-8")
    assert "| `--rotation-extent-deg` | 30 ° | ≥ 0, ≤ 180 ° | **Rotation extent.**" in page
    assert "| `--mask` | mask |" in page
