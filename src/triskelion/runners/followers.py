"""The ranks of a job as processes: started by srun or torchrun, or by the first on its machine, which then sees all of them end."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from triskelion.errors import JobError
from triskelion.ranks import Ranks
from triskelion.runners.base import EXIT_KILLED

DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
LAST_STEPS_S = 60.0  # that followers may need to end when the first rank has
GONE_S = 1.0  # between losing the connection to a process and seeing it gone
FIRST_PORT, N_PORTS = 20_000, 10_000  # at which tasks of srun meet: below those that systems give away


class RankLost(JobError):
    """A rank of the job is gone, or does not come."""


def are_ranks_started() -> bool:
    """Whether this process is one of several ranks that somebody has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def read_srun(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables, as torchrun sets them, of a process that srun has started as one of several tasks; none for any other."""
    if environment.get("SLURM_STEP_NUM_TASKS", "1") == "1" or "WORLD_SIZE" in environment:
        return {}
    hosts = subprocess.run(["scontrol", "show", "hostnames", environment["SLURM_STEP_NODELIST"]], capture_output=True, text=True).stdout.split()
    told = {
        "RANK": environment["SLURM_PROCID"],
        "LOCAL_RANK": environment["SLURM_LOCALID"],
        "WORLD_SIZE": environment["SLURM_STEP_NUM_TASKS"],
        "MASTER_ADDR": environment.get("MASTER_ADDR") or (hosts or ["127.0.0.1"])[0],
        "MASTER_PORT": environment.get("MASTER_PORT") or str(FIRST_PORT + int(environment["SLURM_JOB_ID"]) % N_PORTS),
    }
    return {**told, **device_of_rank(int(told["LOCAL_RANK"]), environment)}


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
    RankLost
        One of the others ended before its time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(size)}
    followers: list[subprocess.Popen] = []

    def require_all() -> None:
        lost = [(rank, code) for rank, follower in enumerate(followers, start=1) if (code := follower.poll())]
        for rank, code in sorted(lost, key=lambda each: each[1] == EXIT_KILLED)[:1]:  # one that ended for the loss of another comes last
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            raise RankLost(f"rank {rank} of the job ended {how}: see {log}, then resume the job")

    with _set_environment({**meeting, **device_of_rank(0, environment), "RANK": "0"}), log.open("ab") as stream:
        try:
            for rank in range(1, size):
                told = {**environment, **meeting, **device_of_rank(rank, environment), "RANK": str(rank)}
                followers.append(subprocess.Popen(follow, env=told, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream))
            from triskelion.runners.distributed import join_ranks  # while the others load torch too

            with join_ranks(require_all) as ranks:
                yield ranks
            for follower in followers:
                follower.wait(LAST_STEPS_S)
        except RankLost:
            time.sleep(GONE_S)
            require_all()  # says which
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
