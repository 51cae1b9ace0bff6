"""How many processor cores there are, and how many the mathematics may use."""

import os

from triskelion.errors import InputError


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
