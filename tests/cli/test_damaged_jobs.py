"""One job with a damaged file stops no work on the others, whatever the file, and the doctor says what it is."""

import json

import pytest

DAMAGED = ["job.json", "status.json", "submission.json", "summary.json", "notes.jsonl", "particles.star"]
MENDED = {"status.json"}


@pytest.fixture(params=[*DAMAGED, "job.json of another kind"])
def damaged(request, imported) -> str:
    """Damage a file of J2, which J3 was made from and J4 and J5 have nothing to do with; return its name."""
    name = request.param.split()[0]
    (imported.folder / "J2" / name).write_text('{"seed": 1}' if name != request.param else "{ cut sh\n")
    return name


def test_every_command_goes_on(run, imported, damaged, tmp_path):
    imported.prepare("make")
    code, out, err = run("status")
    assert (code, len(out.splitlines())) == (0, 1 + 1 + 6), err
    (job,) = [job for job in json.loads(run("status", "--json")[1])["jobs"] if job["name"] == "J2"]
    if damaged in ("job.json", "status.json"):
        assert "doctor" in job["message"]
    for command in ("tree", "disk", "workspaces", "queue", "lanes", "bin"):
        code, out, err = run(command)
        assert code == 0, (command, err)
    assert imported.run("use", volume="J4").status.state == imported.clone("J5", factor=3.0).status.state == "completed"
    assert run("delete", "J5", "--force")[0] == run("restore", "J5")[0] == 0
    assert run("report", "-o", str(tmp_path / "report.html"))[0] == 0
    assert ("J2 is left out" in (tmp_path / "report.html").read_text()) == (damaged in ("job.json", "summary.json"))


def test_archives_and_relinking_leave_it_out(run, imported, raw, damaged, tmp_path):
    code, out, err = run("export", str(tmp_path / "all.tar"))
    assert code == 0, err
    assert ("left out, because job.json cannot be read: J2" in err) == (damaged == "job.json")
    raw.rename(tmp_path / "archive")
    code, out, err = run("relink", str(tmp_path / "archive"))
    assert (code, "relinked 2 links" in out) == (int(damaged == "particles.star"), True), err
    assert ("left as it is" in out) == (damaged == "particles.star")


def test_the_doctor_names_it(run, imported, damaged):
    code, out, _ = run("doctor")
    assert code == 1
    assert f"J2/{damaged}" in out
    code, out, _ = run("doctor", "--mend")
    assert code == (0 if damaged in MENDED else 1)
