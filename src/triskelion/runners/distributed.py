"""Ranks of one job as torch.distributed connects them: those that torchrun or srun has started, or that the first has started (``followers``).

Sums are exchanged on the host (gloo); kernels use the device of their rank by themselves.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import Store, TCPStore  # pyright: ignore[reportPrivateImportUsage]

from triskelion.devices import more_threads
from triskelion.errors import InputError
from triskelion.ranks import N_HALVES, OneRank, Ranks, Result
from triskelion.runners.followers import RankLost, are_ranks_started, device_of_rank

PATIENCE = timedelta(hours=12)  # that one rank waits for another; one that is gone is noticed at once
MEETING_S = 600.0  # that ranks may be apart at the start: nodes of a cluster read the program from one disk
CLOSED = ("gloo", "Connection reset", "Broken pipe")  # words of torch.distributed for a rank that is gone


class TorchRanks:
    """This process among those of the default process group (``ranks.Ranks``)."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        if self.size % N_HALVES:
            raise InputError(f"got {self.size} ranks: each half-set has as many as the other, so give an even number, or one")
        groups = [dist.new_group(list(range(half, self.size, N_HALVES))) for half in range(N_HALVES)]
        self._half_group = groups[self.rank % N_HALVES]

    def add(self, *arrays: np.ndarray) -> None:
        """Replace arrays, in place, by their sums over all ranks."""
        for array in arrays:
            total = torch.from_numpy(np.ascontiguousarray(array))
            dist.all_reduce(total)
            array[...] = total.numpy()

    def add_in_half(self, *tensors: Tensor) -> None:
        """Replace tensors, in place, by their sums over the ranks that have images of the same half-set."""
        if self.size > N_HALVES:
            for tensor in tensors:
                dist.all_reduce(torch.view_as_real(tensor) if tensor.is_complex() else tensor, group=self._half_group)

    def from_rank(self, rank: int, array: np.ndarray) -> np.ndarray:
        """Return what one rank has, bit for bit; shape and type of ``array`` count on that rank only."""
        header = [(array.shape, array.dtype.str)]
        dist.broadcast_object_list(header, src=rank)
        shape, dtype = header[0]
        told = np.ascontiguousarray(array) if self.rank == rank else np.empty(shape, dtype)
        dist.broadcast(torch.from_numpy(told.reshape(-1).view(np.uint8)), src=rank)
        return told.reshape(shape)

    def by_first(self, compute: Callable[[], Result]) -> Result:
        """Return what the first rank computes, with the cores of those on its machine, which wait meanwhile."""
        told: list[Any] = [None]
        if self.rank == 0:
            with more_threads(int(os.environ.get("LOCAL_WORLD_SIZE", self.size))):
                told = [compute()]
        dist.broadcast_object_list(told, src=0)
        return told[0]


@contextmanager
def join_ranks(watch: Callable[[], None] = lambda: None) -> Iterator[Ranks]:
    """Meet the other ranks that RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT tell of, if there are any, while the block runs.

    ``watch`` is called again and again until all are there.

    Raises
    ------
    RankLost
        Another rank does not come, or is gone.
    """
    if not are_ranks_started():
        yield OneRank()
        return
    try:
        with _process_group(watch):
            yield TorchRanks()
    except RuntimeError as error:
        if not any(word in str(error) for word in CLOSED):
            raise
        raise RankLost(f"another rank of the job is gone ({error}): see what it has to say, then resume the job") from error


@contextmanager
def _process_group(watch: Callable[[], None]) -> Iterator[None]:
    if dist.is_torchelastic_launched():  # torchrun watches over its ranks itself
        os.environ.update(device_of_rank(int(os.environ["LOCAL_RANK"]), os.environ))
        dist.init_process_group("gloo", timeout=PATIENCE)
    else:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        dist.init_process_group("gloo", store=_wait_for_all(rank, size, watch), rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _wait_for_all(rank: int, size: int, watch: Callable[[], None]) -> Store:
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, size, is_master=rank == 0, wait_for_workers=False)
    store.set(f"rank {rank}", "here")
    deadline = time.monotonic() + MEETING_S
    while missing := [other for other in range(size) if not store.check([f"rank {other}"])]:
        watch()
        if time.monotonic() > deadline:
            raise RankLost(
                f"rank {missing[0]} of {size} has not come within {MEETING_S / 60:.0f} minutes: see what it has to say, then resume the job"
            )
        time.sleep(0.02)
    return store
