"""Jobs given to lanes from the command line; the keeper's part is played by the test."""

import json

import pytest
from tests.runners.conftest import keep_by_hand

from triskelion.project.submission import read_submission
from triskelion.runners import lane_runner

LANES = '[lanes.big]\nkind = "local"\ncpus = 4\ngpus = 2\nmemory_GB = 8\n[lanes.small]\nkind = "local"\ncpus = 1\ngpus = 0\nmemory_GB = 1\n'


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    """Keep the queue by hand; jobs are started by a program that does nothing for a while."""
    for name in ("config", "state"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    (tmp_path / "config" / "triskelion").mkdir(parents=True)
    (tmp_path / "config" / "triskelion" / "lanes.toml").write_text(LANES)
    monkeypatch.setattr(lane_runner.LaneRunner, "worker", ("/bin/sleep", "60"))
    monkeypatch.setattr(lane_runner.LaneRunner.__init__, "__defaults__", (None, {}, ("/bin/sh", "-c", "exec sleep 60", "worker")))
    with keep_by_hand() as keeper:
        monkeypatch.setattr(lane_runner, "tend_queue", lambda project: keeper.advance())
        yield keeper


def test_jobs_are_given_to_lanes_and_waited_for_by_others(run, project, keeper):
    assert run("run", "make", "--queue", "--threads", "2", "--ask", "gpus=1")[:2] == (0, f"J1 make on lane big: starts\n{project.folder / 'J1'}\n")
    code, out, _ = run("run", "use", "--volume", "J1", "--lane", "small", "--threads", "1")
    assert (code, out.splitlines()[0]) == (0, "J2 use on lane small: waits for J1")
    assert run("clone", "J2", "--factor", "3", "--lane", "big", "--threads", "1")[1].splitlines()[0] == "J3 use on lane big: waits for J1"
    rows = json.loads(run("queue", "--json")[1])["jobs"]
    assert [(row["name"], row["lane"], row["wants"]) for row in rows] == [
        ("J1", "big", "2 cores, 1 GPU, 4 GB"),
        ("J2", "small", "1 core, 1 GB"),
        ("J3", "big", "1 core, 4 GB"),
    ]
    lanes = json.loads(run("lanes", "--json")[1])["lanes"]
    assert lanes[0]["room"] == "2 of 4 cores, 1 of 2 GPUs, 4 of 8 GB free"
    assert [(lane["n_running"], lane["n_waiting"]) for lane in lanes] == [(0, 2), (0, 1)]
    out = run("lanes")[1]
    assert "big *" in out and "described in" in out
    assert "waits for J1" in run("queue")[1] and "waits for J1" in run("status")[1]
    assert run("kill", "J1")[1] == "J1 is killed\n"
    keeper.advance()
    assert "its input J1 was killed" in run("status")[1]
    code, _, err = run("resume", "J2")
    assert code == 2 and "J2 failed: its input J1 was killed" in err
    assert run("resume", "J1")[1].splitlines()[0] == "J1 make on lane big: starts"
    assert run("resume", "J2", "--lane", "big")[1].splitlines()[0] == "J2 use on lane big: waits for J1"
    assert read_submission(project.paths.job("J1")).gpus == 1


def test_what_is_wrong_is_said_and_no_job_is_made(run, project, keeper):
    for arguments, message in (
        (("--lane", "huge"), "there is no lane 'huge': there is big, small"),
        (("--ask", "gpus=2"), "got --ask without a lane to ask"),
        (("--queue", "--ask", "gpus"), "got --ask gpus: wanted name=value"),
        (("--lane", "small", "--threads", "2"), "will never have room for this job: cores: 2 wanted, 1 free"),
    ):
        code, _, err = run("run", "make", *arguments)
        assert code == 2 and message in err
    assert project.jobs == []
