"""The layers of docs/architecture.md hold: import-linter reads them from pyproject.toml."""

import subprocess
import sys
from pathlib import Path


def test_no_module_imports_from_a_layer_above(repository: Path):
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache", "--no-logo"], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
