"""Modules and functions stay short enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LINES_OF_A_MODULE, LINES_OF_A_FUNCTION, PARAMETERS = 400, 60, 8


def is_compiled(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether numba or Triton compiles ``node``: such inner loops take their arrays one by one, not in objects."""
    return any("jit" in ast.unparse(decorator) for decorator in node.decorator_list)


def find_oversized(source: str) -> Iterator[str]:
    """Yield one line for each size that ``source`` exceeds."""
    lines = len(source.splitlines())
    if lines > LINES_OF_A_MODULE:
        yield f"{lines} lines, at most {LINES_OF_A_MODULE}"
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > LINES_OF_A_FUNCTION:
            yield f"{node.name} has {lines} lines, at most {LINES_OF_A_FUNCTION}"
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        parameters = [name for name in names if name not in ("self", "cls")]
        if len(parameters) > PARAMETERS and not is_compiled(node):
            yield f"{node.name} has {len(parameters)} parameters, at most {PARAMETERS}"


def test_modules_and_functions_are_short(repository: Path):
    paths = sorted((repository / "src").rglob("*.py"))
    offenders = [f"{path.relative_to(repository)}: {what}" for path in paths for what in find_oversized(path.read_text(encoding="utf-8"))]
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\n" * 401, "401 lines"),
        ("def long():\n" + "    x = 1\n" * 60, "long has 61 lines"),
        ("class A:\n    def wide(self, a, b, c, d, e, f, g, *, h, i): ...\n", "wide has 9 parameters"),
    ],
)
def test_oversized_code_is_found(source: str, expected: str):
    assert [what for what in find_oversized(source) if what.startswith(expected)]


def test_code_at_the_limit_passes():
    source = "def f(a, b, c, d, e, f, g, h):\n" + "    x = 1\n" * 59
    assert list(find_oversized(source)) == []


def test_compiled_loops_may_take_many_arrays_but_not_many_lines():
    head = "@njit(parallel=True)\ndef _loop(a, b, c, d, e, f, g, h, i):\n"
    assert list(find_oversized(head + "    x = 1\n" * 59)) == []
    assert len(list(find_oversized(head + "    x = 1\n" * 60))) == 1
