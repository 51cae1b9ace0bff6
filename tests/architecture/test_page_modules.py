"""The page's own modules keep the rules of the Python ones, and never write data as HTML."""

import re

import pytest

MAX_LINES = 400
MAX_LINE_LENGTH = 150
HTML_FROM_TEXT = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|eval\(|new Function)")
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const)\s+(\w+)", re.MULTILINE)
ELSEWHERE = re.compile(r"""["'`](?:https?:)?//(?!www\.w3\.org)""")


@pytest.fixture(scope="module")
def modules(repository) -> dict[str, str]:
    static = repository / "src" / "triskelion" / "web" / "static"
    found = {str(path.relative_to(static)): path.read_text(encoding="utf-8") for path in sorted(static.rglob("*.js"))}
    return {name: text for name, text in found.items() if not name.startswith("third_party")}


def test_modules_are_short_and_say_what_they_are(modules):
    assert len(modules) > 40
    assert {name: text.count("\n") for name, text in modules.items() if text.count("\n") > MAX_LINES} == {}
    assert [name for name, text in modules.items() if max(map(len, text.splitlines())) > MAX_LINE_LENGTH] == []
    assert [name for name, text in modules.items() if not text.lstrip().startswith(("/**", "//"))] == []


def test_every_export_is_described(modules):
    undescribed = []
    for name, text in modules.items():
        for export in EXPORT.finditer(text):
            before = text[: export.start()].rstrip()
            if not before.endswith("*/"):
                undescribed.append(f"{name}: {export[1]}")
    assert undescribed == []


def test_no_text_becomes_html_and_nothing_is_asked_elsewhere(modules):
    assert [name for name, text in modules.items() if HTML_FROM_TEXT.search(text)] == []
    assert [name for name, text in modules.items() if ELSEWHERE.search(text)] == []
