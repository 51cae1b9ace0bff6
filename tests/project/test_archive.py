import io
import json
import shutil
import sys
import tarfile

import pytest
from tests.project.image_stacks import read_images

from triskelion.api import Project
from triskelion.errors import DataError, InputError, JobError
from triskelion.runners.inline import InlineRunner

needs_zstd = pytest.mark.skipif(sys.version_info < (3, 14) and shutil.which("zstd") is None, reason="there is no program zstd (apt-get install zstd)")


@pytest.fixture
def elsewhere(fake_jobs, tmp_path) -> Project:
    return Project.new(tmp_path / "far" / "elsewhere", runner=InlineRunner())


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "notes.jsonl"}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", pytest.param(".tar.zst", marks=needs_zstd)])
def test_a_project_comes_back_as_it_was(imported, elsewhere, tmp_path, suffix):
    contents = imported.upkeep.export(tmp_path / f"all{suffix}")
    assert list(contents.jobs) == ["J1", "J2", "J3", "J4", "J5"]
    assert elsewhere.upkeep.import_archive(tmp_path / f"all{suffix}") == {name: name for name in contents.jobs}
    for job in elsewhere.jobs:
        assert files_of(job.folder) == files_of(imported.folder / job.name)
    assert (read_images(elsewhere, "J2") == read_images(imported, "J2")).all()  # links point where they did
    assert elsewhere.job("J5").notes.notes[0].text.startswith(f"imported from all{suffix}: J5 of tri-snrnp")
    assert elsewhere.upkeep.examine().is_healthy
    assert elsewhere.rerun("J5").is_identical


def test_lineage_and_images_come_along_when_asked(imported, elsewhere, raw, tmp_path):
    before = read_images(imported, "J3")
    path = tmp_path / "a.tar.gz"
    assert list(imported.upkeep.export(path, ["J3"]).jobs) == ["J3"]
    assert list(imported.upkeep.export(path, ["J3"], with_lineage=True).jobs) == ["J1", "J2", "J3"]
    contents = imported.upkeep.export(path, ["J3"], with_images=True)
    assert (list(contents.jobs), contents.links, list(contents.absent)) == (["J1", "J3"], {}, ["J2"])
    assert contents.outside == ()
    elsewhere.upkeep.import_archive(path)
    shutil.rmtree(raw)
    shutil.rmtree(imported.folder)
    assert (read_images(elsewhere, "J3") == before).all()


def test_taken_numbers_are_replaced_and_references_follow(imported, elsewhere, tmp_path):
    elsewhere.run("make")
    elsewhere.run("make")
    elsewhere.upkeep.delete(["J2"])
    before = read_images(imported, "J3")
    imported.clone("J3")
    imported.upkeep.export(tmp_path / "a.tar.xz", ["J6", "J5"], with_lineage=True)
    names = elsewhere.upkeep.import_archive(tmp_path / "a.tar.xz")
    assert (names["J1"], names["J2"], names["J4"], names["J5"], names["J6"]) == ("J3", "J4", "J5", "J6", "J7")
    clone = elsewhere.job("J7").record
    assert (clone.parameters["particles"], clone.inputs["particles"]["file"]) == ("J4.particles", "J4/particles.star")
    assert (clone.command, clone.cloned_from) == ("triskelion run shift --particles J4.particles", None)
    assert json.loads((elsewhere.folder / "J7" / "job.json").read_text())["name"] == "J7"
    assert elsewhere.job("J6").record.parameters["volume"] == "J5"
    assert (read_images(elsewhere, "J7") == before).all()
    assert "@J3/images/day1/a.mrcs" in (elsewhere.folder / "J7" / "particles.star").read_text()
    assert elsewhere.upkeep.examine().is_healthy
    assert elsewhere.rerun("J6").is_identical and elsewhere.rerun("J7").is_identical


def test_a_job_that_a_parameter_names_is_renamed_too(imported, elsewhere, tmp_path):
    """A fulcrum may be the job that found it."""
    record = json.loads((imported.folder / "J5" / "job.json").read_text())
    record |= {"type": "of_another_version", "parameters": {**record["parameters"], "fulcrum": "J4"}}
    (imported.folder / "J5" / "job.json").write_text(json.dumps(record))
    for _ in range(4):
        elsewhere.run("make")
    imported.upkeep.export(tmp_path / "a.tar", ["J5"], with_lineage=True)
    names = elsewhere.upkeep.import_archive(tmp_path / "a.tar")
    arrived = json.loads((elsewhere.folder / names["J5"] / "job.json").read_text())
    assert arrived["parameters"]["fulcrum"] == names["J4"] != "J4"


def test_jobs_that_stay_behind_are_referred_to_by_their_files(imported, elsewhere, tmp_path):
    elsewhere.run("make", level=7.0)  # another J1
    for _ in range(3):
        elsewhere.run("make", level=7.0)
    imported.upkeep.export(tmp_path / "a.tar", ["J5", "J2"])
    names = elsewhere.upkeep.import_archive(tmp_path / "a.tar")
    record = elsewhere.job(names["J5"]).record
    assert record.parameters["volume"] == record.inputs["volume"]["file"] == str(imported.folder / "J4" / "map.mrc")
    assert f"@{imported.folder}/J1/images/day1/a.mrcs" in elsewhere.job(names["J2"]).path("particles").read_text()
    assert (read_images(elsewhere, names["J2"]) == read_images(imported, "J2")).all()


def test_a_job_that_comes_home_finds_its_inputs(imported, tmp_path):
    imported.upkeep.export(tmp_path / "a.tar", ["J5"])
    imported.upkeep.delete(["J5"])
    assert imported.upkeep.import_archive(tmp_path / "a.tar") == {"J5": "J6"}
    assert imported.job("J6").record.inputs["volume"] == {"reference": "J4", "file": "J4/map.mrc"}
    assert imported.rerun("J6").is_identical


def test_what_cannot_be_exported_is_refused(imported, raw, tmp_path):
    with pytest.raises(InputError, match=r"got the archive name a\.zip: end it in"):
        imported.upkeep.export(tmp_path / "a.zip")
    imported.prepare("make")
    with pytest.raises(JobError, match="J6 is queued: export it when it has ended"):
        imported.upkeep.export(tmp_path / "a.tar", ["J6"])
    assert "J6" not in imported.upkeep.export(tmp_path / "a.tar").jobs
    shutil.rmtree(raw)
    with pytest.raises(JobError, match="leads to no file"):
        imported.upkeep.export(tmp_path / "b.tar", with_images=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "tri-snrnp"]


def write_tar(path, entries):
    with tarfile.open(path, "w") as archive:
        for entry, data in entries:
            entry = tarfile.TarInfo(entry) if isinstance(entry, str) else entry
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def contents(**changes):
    fields = {"title": "p", "folder": "/p", "jobs": {"J1": 1.0}, "absent": {}, "links": {}, "outside": [], "with_images": False, "format": 1}
    return "archive.json", json.dumps({**fields, "made": 1.0, **changes}).encode()


RECORD = json.dumps({"type": "make", "parameters": {}}).encode()


def symbolic_link(name, target):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([("a.txt", b"")], "not one that 'triskelion export' wrote"),
        ([contents(format=2)], "format 2, this program reads 1"),
        ([contents(jobs={"../J1": 1.0})], "damaged"),
        ([("archive.json", b"[]")], "damaged"),
        ([contents()], "no job.json of J1"),
        ([contents(), ("../evil", b"")], "not a plain file of one of its jobs"),
        ([contents(), ("J1/../../evil", b"")], "not a plain file of one of its jobs"),
        ([contents(), ("J2/job.json", b"")], "not a plain file of one of its jobs"),
        ([contents(), (symbolic_link("J1/job.json", "/etc/passwd"), b"")], "not a plain file of one of its jobs"),
        ([contents(links={"../evil.mrcs": "/etc"}), ("J1/job.json", RECORD)], "not in one of its jobs"),
        ([contents(links={"J1/notes.jsonl": "/nowhere"}), ("J1/job.json", RECORD)], "not in one of its jobs"),
        ([contents(links={"J1/a.mrcs": "/nowhere"}), ("J1/job.json", RECORD), ("J1/a.mrcs", b"")], "not in one of its jobs"),
        ([contents(links={"J1/x.mrcs": "/nowhere/at/all", "J1/x.mrcs/y.mrcs": "/etc"}), ("J1/job.json", RECORD)], "not in one of its jobs"),
        ([contents(), ("J1/job.json", b"{")], "not valid JSON"),
        ([contents(), ("J1/job.json", b"{}")], "not the record of a job"),
    ],
)
def test_archives_of_others_touch_nothing(project, tmp_path, entries, message):
    before = sorted(path.name for path in tmp_path.rglob("*"))
    path = write_tar(tmp_path / "a.tar", entries)
    with pytest.raises((InputError, DataError), match=message):
        project.upkeep.import_archive(path)
    path.unlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    with pytest.raises(InputError, match="there is no archive"):
        project.upkeep.import_archive(path)


def test_zstd_is_asked_for_where_nothing_knows_it(imported, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setattr("triskelion.project.packing._KNOWS_ZSTD", False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"there is no program zstd: install that, or use \.tar\.gz"):
        imported.upkeep.export(tmp_path / "a.tar.zst")
    with pytest.raises(InputError, match="there is no program zstd"):
        elsewhere.upkeep.import_archive(tmp_path / "a.tar.zst")


@pytest.mark.parametrize("suffix", [".tar.gz", pytest.param(".tar.zst", marks=needs_zstd)])
def test_an_archive_cut_short_is_refused(imported, elsewhere, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    imported.upkeep.export(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match="cannot be opened as an archive"):
        elsewhere.upkeep.import_archive(path)
    assert elsewhere.jobs == []
