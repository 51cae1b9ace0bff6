"""The job fetch_empiar on a copy of an entry."""

import json

import pytest
from tests.io.archive_server import serve_archive
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.api import Project
from triskelion.errors import DataError, InputError, JobCancelled
from triskelion.jobs.fetch_empiar import format_size
from triskelion.runners.inline import InlineRunner

CONTENTS = {"data/shiny.star": b"data_\n", "data/rawdata/a.mrcs": bytes(3_200_000), "data/rawdata/b.mrcs": bytes(range(256)) * 4}


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name, content in CONTENTS.items():
        path = tmp_path / "archive" / "10073" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with serve_archive(tmp_path / "archive") as (address, faults):
        yield address, faults


def test_files_their_list_and_what_to_do_next(server, tmp_path):
    context = run_job("fetch_empiar", FakeContext(tmp_path / "project", "J1"), entry="EMPIAR-10073", address=server[0])
    for name, content in CONTENTS.items():
        assert (context.folder / "files" / name).read_bytes() == content
    listed = json.loads((context.folder / "files.json").read_text())["files"]
    assert {each["path"]: each["size_bytes"] for each in listed} == {name: len(content) for name, content in CONTENTS.items()}
    assert context.summary["n_files"] == 3 and context.summary["size_MB"] == pytest.approx(3.20103)
    assert (context.bars[-1].done, context.bars[-1].total) == (3, 4)
    assert any("import_particles --meta" in line and "shiny.star" in line for line in context.logs)


def test_only_what_is_wanted_where_it_is_wanted(server, tmp_path):
    given = {"entry": "10073", "address": server[0], "files": ("data/rawdata/b*",), "folder": "elsewhere"}
    run_job("fetch_empiar", FakeContext(tmp_path / "project", "J1"), **given)
    assert [path.name for path in (tmp_path / "project" / "elsewhere").rglob("*") if path.is_file()] == ["b.mrcs"]
    with pytest.raises(InputError, match="has no file that fits movies"):
        run_job("fetch_empiar", FakeContext(tmp_path / "project", "J2"), **given | {"files": ("movies",)})


def test_a_cancelled_job_goes_on_where_it_was(server, tmp_path):
    address, faults = server

    class Cancelled(FakeContext):
        def progress(self, total: int, title: str):
            if title.startswith("Downloading"):
                raise JobCancelled("stopped")
            return super().progress(total, title)

    with pytest.raises(JobCancelled):
        run_job("fetch_empiar", Cancelled(tmp_path / "project", "J1"), entry="10073", address=address)
    part = tmp_path / "project/J1/files/data/rawdata" / ".a.mrcs.3200000.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1_000_000))
    faults.seen.clear()
    run_job("fetch_empiar", FakeContext(tmp_path / "project", "J1"), entry="10073", address=address)
    assert ("GET", "/10073/data/rawdata/a.mrcs", "bytes=1000000-") in faults.seen and not part.exists()


def test_a_file_outside_the_folder_is_refused_before_anything_is_fetched(server, tmp_path):
    address, faults = server
    faults.page = b'<a href="%2e%2e%2fescape">x</a>'
    with pytest.raises(DataError, match="refused"):
        run_job("fetch_empiar", FakeContext(tmp_path / "project", "J1"), entry="10073", address=address)
    assert not (tmp_path / "project/J1/files").exists()


def test_the_preview_lists_and_fetches_nothing(server, tmp_path):
    address, faults = server
    project = Project.new(tmp_path / "project", runner=InlineRunner())
    lines = project.preview("fetch_empiar", entry="10073", address=address)
    assert lines == ["   3.2 MB  data/rawdata/a.mrcs", "   1.0 kB  data/rawdata/b.mrcs", "      6 B  data/shiny.star", "3 files, 3.2 MB"]
    assert not any(method == "GET" and path.endswith("mrcs") for method, path, _ in faults.seen)


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3_200_000_000, "3.2 GB"), (5 * 10**15, "5000.0 TB")])
def test_sizes_in_words(size, text):
    assert format_size(size) == text
