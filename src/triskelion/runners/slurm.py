"""SLURM's commands: sbatch, squeue, scancel, sinfo, and what they answer."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from triskelion.errors import JobError

_TRIES = 3
_ANSWER_S = 60.0
_AWAY = ("unable to contact", "socket timed out", "connection refused", "communication connection failure", "zero bytes were transmitted")


class SlurmRefused(JobError):
    """SLURM said no, and will again."""


class SlurmAway(JobError):
    """SLURM did not answer; it may later."""


@dataclass(frozen=True)
class SlurmState:
    """What squeue says of a job: PENDING, RUNNING, TIMEOUT ..., why, and where."""

    word: str
    reason: str
    nodes: str


def submit(script: str, dependencies: Sequence[str] = (), array: str | None = None) -> str:
    """Hand a batch script to SLURM and return the number of the job.

    Parameters
    ----------
    script : str
        Path of the script.
    dependencies : sequence of str
        Numbers of jobs that must end well first; SLURM cancels this one if they do not.
    array : str, optional
        Tasks of an array, and how many may run at once: ``0-17%4``.

    Raises
    ------
    SlurmRefused
        SLURM does not take it, and says why.
    SlurmAway
        SLURM did not answer.
    """
    after = [f"--dependency=afterok:{':'.join(dependencies)}", "--kill-on-invalid-dep=yes"] if dependencies else []
    tasks = [f"--array={array}"] if array else []
    return _ask("sbatch", "--parsable", *after, *tasks, script).strip().partition(";")[0]


def read_states(slurm_ids: Sequence[str], *options: str) -> dict[str, SlurmState]:
    """Return what SLURM knows of jobs; it forgets those that ended some minutes ago."""
    try:
        answer = _ask("squeue", "--noheader", *options, "--states=all", f"--jobs={','.join(slurm_ids)}", "--format=%i|%T|%r|%N")
    except SlurmRefused as error:
        if "invalid job id" in str(error).lower():
            return {}
        raise
    rows = [line.strip().split("|", 3) for line in answer.splitlines() if line.count("|") >= 3]
    return {number: SlurmState(word, reason, nodes) for number, word, reason, nodes in rows}


def read_array(slurm_id: str) -> dict[int, SlurmState]:
    """Return what SLURM knows of the tasks of an array, by their numbers."""
    states = read_states([slurm_id], "--array")
    return {int(number.partition("_")[2]): state for number, state in states.items() if number.partition("_")[2].isdigit()}


def cancel(slurm_id: str) -> None:
    """Cancel a job, pending or running; one that has ended is left in peace."""
    try:
        _ask("scancel", slurm_id)
    except SlurmRefused as error:
        if "invalid job id" not in str(error).lower() and "already completing or completed" not in str(error).lower():
            raise


def count_cpus(partition: str | None) -> tuple[int, int]:
    """Return how many cores of a partition, or of all, are idle, and how many there are."""
    answer = _ask("sinfo", "--noheader", "--format=%C", *([f"--partition={partition}"] if partition else []))
    counts = [[int(part) for part in line.split("/")] for line in answer.split()]
    return sum(idle for _, idle, _, _ in counts), sum(total for _, _, _, total in counts)


def _ask(program: str, *arguments: str) -> str:
    """Run one of SLURM's commands; one that was killed is run again, but for ``sbatch``, which may have done its work.

    When SLURM stops a job it signals all processes in it, the commands that the job runs to clean up among them.
    """
    tries = 1 if program == "sbatch" else _TRIES
    try:
        for _ in range(tries):
            done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=_ANSWER_S, stdin=subprocess.DEVNULL)
            if done.returncode >= 0:
                break
    except FileNotFoundError:
        raise SlurmRefused(f"there is no {program} on this machine: give jobs to this lane where SLURM's commands are") from None
    except subprocess.TimeoutExpired:
        raise SlurmAway(f"{program} did not answer within {_ANSWER_S:g} s") from None
    if done.returncode == 0:
        return done.stdout
    said = " ".join(line.removeprefix(f"{program}: ").removeprefix("error: ") for line in done.stderr.splitlines()) or f"exit code {done.returncode}"
    raise (SlurmAway if any(word in said.lower() for word in _AWAY) else SlurmRefused)(f"{program}: {said}")
