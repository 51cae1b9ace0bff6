"""Lanes for tests: their own configuration, their own keeper, ended with the test."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.runners.slurm_node import SlurmNode, find_missing

from triskelion.api import Project
from triskelion.runners.host import HostPaths
from triskelion.runners.keeper import Keeper, list_entries
from triskelion.runners.lane_runner import LaneRunner


@pytest.fixture
def lanes_file(tmp_path, monkeypatch) -> Iterator[Path]:
    """Give the place of a person's lanes.toml; nothing of the machine's own is read or kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = tmp_path / "config" / "triskelion" / "lanes.toml"
    file.parent.mkdir(parents=True)
    yield file
    stop_keeper()


@pytest.fixture(scope="session")
def slurm_node() -> Iterator[SlurmNode]:
    """Start a SLURM of one node with two pretend GPUs."""
    missing = find_missing()
    if missing:
        pytest.skip(f"SLURM is not installed, {', '.join(missing)} missing (apt-get install slurm-wlm munge)")
    with TemporaryDirectory(prefix="slurm") as folder:
        Path(folder).chmod(0o755)  # munge has a user of its own
        with SlurmNode(Path(folder) / "node") as node:
            yield node


@pytest.fixture
def on_lane(lanes_file, project, fake_jobs) -> Iterator[Callable[..., Project]]:
    """Open the project of quick jobs with a lane to give them to."""

    def open_on(lane: str | None = None, threads: int | None = 1, **asked: str) -> Project:
        return Project(project.folder, runner=LaneRunner(lane, asked, fake_jobs.WORKER), threads=threads)

    yield open_on
    stop_keeper()
    for entry in list_entries(project.paths):
        if entry.status.is_local and entry.status.state == "running" and entry.status.pid:
            os.kill(entry.status.pid, signal.SIGKILL)


@contextmanager
def keep_by_hand() -> Iterator[Keeper]:
    """Give a keeper that looks when it is told to; no other comes up beside it."""
    host = HostPaths.here()
    host.folder.mkdir(parents=True)
    assert host.lock.acquire()
    keeper = Keeper(host)
    try:
        yield keeper
    finally:
        for process in keeper._local._processes.values():
            process.kill()
            process.wait()
        host.lock.release()


def keeper_pid() -> int | None:
    """Return the process that keeps the queue, None where there is none."""
    folder = HostPaths.here().folder / "keeper.lock"
    marks = list(folder.iterdir()) if folder.is_dir() else []
    return int(marks[0].name.partition(".")[0]) if marks else None


def stop_keeper() -> None:
    """End the keeper, and wait until it is gone."""
    pid = keeper_pid()
    if pid is not None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        wait_until(lambda: not HostPaths.here().lock.is_held())


def wait_until(condition: Callable[[], object], timeout_s: float = 90) -> None:
    """Wait until ``condition`` holds; fail where it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
