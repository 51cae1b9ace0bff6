"""Several processes of one job: what they find together is what one finds alone."""

import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.runners.rank_program import N, refine

from triskelion.errors import InputError
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.jobs.registry import job_type
from triskelion.project.parameters import build_parameters
from triskelion.ranks import OneRank, halves_of, own_particles
from triskelion.runners.distributed import TorchRanks, join_ranks
from triskelion.runners.followers import RankLost, device_of_rank, lead_ranks, read_srun

ROOT = Path(__file__).parents[2]


class Rank:
    """One of several ranks, for what needs no exchange."""

    def __init__(self, rank: int, size: int):
        self.rank, self.size = rank, size


@cache
def alone() -> dict[str, np.ndarray]:
    return refine(OneRank())


def together(size: int, path: Path) -> dict[str, np.ndarray]:
    """Run the program on so many ranks, of which this process is the first."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    follow = (sys.executable, "-m", "tests.runners.rank_program")
    with lead_ranks(size, follow, environment, path) as ranks:
        return refine(ranks)


def in_processes_of_their_own(size: int, path: Path) -> dict[str, np.ndarray]:
    """Run the program on so many ranks, none of which has done anything before."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(size)}
    environment = {**os.environ, **told, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = (sys.executable, "-m", "tests.runners.rank_program", str(path))
    ranks = [subprocess.Popen(command, cwd=ROOT, env={**environment, "RANK": str(rank)}) for rank in range(size)]
    assert [rank.wait(250) for rank in ranks] == [0] * size
    with np.load(path) as stored:
        return dict(stored)


@pytest.mark.slow
def test_two_ranks_find_what_one_finds_to_the_last_bit(tmp_path):
    # the first leaves compiled kernels behind: processes that compile for themselves may differ in last bits
    _, expected, found = (in_processes_of_their_own(size, tmp_path / "found.npz") for size in (1, 1, 2))
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("size", [2, 4])
def test_several_ranks_find_what_one_finds(size, tmp_path):
    """Where a climb stops, 0.02 nat from the top, may hang on the last bit, and ranks of one half add up in another order."""
    expected, found = alone(), together(size, tmp_path / "log.txt")
    assert rotation_difference_deg(found["rest_rotations"], expected["rest_rotations"]).max() < 1e-3
    for before_any_search in ("rest_half_a", "still_half_b"):
        assert np.abs(found[before_any_search] - expected[before_any_search]).max() < 1e-5 * np.abs(expected[before_any_search]).max()
    turned_rad = np.deg2rad(rotation_difference_deg(found["rotations"], expected["rotations"]))
    known_rad = np.sqrt(np.einsum("nii->ni", expected["covariance"])[:, :3].sum(1))
    assert np.median(turned_rad / known_rad) < 0.1
    for half in ("half_a", "half_b"):
        assert np.corrcoef(found[half].ravel(), expected[half].ravel())[0, 1] > 0.99
    assert found["audited"][0] == expected["audited"][0]


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_every_particle_is_one_ranks_and_folds_are_shared_out_evenly(size):
    rng = np.random.default_rng(size)
    uid, half_set = rng.permutation(1200).astype(np.uint64), rng.integers(0, 2, 1200)
    own = [own_particles(Rank(rank, size), half_set, uid) for rank in range(size)]
    np.testing.assert_array_equal(np.sum(own, axis=0), 1)
    for rank, mine in enumerate(own):
        assert set(half_set[mine]) == set(halves_of(Rank(rank, size)))
        half = np.flatnonzero(half_set == half_set[mine][0])
        fold = half[np.argsort(uid[half])][::5]
        assert abs(mine[fold].sum() - len(fold) / max(size // 2, 1)) <= 1 or size == 1


def test_an_odd_number_of_ranks_is_refused(monkeypatch):
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 0)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 3)
    with pytest.raises(InputError, match=r"got 3 ranks.*even"):
        TorchRanks()


@pytest.mark.parametrize("name", ["local_refinement", "nonuniform_refinement", "homogeneous_refinement"])
def test_an_odd_number_of_ranks_is_refused_before_a_job_is_made(name):
    given = {"particles": "J1", "volume": "J2", "mask": "J3"}
    with pytest.raises(InputError, match="ranks: got 3, wanted 1, or an even number: each half-set has as many as the other"):
        build_parameters(job_type(name), {**given, "ranks": 3})
    assert [build_parameters(job_type(name), {**given, "ranks": ranks}).ranks for ranks in (1, 2, 6)] == [1, 2, 6]


TASK = {
    "SLURM_JOB_ID": "41",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "node[7-8]",
    "CUDA_VISIBLE_DEVICES": "0,1",
}


def test_tasks_of_srun_are_ranks(tmp_path, monkeypatch):
    program = tmp_path / "scontrol"
    program.write_text('#!/bin/sh\n[ "$*" = "show hostnames node[7-8]" ] && printf "node7\\nnode8\\n"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    told = read_srun(TASK)
    assert told == {
        "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "node7", "MASTER_PORT": "20041", "CUDA_VISIBLE_DEVICES": "1"
    }  # fmt: skip
    assert read_srun({**TASK, "MASTER_ADDR": "10.0.0.7"})["MASTER_ADDR"] == "10.0.0.7"
    assert read_srun({**TASK, "SLURM_STEP_NUM_TASKS": "1"}) == read_srun({"SLURM_JOB_ID": "41"}) == read_srun({**TASK, **told}) == {}


LOST = "import os, torch; from triskelion.runners.distributed import join_ranks\nwith join_ranks(): os._exit(5)"


@pytest.mark.parametrize("program", ["raise SystemExit(5)", LOST], ids=["before it has come", "at work"])
def test_a_rank_that_is_lost_ends_the_job_with_its_number(program, tmp_path):
    led = lead_ranks(2, (sys.executable, "-c", program), os.environ, tmp_path / "log.txt")
    with pytest.raises(RankLost, match="rank 1 of the job ended with exit code 5"), led as ranks:
        ranks.add(np.zeros(3))
    assert "RANK" not in os.environ
    with join_ranks() as ranks:  # nothing of the ranks stays behind in this process
        assert ranks.size == 1


@pytest.mark.parametrize(("given", "expected"), [("2,5", ["2", "5", "2"]), ("3", [None] * 3), ("", [None] * 3)])
def test_ranks_share_out_the_devices_of_the_job(given, expected):
    environment = {"CUDA_VISIBLE_DEVICES": given}
    assert [device_of_rank(rank, environment).get("CUDA_VISIBLE_DEVICES") for rank in range(3)] == expected


def test_the_scene_is_large_enough_for_both_halves_of_every_rank():
    assert N >= 4 * 5  # folds of five in two halves of two ranks
