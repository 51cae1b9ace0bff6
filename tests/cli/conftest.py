"""The command line, run in this process."""

import pytest

from triskelion.cli import main as cli
from triskelion.runners import local


@pytest.fixture
def run(project, fake_jobs, monkeypatch, capfd):
    """Run the command line inside the project; give exit code, standard output and standard error."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(local.LocalRunner.__init__, "__defaults__", (True, fake_jobs.WORKER))
    monkeypatch.setenv("COLUMNS", "150")

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call
