"""Thread counts and memory: what the process may use, and refusal of what it may not."""

import os
from pathlib import Path

import numba
import pytest
import torch

from triskelion import devices
from triskelion.devices import available_memory_bytes, available_threads, set_threads
from triskelion.errors import InputError


@pytest.fixture
def threads_restored():
    """Put the thread counts back, so that the order of the tests does not matter."""
    before = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(before[0])
    numba.set_num_threads(before[1])


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to cores")
def test_a_process_bound_to_one_core_has_one_thread():
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert available_threads() == 1
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.parametrize("threads", [1, 2])
def test_both_libraries_get_the_threads(threads_restored, threads):
    set_threads(threads)
    assert (torch.get_num_threads(), numba.get_num_threads()) == (threads, threads)


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_impossible_thread_counts_are_refused(threads_restored, threads):
    with pytest.raises(InputError, match=f"got {threads} threads"):
        set_threads(threads)


def test_free_memory_is_what_the_machine_and_its_control_group_leave(monkeypatch, tmp_path):
    """Read from files of the system, as if they lay in another place."""
    files = {"/proc/meminfo": "MemTotal: 64000000 kB\nMemAvailable:   20000000 kB\n", "memory.max": "max\n", "memory.current": "3000000000\n"}
    for name, text in files.items():
        (tmp_path / Path(name).name).write_text(text)
    monkeypatch.setattr(devices, "Path", lambda *parts: tmp_path / Path(*parts).name)
    assert available_memory_bytes() == 20_000_000 * 1024
    (tmp_path / "memory.max").write_text("8000000000\n")
    assert available_memory_bytes() == 5_000_000_000
    (tmp_path / "memory.current").write_text("9000000000\n")
    assert available_memory_bytes() == 0
    for file in tmp_path.iterdir():
        file.unlink()
    assert available_memory_bytes() > 0
