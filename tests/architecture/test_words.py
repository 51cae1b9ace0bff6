"""A word of the field leads to its file: the table in docs/architecture.md is true."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (?P<word>[^|`]+?) \| `(?P<file>[^|`]+\.py)` \|$", re.MULTILINE)


def read_word_table() -> list[tuple[str, str]]:
    """Return (word, file) for each row below the heading "Where is it?"."""
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## Where is it?", 1)[1].split("\n## ", 1)[0]
    return [(match["word"], match["file"]) for match in ROW.finditer(section)]


@pytest.mark.parametrize(("word", "file"), read_word_table())
def test_the_word_stands_in_its_file(word: str, file: str):
    path = REPOSITORY / "src" / "triskelion" / file
    assert path.is_file(), f"{word}: there is no {file}"
    text = " ".join(path.read_text(encoding="utf-8").lower().replace("_", " ").split())
    assert word.lower() in text, f"{file} does not speak of {word}"


def test_the_table_is_read_whole():
    table = read_word_table()
    section = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Where is it?", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert len(table) == len(rows) - 2 > 0
    assert len({word for word, _ in table}) == len(table)
