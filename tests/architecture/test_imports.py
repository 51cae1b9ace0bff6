"""Importing does nothing, and the doors open without the mathematics."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HEAVY = {"torch", "numba", "triton", "scipy", "matplotlib", "skimage"}

REPORT_MODULES = "\nimport sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def packages_imported_by(code: str, folder: Path) -> set[str]:
    """Run ``code`` in a fresh interpreter and return the top-level packages that it imported."""
    result = subprocess.run([sys.executable, "-c", code + REPORT_MODULES], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import triskelion",
        "import triskelion.cli.main",
        "from typer.testing import CliRunner; import triskelion.cli.main as main; assert CliRunner().invoke(main.app, ['--help']).exit_code == 0",
        "from triskelion.jobs import registry; [registry.job_type(name).parameters.model_json_schema() for name in registry.NAMES]",
        "import triskelion.web.app",
    ],
    ids=["package", "command line", "help", "job forms", "browser"],
)
def test_doors_open_without_the_mathematics(code: str, tmp_path: Path):
    assert packages_imported_by(code, tmp_path) & HEAVY == set()


def test_help_is_printed_without_the_server(tmp_path: Path):
    assert packages_imported_by("import triskelion.cli.main", tmp_path) & {"fastapi", "starlette", "uvicorn"} == set()


def test_the_probe_sees_what_is_imported(tmp_path: Path):
    assert "scipy" in packages_imported_by("import triskelion.geometry.rotations", tmp_path)


STATE = "(torch.get_default_dtype(), torch.get_num_threads(), os.getcwd(), dict(os.environ), list(logging.root.handlers))"


def test_importing_every_module_leaves_no_trace(repository: Path, tmp_path: Path):
    source = repository / "src"
    modules = [".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__") for path in sorted(source.rglob("*.py"))]
    if find_spec("triton") is None:  # it is made for Linux only
        modules = [module for module in modules if not module.startswith("triskelion.kernels.cuda")]
    code = (
        "import importlib, logging, os, torch, numba\n"
        f"before = {STATE}\n"
        f"for module in {modules}: importlib.import_module(module)\n"
        f"assert before == {STATE}\n"
    )
    packages_imported_by(code, tmp_path)
    assert list(tmp_path.iterdir()) == []
