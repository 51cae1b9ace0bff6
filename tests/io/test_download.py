"""Downloads from a server that drops connections, knows no ranges, is busy, or lies about sizes."""

import os
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from tests.io.archive_server import serve_archive

from triskelion.errors import DataError, InputError
from triskelion.io import download
from triskelion.io.download import Patience, RemoteFile, download_files, measure_file, place_below

PATIENCE = Patience(attempts=3, first_wait_s=0.005)
SIZE = 200_000


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "CHUNK_BYTES", 4096)


@pytest.fixture
def archive(tmp_path):
    """Address, faults, the file as it is, and what the server tells of it."""
    folder = tmp_path / "server"
    folder.mkdir()
    content = np.random.default_rng(0).bytes(SIZE)
    (folder / "a.mrcs").write_bytes(content)
    with serve_archive(folder) as (address, faults):
        yield address, faults, content, RemoteFile("data/a.mrcs", f"{address}/a.mrcs", SIZE)


def list_all(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_files_arrive_whole_and_are_not_fetched_twice(archive, tmp_path):
    _, faults, content, file = archive
    assert measure_file(file.path, file.address, PATIENCE) == file
    told = []
    for _ in range(2):
        download_files([file], tmp_path / "to", 2, PATIENCE, told.append)
        assert (tmp_path / "to/data/a.mrcs").read_bytes() == content and list_all(tmp_path / "to") == ["a.mrcs"]
    assert sum(told) == 2 * SIZE
    assert [method for method, *_ in faults.seen] == ["HEAD", "GET"]


def test_broken_connections_are_gone_on_with(archive, tmp_path):
    _, faults, content, file = archive
    faults.drop_after = 30_000
    told = []
    download_files([file], tmp_path / "to", 1, PATIENCE, told.append)
    assert (tmp_path / "to/data/a.mrcs").read_bytes() == content and sum(told) == SIZE
    assert [where for *_, where in faults.seen] == ["", *(f"bytes={n}-" for n in range(30_000, SIZE, 30_000))]


def test_a_server_without_ranges_sends_all_and_what_is_there_is_kept(archive, tmp_path):
    _, faults, content, file = archive
    part = tmp_path / "to/data" / f".a.mrcs.{SIZE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content[:70_001])
    faults.no_range = True
    told = []
    download_files([file], tmp_path / "to", 1, PATIENCE, told.append)
    assert (tmp_path / "to/data/a.mrcs").read_bytes() == content and sum(told) == SIZE
    assert faults.seen == [("GET", "/a.mrcs", "bytes=70001-")] and not part.exists()


def test_a_file_that_never_arrives_whole_leaves_nothing_under_its_name(archive, tmp_path):
    _, faults, content, file = archive
    faults.drop_after, faults.no_range = 30_000, True
    with pytest.raises(DataError, match=r"(?s)1 of 1 files.*in 3 attempts.*30,000 of 200,000 bytes.*resume"):
        download_files([file], tmp_path / "to", 1, PATIENCE)
    assert list_all(tmp_path / "to") == [f".a.mrcs.{SIZE}.part"]
    faults.drop_after = None
    download_files([file], tmp_path / "to", 1, PATIENCE)
    assert (tmp_path / "to/data/a.mrcs").read_bytes() == content


@pytest.mark.parametrize("wrong", [SIZE - 1000, SIZE + 1000])
def test_sizes_that_do_not_agree_are_refused(archive, tmp_path, wrong):
    _, faults, _, file = archive
    faults.told_size = wrong
    measured = measure_file(file.path, file.address, PATIENCE)
    with pytest.raises(DataError, match=f"has {SIZE} bytes, but the server told {wrong}"):
        download_files([measured], tmp_path / "to", 1, PATIENCE)
    assert "a.mrcs" not in list_all(tmp_path / "to")


def test_another_part_than_was_asked_for_is_refused(archive, tmp_path):
    _, faults, _, file = archive
    faults.drop_after, faults.wrong_range = 30_000, True
    with pytest.raises(DataError, match="from 30,000 of 200,000 on, the server sends others"):
        download_files([file], tmp_path / "to", 1, PATIENCE)


def test_a_busy_server_is_asked_again_but_not_for_ever(archive, tmp_path):
    _, faults, content, file = archive
    faults.busy = 2
    download_files([file], tmp_path / "to", 1, PATIENCE)
    assert (tmp_path / "to/data/a.mrcs").read_bytes() == content
    faults.busy = 3
    with pytest.raises(DataError, match=r"in 3 attempts: the server answers 503"):
        measure_file(file.path, file.address, PATIENCE)


def test_a_missing_file_does_not_keep_the_others_from_arriving(archive, tmp_path):
    address, faults, _, file = archive
    missing = RemoteFile("data/b.mrcs", f"{address}/b.mrcs", 5)
    with pytest.raises(DataError, match=r"1 of 2 files could not be fetched:\n.*b\.mrcs: the server answers 404"):
        download_files([missing, file], tmp_path / "to", 1, PATIENCE)
    assert "a.mrcs" in list_all(tmp_path / "to")
    assert sum("b.mrcs" in path for _, path, _ in faults.seen) == 1  # no use in asking again


def test_a_server_that_is_not_there(tmp_path):
    with serve_archive(tmp_path) as (address, _):
        pass
    with pytest.raises(DataError, match=r"in 3 attempts: .*refused"):
        measure_file("a", f"{address}/a", PATIENCE)
    with pytest.raises(DataError, match="only http and https"):
        measure_file("a", "file:///etc/hostname", PATIENCE)


def test_many_files_at_a_time(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    contents = {f"{number}.mrcs": np.random.default_rng(number).bytes(20_000 * number) for number in range(12)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with serve_archive(folder) as (address, faults):
        faults.drop_after = 50_000
        files = [RemoteFile(name, f"{address}/{name}", len(content)) for name, content in contents.items()]
        download_files(files, tmp_path / "to", 5, PATIENCE)
    assert {name: (tmp_path / "to" / name).read_bytes() for name in contents} == contents
    assert list_all(tmp_path / "to") == sorted(contents)


def test_whoever_is_told_of_progress_can_end_it(archive, tmp_path):
    *_, content, file = archive

    def end(n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_files([file], tmp_path / "to", 1, PATIENCE, end)
    download_files([file], tmp_path / "to", 1, PATIENCE)
    assert (tmp_path / "to/data/a.mrcs").read_bytes() == content


def test_a_full_disk_is_told_before_and_while(archive, tmp_path, monkeypatch):
    *_, file = archive
    usage = namedtuple("usage", "total used free")(10, 10, SIZE - 1)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="choose fewer files or another folder"):
        download_files([file], tmp_path / "to", 1, PATIENCE)
    monkeypatch.undo()
    monkeypatch.setattr(download.os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(DataError, match=r"a\.mrcs cannot be written: No space left on device"):
        download_files([file], tmp_path / "to", 1, PATIENCE)
    assert "a.mrcs" not in list_all(tmp_path / "to")


@pytest.mark.parametrize("path", ["../a", "/etc/a", "a/../../b", "a\\..\\b", "", "link/a"])
def test_paths_outside_the_folder_are_refused(tmp_path, path):
    folder = tmp_path / "to"
    folder.mkdir()
    os.symlink(tmp_path, folder / "link")
    with pytest.raises(DataError, match="refused"):
        place_below(folder, path)
    assert place_below(folder, "data/.hidden/a..b") == folder / "data/.hidden/a..b"
