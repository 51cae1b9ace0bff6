"""The wheel as others get it: small, whole, built and installed without Node."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

LARGEST_BYTES = 1_500_000
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(*command: str | Path, **options) -> str:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def without_node(tmp_path_factory) -> dict[str, str]:
    """Return an environment in which no Node can be found."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("sh", "bash", "env", "git", "tar", "gzip", "cc", "gcc", "ld", "uname", "ldconfig"):
        if (program := shutil.which(name)) is not None:
            (folder / name).symlink_to(program)
    return {**os.environ, "PATH": str(folder)}


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory, without_node) -> Path:
    """Build the wheel from what is committed."""
    source, place = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=repository, capture_output=True)
    if archive.returncode != 0:
        pytest.skip("not a git checkout: what is committed cannot be built")
    subprocess.run(["tar", "x", "-C", str(source)], input=archive.stdout, check=True)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, source, env=without_node)
    (built,) = place.glob("triskelion-*.whl")
    return built


def test_the_wheel_is_small_and_has_the_whole_page(wheel: Path, repository: Path):
    size = wheel.stat().st_size
    print(f"wheel: {size} bytes")
    assert size < LARGEST_BYTES
    names = set(zipfile.ZipFile(wheel).namelist())
    static = "triskelion/web/static/"
    page = zipfile.ZipFile(wheel).read(f"{static}index.html").decode()
    imported = re.findall(r'"/static/([^"]+\.\w+)"', page)
    assert len(imported) >= 8 and {static + name for name in imported} <= names
    for library in ("preact", "htm", "signals", "three", "dagre"):
        assert f"{static}third_party/{library}/LICENSE" in names
    assert not [name for name in names if name.endswith((".map", "package.json", "hatch_build.py"))]


def test_installed_in_a_clean_place_it_serves(wheel: Path, repository: Path, tmp_path: Path, without_node):
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    program = tmp_path / "venv" / "bin" / "triskelion"
    run(tmp_path / "venv" / "bin" / "pip", "install", "--quiet", "-c", repository / "constraints.txt", wheel, env=without_node)
    run(program, "new", tmp_path / "projects" / "first")
    environment = {**without_node, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"}
    command = [str(program), "serve", str(tmp_path / "projects"), "--port", "0"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = ""
        while (address := re.search(r"http://\S+", said)) is None:
            line = server.stdout.readline()
            assert line, said
            said += line
        try:
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with browser.open(address[0], timeout=60) as answer:
                page = answer.read().decode()
            base = address[0].partition("/?")[0]
            for name in ["/api/session", "/api/job_types", *re.findall(r'"(/static/[^"]+\.\w+)"', page)]:
                with browser.open(base + name, timeout=60) as answer:
                    assert answer.status == 200, name
        finally:
            server.terminate()
