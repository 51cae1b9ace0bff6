import json
import subprocess
import sys
import time

import pytest

from triskelion.cli import main as cli


def test_run_prints_headline_and_folder(run, project):
    code, out, _ = run("run", "make", "--level", "3", "--loud", "--threads", "1")
    assert code == 0
    assert "resolution 4.12 Å, particles 1,500, 1 warning" in out
    assert "warning: the padding is thin [not markup]" in out
    assert out.splitlines()[-1] == str(project.folder / "J1")
    record = json.loads((project.folder / "J1" / "job.json").read_text())
    assert record["command"] == "triskelion run make --level 3 --loud"
    assert record["threads"] == 1


def test_clone_takes_the_options_of_the_job(run, project):
    project.run("make", level=3.0, loud=True)
    assert run("clone", "J1", "--no-loud", "--box-px", "10")[0] == 0
    parameters = json.loads((project.folder / "J2" / "job.json").read_text())["parameters"]
    assert (parameters["level"], parameters["loud"], parameters["box_px"]) == (3.0, False, 10)
    code, out, _ = run("clone", "J1", "--help")
    assert code == 0 and "--box-px" in out


def test_options_are_made_from_the_model(run):
    code, out, _ = run("run", "make", "--help")
    assert code == 0
    for text in ("--box-px", "Edge of the box. (default: 8 px)", "map|mask", "--loud", "--no-loud", "--detach", "--threads"):
        assert text in out
    out = run("run", "use", "--help")[1]
    assert "JOB|FILE" in out and "The map to use. (required)" in out


def test_a_preview_lists_steps_and_makes_no_job(run, project, monkeypatch):
    from triskelion.jobs import registry

    monkeypatch.setattr(registry, "NAMES", (*registry.NAMES, "volume_tools"))
    project.run("make", box_px=12, level=3.0)
    arguments = ("--volume", "J1", "--dilation", "1", "--soft-padding", "2A", "--resolution", "4")
    code, out, _ = run("run", "volume_tools", *arguments, "--preview")
    assert code == 0 and [job.name for job in project.jobs] == ["J1"]
    assert out.splitlines()[:2] == ["1. take J1: 12 px of 2 Å", "2. threshold at 0.6 (0.2 of the maximum, 3)"]
    assert out.splitlines()[-1].startswith("warning: soft padding of 1 px is thin")
    assert "--preview" in run("run", "volume_tools", "--help")[1]
    assert "--preview" not in run("run", "make", "--help")[1]


def test_predict_is_short_for_running_that_job(capfd):
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict", "--help"])
    assert not ended.value.code
    assert "--n-particles" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "make", "--box-px", "twelve"), "box_px: got 'twelve', wanted integer (px)"),
        (("run", "use", "--volume", "J9"), "there is no job J9"),
        (("run", "use"), "volume: is missing, wanted a map"),
        (("run", "maek"), "there is no job type 'maek': choose one of make, use"),
        (("run", "make", "--colour", "red"), "No such option"),
        (("run", "fail"), "J1 failed: got a fulcrum outside the box, wanted one inside"),
        (("show", "J3"), "it has no jobs yet"),
        (("path", "J3", "map"), "there is no job J3"),
        (("--project", "/nowhere", "status"), "not inside a project"),
    ],
)
def test_errors_are_one_message_and_exit_code_2(run, arguments, message):
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_failed_job_is_said_once_and_never_completed(run):
    code, out, err = run("run", "fail", "--how", "defect")
    assert code == 1
    assert (out + err).count("a slip") == 1
    assert json.loads(run("status", "--json")[1])["jobs"][0]["state"] == "failed"


def test_outside_a_project(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("run", "make")
    assert code == 2
    assert "not inside a project: make one with 'triskelion new NAME && cd NAME'" in err


def test_new_makes_a_project_that_any_command_finds(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("new", "ribosome")
    assert (code, out.strip()) == (0, str(tmp_path / "ribosome"))
    assert run("run", "make", "--project", "ribosome")[0] == 0
    assert run("path", "J1", "half_a", "--project=ribosome")[1].strip() == str(tmp_path / "ribosome" / "J1" / "half_a.mrc")
    assert run("new", "ribosome")[0] == 2


def test_reading_commands(run, project):
    project.run("make", level=3.0, loud=True)
    project.run("use", volume="J1")
    out = run("status")[1]
    assert "J1" in out and "completed" in out and "4.12 Å" in out
    shown = run("show", "J1")[1]
    assert "level" in shown and "triskelion run make --level 3 --loud" in shown and "half_a" in shown
    assert json.loads(run("show", "J1", "--json")[1])["resolution_A"] == 4.1234
    assert "making a cube" in run("logs", "J1", "-f")[1]
    assert run("jobs")[1].splitlines()[0].split(None, 1) == ["make", "Make a cube"]
    assert "<title>" in (project.folder / "report.html").read_text() if run("report")[0] == 0 else False
    assert run("report", "J2", "-o", "two.html")[1].strip() == str(project.folder / "two.html")


def test_detached_jobs_are_followed_and_killed(run, project):
    assert run("run", "fail", "--how", "sleep", "--detach")[0] == 0
    deadline = time.monotonic() + 30
    while project.job("J1").status.state != "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    code, out, _ = run("kill", "J1")
    assert (code, out.strip()) == (0, "J1 is killed")
    assert "killed: stopped by SIGTERM" in run("logs", "J1", "-f")[1]
    assert run("kill", "J1")[0] == 2


def test_resume_continues_a_failed_job(run):
    assert run("run", "resume")[0] == 2
    assert run("resume", "J1")[0] == 0


def test_the_project_option_may_stand_anywhere():
    assert cli.move_project_option_first(["run", "make", "--project", "p", "--level", "3"]) == ["--project", "p", "run", "make", "--level", "3"]
    assert cli.move_project_option_first(["status", "--project=p"]) == ["--project=p", "status"]
    assert cli.move_project_option_first(["status", "--json"]) == ["status", "--json"]


def test_help_loads_nothing_heavy():
    code = "import sys; from triskelion.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "import triskelion; assert 'triskelion.api' not in sys.modules\n"
    code += "print('LOADED', *[m for m in ('numpy', 'torch', 'numba', 'scipy', 'matplotlib', 'pydantic', 'jinja2', 'gemmi') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1].strip() == "LOADED"


def test_listing_jobs_loads_no_mathematics():
    code = "import sys; from triskelion.cli.main import main\ntry: main(['jobs'])\nexcept SystemExit: pass\n"
    code += "print('LOADED', *[m for m in ('torch', 'numba', 'scipy', 'matplotlib') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1].strip() == "LOADED"
