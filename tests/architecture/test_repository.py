"""What is committed belongs to everybody: no machine's paths, no dead links, nothing left half done, one version."""

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

import triskelion

# Written so that this file does not match itself.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.~/-])/(home|root|Users|work|scratch)/\w"),
    "the host of a package registry": re.compile(r"\b(pypi|python[h]osted|npmjs|debian)\.(org|com)\b"),
}
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|NotImplemented[E]rror)\b")
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def tracked_texts(repository: Path, *patterns: str) -> dict[str, str]:
    """Return path -> text of the committed text files that match ``patterns``."""
    result = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=repository, capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip("not a git checkout: what is committed cannot be listed")
    texts = {}
    for name in filter(None, result.stdout.split("\0")):
        path = repository / name
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            texts[name] = data.decode("utf-8")
    return texts


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_names_the_place_it_was_written_at(repository: Path, what: str):
    texts = tracked_texts(repository)
    found = [f"{name}: {match.group()}" for name, text in texts.items() if (match := FORBIDDEN[what].search(text))]
    assert not found, f"{what} in {found}"


@pytest.mark.parametrize("sample", ["see /" + "home/ann/data", "https://pypi" + ".org/simple"])
def test_forbidden_text_is_recognised(sample: str):
    assert any(pattern.search(sample) for pattern in FORBIDDEN.values())


def test_nothing_is_left_half_done(repository: Path):
    texts = tracked_texts(repository, "src")
    assert [name for name, text in texts.items() if UNFINISHED.search(text)] == []


def test_links_between_documents_lead_somewhere(repository: Path):
    texts = tracked_texts(repository, "*.md")
    broken = [
        f"{name} -> {link}" for name, text in texts.items() for link in LINK.findall(text) if not (repository / name).parent.joinpath(link).exists()
    ]
    assert not broken


def test_there_is_one_version():
    assert triskelion.__version__ == version("triskelion"), "install the package again: pip install -e ."
