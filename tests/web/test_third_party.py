"""What the build fetches is what was locked, from the registry that was named, and nothing more of it is taken."""

import base64
import hashlib
import importlib.util
import io
import json
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling is not installed: pip install triskelion[dev]")


@pytest.fixture
def hook(repository: Path):
    """Load the build hook."""
    spec = importlib.util.spec_from_file_location("hatch_build", repository / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch) -> Path:
    """Make a project that takes one file of a package in a registry of its own."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("package/dist/a.mjs", b"export {}"), ("package/LICENSE", b"free"), ("../../evil.js", b"evil")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    place = tmp_path / "registry" / "@some" / "tool" / "-"
    place.mkdir(parents=True)
    (place / "tool-1.2.3.tgz").write_bytes(packed.getvalue())
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"take": {"@some/tool": {"dist/a.mjs": "tool/a.js"}}}))
    lock = {"packages": {"node_modules/@some/tool": {"version": "1.2.3", "integrity": integrity}}}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path / "registry")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_address[1]}")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_what_is_named_is_taken(hook, project_folder):
    hook.install_files(project_folder)
    target = project_folder / hook.FOLDER
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == ["packages.json", "tool/a.js"]
    assert (target / "tool" / "a.js").read_text() == "export {}"
    assert not list(project_folder.parent.rglob("evil.js"))


def test_what_is_there_is_not_fetched_again_and_what_changed_is(hook, project_folder, monkeypatch):
    hook.install_files(project_folder)
    registry = hook.find_registry()
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    hook.install_files(project_folder)
    (project_folder / "package.json").write_text(json.dumps({"take": {"@some/tool": {"LICENSE": "tool/LICENSE"}}}))
    with pytest.raises(OSError, match="refused"):
        hook.install_files(project_folder)
    assert (project_folder / hook.FOLDER / "tool" / "a.js").is_file()  # what was there stays until there is better
    monkeypatch.setenv("npm_config_registry", registry)
    hook.install_files(project_folder)
    assert not (project_folder / hook.FOLDER / "tool" / "a.js").exists()


def test_another_package_than_the_locked_one_is_refused(hook, project_folder):
    lock = json.loads((project_folder / "package-lock.json").read_text())
    lock["packages"]["node_modules/@some/tool"]["integrity"] = "sha512-" + base64.b64encode(bytes(64)).decode()
    (project_folder / "package-lock.json").write_text(json.dumps(lock))
    with pytest.raises(ValueError, match=r"package-lock\.json wants sha512-AAAA"):
        hook.install_files(project_folder)
    assert not (project_folder / hook.FOLDER).exists()


def test_the_registry_is_the_one_that_is_named(hook, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("npm_config_registry", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="set npm_config_registry"):
        hook.find_registry()
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\n[ "$*" = "config get registry" ] && echo https://npm.example/\n')
    npm.chmod(0o755)
    assert hook.find_registry() == "https://npm.example/"
    (tmp_path / ".npmrc").write_text("fund=false\nregistry = https://mirror.example/npm\n")
    assert hook.find_registry() == "https://mirror.example/npm/"
    monkeypatch.setenv("npm_config_registry", "http://mirror.example")
    with pytest.raises(ValueError, match="https"):
        hook.find_registry()
