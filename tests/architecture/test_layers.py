"""The layers hold (import-linter reads them from pyproject.toml), and docs/architecture.md tells the same ones."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path


def test_no_module_imports_from_a_layer_above(repository: Path):
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache", "--no-logo"], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_document_tells_the_layers_that_are_enforced(repository: Path):
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    enforced = [layer.split(" | ") for layer in contract["layers"] if not layer.startswith("(")]
    section = (repository / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Layers", 1)[1].split("\n## ", 1)[0]
    first_cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    assert [re.findall(r"`(\w+)`", cell) for cell in first_cells] == enforced
