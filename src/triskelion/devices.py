"""How many processor cores there are, and how many the mathematics may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triskelion.errors import InputError

MEMORY_VARIABLE = "TRISKELION_MEMORY_GB"


def available_threads() -> int:
    """Number of cores this process may run on: taskset, cgroups' cpusets and SLURM bindings count, the machine's size does not."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads(threads: int) -> None:
    """Let torch and numba use ``threads`` cores each, from here on in this process.

    Raises
    ------
    InputError
        If ``threads`` is below 1, or more than the cores there are.
    """
    import numba
    import torch

    try:
        numba.set_num_threads(threads)
    except ValueError as error:
        raise InputError(f"got {threads} threads, this process may use {available_threads()} cores (or NUMBA_NUM_THREADS): {error}") from error
    torch.set_num_threads(threads)


@contextmanager
def more_threads(times: int) -> Iterator[None]:
    """Let torch and numba use so many times as many cores while the block runs, as far as there are."""
    import torch

    before = torch.get_num_threads()
    most = min(available_threads(), int(os.environ.get("NUMBA_NUM_THREADS", available_threads())))  # numba has made no more when it was loaded
    set_threads(max(min(before * times, most), before))
    try:
        yield
    finally:
        set_threads(before)


def available_memory_bytes() -> int:
    """Memory this process may still take: what the machine has free, or less.

    Less is what its control group (a container, a SLURM job) leaves of a limit, and what a lane gave the job (``TRISKELION_MEMORY_GB``).
    """
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    told = Path("/proc/meminfo")
    if told.exists():
        line = next((line for line in told.read_text().splitlines() if line.startswith("MemAvailable:")), None)
        free = int(line.split()[1]) * 1024 if line else free
    if MEMORY_VARIABLE in os.environ:
        free = min(free, int(float(os.environ[MEMORY_VARIABLE]) * 1e9))
    limit, used = (_read_number(Path("/sys/fs/cgroup", name)) for name in ("memory.max", "memory.current"))
    return free if limit is None or used is None else min(free, max(limit - used, 0))


def _read_number(path: Path) -> int | None:
    """The number in a file; None where there is no file or another word in it."""
    text = path.read_text().strip() if path.is_file() else ""
    return int(text) if text.isdigit() else None
