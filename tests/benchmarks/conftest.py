"""The benchmarks are scripts, not a package: their folder is put on the path for the tests of the code in them."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def benchmarks_on_path(repository: Path):
    """Let tests import the modules that lie beside the scripts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        yield


@pytest.fixture(scope="session")
def hinge_folder(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set of the independent simulator, with little noise."""
    pytest.importorskip("finufft", reason="the independent simulator needs finufft (pip install finufft)")
    folder = tmp_path_factory.mktemp("hinge") / "set"
    size = ["--n", "150", "--box", "48", "--apix", "8.4", "--snr", "0.5", "--seed", "3"]
    subprocess.run([sys.executable, str(shared_dir / "tools" / "hinge_set.py"), str(folder), *size], check=True)
    return folder
