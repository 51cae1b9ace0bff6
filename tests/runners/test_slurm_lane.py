"""A slurm lane on machines without SLURM: what its commands are given, and what is made of their answers."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.runners.conftest import keep_by_hand

from triskelion.api import Project
from triskelion.cli.main import app
from triskelion.errors import InputError, JobError
from triskelion.project.status import JobStatus, write_status
from triskelion.project.submission import list_queue, read_submission
from triskelion.runners.inline import InlineRunner
from triskelion.runners.lane_runner import LaneRunner
from triskelion.runners.slurm import SlurmRefused, cancel, submit
from triskelion.runners.worker import run_job

LANE = """
[lanes.cluster]
kind = "slurm"
poll_s = 0.000001
settle_s = 0
job = { cpus = 8, gpus = 2, memory_GB = 64 }
variables = { partition = "gpu" }
"""
COMMAND = """#!/bin/sh
echo "$(basename "$0") $*" >> "$ANSWERS/calls"
rm "$ANSWERS/$(basename "$0").kill" 2>/dev/null && kill -TERM $$
cat "$ANSWERS/$(basename "$0").out" 2>/dev/null
[ ! -f "$ANSWERS/$(basename "$0").err" ] || { cat "$ANSWERS/$(basename "$0").err" >&2; exit 1; }
"""


class Answers:
    """What the commands answer, and how they were called."""

    def __init__(self, folder: Path):
        self._folder = folder

    def set(self, program: str, out: str = "", error: str = "") -> None:
        (self._folder / f"{program}.out").write_text(out)
        (self._folder / f"{program}.err").unlink(missing_ok=True)
        if error:
            (self._folder / f"{program}.err").write_text(error)

    def kill(self, program: str) -> None:
        """End the next call by a signal."""
        (self._folder / f"{program}.kill").touch()

    def calls(self, program: str) -> list[str]:
        path = self._folder / "calls"
        return [line.partition(" ")[2] for line in path.read_text().splitlines() if line.startswith(f"{program} ")] if path.exists() else []


@pytest.fixture
def answers(tmp_path, monkeypatch, lanes_file) -> Answers:
    """Put programs in the place of SLURM's that record how they are called."""
    lanes_file.write_text(LANE)
    programs, folder = tmp_path / "programs", tmp_path / "answers"
    programs.mkdir()
    folder.mkdir()
    for program in ("sbatch", "squeue", "scancel", "sinfo"):
        (programs / program).write_text(COMMAND)
        (programs / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ANSWERS", str(folder))
    answers = Answers(folder)
    answers.set("sbatch", "41;cluster\n")
    answers.set("squeue", "41|PENDING|None|\n")
    return answers


@pytest.fixture
def keeper(lanes_file):
    """Keep the queue in this process, one look at a time."""
    with keep_by_hand() as keeper:
        yield keeper


@pytest.fixture
def give(project):
    """Give a job to the cluster without waiting for what comes of it."""

    def put(job_type: str, threads: int | None = None, asked: dict[str, str] | None = None, **parameters):
        runner = LaneRunner("cluster", asked or {}, ("python", "a worker's"))
        job = Project(project.folder, runner=runner, threads=threads).prepare(job_type, **parameters)
        runner.enqueue(job.paths)
        return job

    return put


def test_the_script_says_what_the_job_takes(answers, keeper, give):
    job = give("make", threads=3, asked={"time": "4:00:00", "gpus": "1", "memory_GB": "7.5"})
    keeper.advance()
    script = job.folder / "sbatch.sh"
    assert answers.calls("sbatch") == [f"--parsable {script}"]
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")] == [
        '--job-name="J1-make"',
        f'--output="{job.log_path}"',
        "--open-mode=append",
        f'--chdir="{job.folder.parent}"',
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=3",
        "--mem=7500M",
        "--gres=gpu:1",
        "--partition=gpu",
        "--time=4:00:00",
    ]
    assert f"python 'a worker'\"'\"'s' --quiet {job.folder}" in lines
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    submission = read_submission(job.paths)
    assert (submission.slurm_id, job.status.message) == ("41", "SLURM 41: pending (None)")


def test_a_template_of_the_site_is_used_and_its_faults_are_named(answers, keeper, give, project, lanes_file):
    lanes_file.write_text(LANE.replace('kind = "slurm"', 'kind = "slurm"\ntemplate = "site.sh.j2"'))
    template = lanes_file.parent / "site.sh.j2"
    template.write_text("#!/bin/bash\n#SBATCH -A {{ account }}\n{{ command }}\n")
    with pytest.raises(InputError, match=r"site.sh.j2: 'account' is undefined; it is given command, cpus, .* partition"):
        give("make")
    template.write_text("{% if %}")
    with pytest.raises(InputError, match=r"site.sh.j2: Expected an expression"):
        give("make")
    assert project.jobs == []
    template.write_text("#!/bin/bash\n#SBATCH -A {{ account }}\n{{ command }}\n")
    job = give("make", asked={"account": "em07"})
    keeper.advance()
    assert (job.folder / "sbatch.sh").read_text().splitlines()[1] == "#SBATCH -A em07"


def test_gpus_are_asked_for_where_a_job_can_use_them(answers, keeper, give):
    for asked, wanted in ((None, 0), ({"gpus": "2"}, 2)):  # none of the quick jobs has a device
        assert ("--gres=gpu:2" in _script_of(keeper, give("make", asked=asked))) == (wanted == 2)


def test_a_job_that_starts_others_takes_one_core_and_asks_for_them_what_was_asked(answers, keeper, give, lanes_file):
    script = _script_of(keeper, give("many", asked={"gpus": "2"}))
    assert "--cpus-per-task=1\n" in script and "--gres" not in script
    lanes_file.write_text(LANE.replace('kind = "slurm"', 'kind = "slurm"\narrays = false'))
    job = give("many", asked={"gpus": "2"})
    script = _script_of(keeper, job)
    assert "--cpus-per-task=8\n" in script and "--gres=gpu:2\n" in script
    assert read_submission(job.paths).asked == {"gpus": "2"}


def _script_of(keeper, job) -> str:
    keeper.advance()
    return (job.folder / "sbatch.sh").read_text()


def test_order_is_slurm_s_where_all_inputs_are_and_ours_where_not(answers, keeper, give, project):
    here = project.prepare("make")  # never given to a lane
    first = give("make")
    second = give("use", volume=first)
    third = give("use", volume=first, mask=f"{here.name}.mask")
    keeper.advance()
    order = "--dependency=afterok:41 --kill-on-invalid-dep=yes"
    assert answers.calls("sbatch") == [f"--parsable {first.folder}/sbatch.sh", f"--parsable {order} {second.folder}/sbatch.sh"]
    assert third.status.message == "waits for J1, J2"
    here.kill()
    keeper.advance()
    assert third.status.message == "its input J1 was killed: killed before it started"


@pytest.mark.parametrize(
    ("row", "state", "message"),
    [
        ("41|PENDING|Priority|", "queued", "SLURM 41: pending (Priority)"),
        ("41|RUNNING|None|node7", "queued", "SLURM 41: running on node7"),
        ("41|CANCELLED|None|", "killed", "cancelled in SLURM"),
        ("41|TIMEOUT|TimeLimit|node7", "killed", "stopped by SLURM: its time was over; resume it, with more time if it made no progress"),
        ("41|OUT_OF_MEMORY|OutOfMemory|node7", "failed", "killed by SLURM: out of memory; resume it with more (--ask memory_GB=...)"),
        ("41|NODE_FAIL|NodeDown|node7", "failed", "its node failed; resume it"),
        ("41|FAILED|NonZeroExitCode|node7", "failed", "the worker ended suddenly with signal SIGKILL (often: out of memory); see "),
        ("", "failed", "the worker ended suddenly with signal SIGKILL (often: out of memory); see "),
    ],
)
def test_what_squeue_says_is_what_the_job_says(answers, keeper, give, project, row, state, message):
    job = give("make")
    keeper.advance()
    (job.folder / "exit_code.txt").write_text("137\n")
    answers.set("squeue", row + "\n")
    keeper.advance()
    assert job.status.state == state
    assert job.status.message.startswith(message)
    assert (list_queue(project.paths) == []) == (state != "queued")
    assert answers.calls("squeue")[-1] == "--noheader --states=all --jobs=41 --format=%i|%T|%r|%N"


def test_the_reason_for_a_signal_is_slurm_s_to_tell(answers, keeper, give, project):
    job = give("make")
    keeper.advance()
    write_status(job.paths, JobStatus(state="killed", message="stopped by SIGTERM"))
    answers.set("squeue", "41|COMPLETING|TimeLimit|node7\n")
    keeper.advance()
    assert list_queue(project.paths) != []  # SLURM has not made up its mind
    answers.set("squeue", "41|TIMEOUT|TimeLimit|node7\n")
    keeper.advance()
    assert job.status.message.startswith("stopped by SLURM: its time was over")
    assert list_queue(project.paths) == []


def test_a_job_that_slurm_requeues_waits_and_runs_again(answers, keeper, give, monkeypatch):
    job = give("make")
    keeper.advance()
    write_status(job.paths, JobStatus(state="running", host="node7", pid=1, started=1.0, heartbeat=time.time()))
    answers.set("squeue", "41|PENDING|BeginTime|\n")
    keeper.advance()
    assert (job.status.state, job.status.message) == ("queued", "SLURM 41: pending (BeginTime)")
    write_status(job.paths, JobStatus(state="running", host="node7", pid=1, started=1.0, heartbeat=time.time()))  # SLURM was not asked in between
    with pytest.raises(JobError, match="J1 runs already"):
        run_job(job.paths, InlineRunner(), pid=None)
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    assert run_job(job.paths, InlineRunner(), pid=None) == 0
    assert job.status.state == "completed"


def test_slurm_that_refuses_and_slurm_that_is_away(answers, keeper, give):
    answers.set("sbatch", error="sbatch: error: Unable to contact slurm controller (connect failure)\n")
    job = give("make")
    keeper.advance()
    assert (job.status.state, job.status.message) == ("queued", "sbatch: Unable to contact slurm controller (connect failure)")
    answers.set("sbatch", error="sbatch: error: Batch job submission failed: Invalid partition name specified\n")
    keeper.advance()
    assert (job.status.state, job.status.message) == (
        "failed",
        "SLURM refused the job: sbatch: Batch job submission failed: Invalid partition name specified",
    )
    answers.set("sbatch", "42\n")
    answers.set("squeue", "42|PENDING|None|\n")
    again = job.requeue()
    again._runner.enqueue(job.paths)
    keeper.advance()
    assert read_submission(job.paths).slurm_id == "42"
    answers.set("squeue", error="slurm_load_jobs error: Unable to contact slurm controller\n")
    keeper.advance()
    assert job.status.message == "SLURM 42: squeue: slurm_load_jobs error: Unable to contact slurm controller"
    answers.set("squeue", error="slurm_load_jobs error: Invalid job id specified\n")
    keeper.advance()
    assert (job.status.state, job.status.message.partition(",")[0]) == ("failed", "SLURM says that it ended")


def test_a_job_is_cancelled_in_slurm(answers, keeper, give):
    job = give("make")
    keeper.advance()
    job.kill()
    assert answers.calls("scancel") == ["41"]
    assert (job.status.state, job.status.message) == ("killed", "killed before it started")


def test_lanes_and_queue_are_listed(answers, keeper, give, project, capfd):
    from typer.testing import CliRunner

    give("make", threads=2)
    keeper.advance()
    answers.set("sinfo", "40/24/0/64\n0/8/0/8\n")
    call = lambda *arguments: json.loads(CliRunner().invoke(app, ["--project", str(project.folder), *arguments, "--json"]).output)
    (lane,) = call("lanes")["lanes"]
    assert (lane["name"], lane["kind"], lane["room"], lane["n_waiting"]) == ("cluster", "slurm", "32 of 72 cores idle", 1)
    assert answers.calls("sinfo") == ["--noheader --format=%C --partition=gpu"]
    (job,) = call("queue")["jobs"]
    assert (job["name"], job["lane"], job["wants"], job["note"], job["slurm_id"]) == (
        "J1",
        "cluster",
        "2 cores, 64 GB",
        "SLURM 41: pending (None)",
        "41",
    )
    template = CliRunner().invoke(app, ["lanes", "--template"]).output
    assert "#SBATCH --cpus-per-task={{ cpus }}" in template


def test_a_command_that_dies_with_the_job_that_runs_it_is_run_again_unless_it_submits(answers):
    answers.kill("scancel")
    cancel("41")
    assert answers.calls("scancel") == ["41", "41"]
    answers.kill("sbatch")
    with pytest.raises(SlurmRefused, match="sbatch: exit code -15"):
        submit("#!/bin/sh")
    assert len(answers.calls("sbatch")) == 1
