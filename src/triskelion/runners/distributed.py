"""Ranks of one job as torch.distributed connects them: those that torchrun or srun has started, or that the first starts itself on its machine.

Sums are exchanged on the host (gloo); kernels use the device of their rank by themselves.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import Store, TCPStore  # pyright: ignore[reportPrivateImportUsage]

from triskelion.errors import InputError, JobError
from triskelion.ranks import N_HALVES, OneRank, Ranks

DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = timedelta(hours=12)  # that one rank waits for another; one that is gone is noticed at once
LAST_STEPS_S = 60.0  # that followers may need to end when the first rank has
GONE_S = 1.0  # between losing the connection to a process and seeing it gone


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


@contextmanager
def join_ranks(watch: Callable[[], None] = lambda: None) -> Iterator[Ranks]:
    """Meet the other ranks that RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT tell of, if there are any, while the block runs.

    ``watch`` is called again and again until all are there.
    """
    if not are_ranks_started():
        yield OneRank()
        return
    if dist.is_torchelastic_launched():  # torchrun watches over its ranks itself
        os.environ.update(device_of_rank(int(os.environ["LOCAL_RANK"]), os.environ))
        dist.init_process_group("gloo", timeout=PATIENCE)
    else:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        dist.init_process_group("gloo", store=_wait_for_all(rank, size, watch), rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield TorchRanks()
    finally:
        dist.destroy_process_group()


def _wait_for_all(rank: int, size: int, watch: Callable[[], None]) -> Store:
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, size, is_master=rank == 0, wait_for_workers=False)
    store.set(f"rank {rank}", "here")
    while not store.check([f"rank {other}" for other in range(size)]):
        watch()
        time.sleep(0.05)
    return store


def are_ranks_started() -> bool:
    """Whether this process is one of several ranks that somebody has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def lead_ranks(size: int, follow: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Ranks]:
    """Start the other ranks of a job on this machine, be the first, and see all of them end.

    Parameters
    ----------
    size : int
    follow : sequence of str
        Command that runs the job as a follower.
    environment : mapping
        Of the followers.
    log : path
        Where they write what they cannot tell.

    Raises
    ------
    JobError
        One of the others ended before its time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(size)}
    followers: list[subprocess.Popen] = []

    def require_all() -> None:
        lost = [(rank, code) for rank, follower in enumerate(followers, start=1) if (code := follower.poll())]
        for rank, code in lost[:1]:
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            raise JobError(f"rank {rank} of the job ended {how}: see {log}, then resume the job")

    with _set_environment({**meeting, **device_of_rank(0, environment), "RANK": "0"}), log.open("ab") as stream:
        try:
            for rank in range(1, size):
                told = {**environment, **meeting, **device_of_rank(rank, environment), "RANK": str(rank)}
                followers.append(subprocess.Popen(follow, env=told, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream))
            with join_ranks(require_all) as ranks:
                yield ranks
            for follower in followers:
                follower.wait(LAST_STEPS_S)
        except RuntimeError:  # what torch.distributed says of a lost connection
            time.sleep(GONE_S)
            require_all()
            raise
        finally:
            for follower in followers:
                follower.kill()
                follower.wait()


def device_of_rank(rank: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Variable that leaves a rank one of several NVIDIA devices that the job was given; several ranks may have to share one."""
    given = [device for device in environment.get(DEVICES_VARIABLE, "").split(",") if device]
    return {DEVICES_VARIABLE: given[rank % len(given)]} if len(given) > 1 else {}


@contextmanager
def _set_environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
