import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from triskelion.errors import DataError, InputError, JobError
from triskelion.project.layout import JobPaths, job_number, split_iteration
from triskelion.project.plain_json import read_json, write_json
from triskelion.project.status import JobStatus, StatusKeeper, read_status, read_written_status, write_status
from triskelion.project.store import JobRecord, add_job, create_project, find_job, find_project, list_jobs, open_project, read_job

ADD_MANY = """
import sys
from pathlib import Path
from triskelion.project.layout import ProjectPaths
from triskelion.project.store import JobRecord, add_job
print(*[add_job(ProjectPaths(Path(sys.argv[1])), JobRecord("make", {})).name for _ in range(int(sys.argv[2]))])
"""


@pytest.mark.parametrize(("n_processes", "n_jobs"), [(4, 50), pytest.param(8, 200, marks=pytest.mark.slow)])
def test_simultaneous_writers_get_different_numbers(tmp_path, n_processes, n_jobs):
    project = create_project(tmp_path / "p")
    command = [sys.executable, "-c", ADD_MANY, str(project.folder), str(n_jobs)]
    with ExitStack() as stack:
        processes = [stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(n_processes)]
        with ThreadPoolExecutor(4) as threads:
            names = list(threads.map(lambda _: add_job(project, JobRecord("make", {})).name, range(20)))
        names += [name for process in processes for name in process.communicate(timeout=280)[0].split()]
    total = n_processes * n_jobs + 20
    assert sorted(names, key=job_number) == [f"J{n}" for n in range(1, total + 1)]
    jobs = list_jobs(project)
    assert [job.name for job in jobs] == [f"J{n}" for n in range(1, total + 1)]
    assert all(read_status(job).state == "queued" and read_json(job.record)["name"] == job.name for job in jobs)
    assert not any(path.name.startswith(".") for path in project.folder.rglob("*"))


def test_a_deleted_job_does_not_give_its_number_away_while_later_ones_exist(tmp_path):
    project = create_project(tmp_path / "p")
    first, _ = (add_job(project, JobRecord("make", {})) for _ in range(2))
    for file in first.folder.iterdir():
        file.unlink()
    first.folder.rmdir()
    assert add_job(project, JobRecord("make", {})).name == "J3"


def test_only_job_folders_count_as_jobs(tmp_path):
    project = create_project(tmp_path / "p")
    for name in ("J0", "J01", "Jx", "raw", "J2.bak"):
        (project.folder / name).mkdir()
    (project.folder / "J1").write_text("a file in the way")
    assert list_jobs(project) == []
    assert add_job(project, JobRecord("make", {})).name == "J2"
    with pytest.raises(JobError, match=r"no job J9 .*it has J2 to J2"):
        find_job(project, "J9")
    with pytest.raises(JobError, match="no job raw"):
        find_job(project, "raw")


def test_project_on_disk_is_plain_json(tmp_path):
    project = create_project(tmp_path / "p", "U4/U6.U5")
    assert json.loads((tmp_path / "p" / "project.json").read_text())["title"] == "U4/U6.U5"
    assert json.loads((tmp_path / "p" / "workspaces" / "W1.json").read_text())["name"] == "W1"
    job = add_job(project, JobRecord("make", {"seed": 7}))
    record = json.loads((tmp_path / "p" / "J1" / "job.json").read_text())
    assert (record["name"], record["type"], record["parameters"]["seed"]) == ("J1", "make", 7)
    assert set(record["versions"]) == {"python", "triskelion", "numpy", "torch", "numba"}
    assert read_job(job).parameters == {"seed": 7}


def test_a_project_is_not_made_over_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        create_project(tmp_path)
    create_project(tmp_path / "p")
    with pytest.raises(InputError, match="a project already"):
        create_project(tmp_path / "p")


def test_the_project_is_found_from_inside_and_missed_outside(tmp_path):
    project = create_project(tmp_path / "p")
    inside = add_job(project, JobRecord("make", {})).folder
    assert find_project(inside).folder == project.folder
    with pytest.raises(InputError, match=r"not inside a project: make one with 'triskelion new"):
        find_project(tmp_path)
    with pytest.raises(InputError, match="is not a project"):
        open_project(tmp_path)


def test_a_project_of_a_later_program_is_refused(tmp_path):
    project = create_project(tmp_path / "p")
    write_json(project.record, {"format": 2})
    with pytest.raises(InputError, match="format 2, this program reads 1"):
        open_project(project.folder)


def test_readers_never_see_half_a_file(tmp_path):
    path = tmp_path / "status.json"
    write_json(path, {"n": 0})
    stop = threading.Event()

    def write():
        for n in range(1, 300):
            write_json(path, {"n": n, "filling": "x" * 50_000})
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        assert read_json(path)["n"] >= 0
    writer.join()
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"n": 1})
    with pytest.raises(TypeError):
        write_json(path, {"n": object()})
    assert read_json(path) == {"n": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_json_of_arrays_and_missing_numbers(tmp_path):
    path = tmp_path / "a.json"
    data = {
        "f": np.float32([1 / 3, np.nan, np.inf]),
        "d": np.array([1 / 3]),
        "i": np.int64(3),
        "b": np.bool_(True),
        "t": (1, float("nan")),
        "s": np.array(["x"]),
    }
    write_json(path, data)
    assert read_json(path) == {"f": [0.3333333, None, None], "d": [1 / 3], "i": 3, "b": True, "t": [1, None], "s": ["x"]}


def test_damaged_json_names_the_file(tmp_path):
    path = tmp_path / "job.json"
    path.write_text('{"type": ')
    with pytest.raises(DataError, match=r"job\.json is not valid JSON"):
        read_json(path)
    with pytest.raises(DataError, match=r"other\.json is missing"):
        read_json(tmp_path / "other.json")


def test_a_vanished_worker_is_a_failed_job(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    paths = JobPaths(tmp_path / "J1")
    paths.folder.mkdir()
    assert read_status(paths).state == "building"
    running = JobStatus(state="running", pid=ended.pid, host=socket.gethostname(), started=time.time(), heartbeat=time.time())
    write_status(paths, running)
    status = read_status(paths)
    assert (status.state, status.is_over) == ("failed", True)
    assert "the worker vanished" in status.message
    elsewhere = JobStatus(state="running", pid=ended.pid, host="another", started=time.time(), heartbeat=time.time())
    write_status(paths, elsewhere)
    assert read_status(paths).state == "running"
    write_status(paths, JobStatus(state="running", pid=ended.pid, host="another", heartbeat=time.time() - 3600))
    assert read_status(paths).state == "failed"


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_clock_that_jumps_does_not_kill_a_job(tmp_path, jump_s):
    """As after a laptop has slept, or when its clock is set: the process tells whether a worker of this machine lives."""
    paths = JobPaths(tmp_path / "J1")
    paths.folder.mkdir()
    with StatusKeeper(paths, os.getpid()) as keeper:
        jumped = replace(read_written_status(paths), heartbeat=time.time() - jump_s, started=time.time() - jump_s)
        write_status(paths, jumped)
        assert read_status(paths) == jumped and jumped.wall_s >= 0
        write_status(paths, replace(jumped, process_start="long ago"))  # another process was given the number
        assert (read_status(paths).state, "vanished" in read_status(paths).message) == ("failed", True)
        keeper.finish("completed")
    assert read_status(paths).state == "completed"


def test_the_heart_beats_on_while_the_disk_is_full_and_the_last_state_is_written(tmp_path, monkeypatch):
    paths = JobPaths(tmp_path / "J1")
    paths.folder.mkdir()
    failed = threading.Event()

    def have_no_room(*arguments):
        failed.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("triskelion.project.status.HEARTBEAT_S", 0.01)
    with StatusKeeper(paths, os.getpid()) as keeper:
        monkeypatch.setattr("triskelion.project.status.write_status", have_no_room)
        assert failed.wait(10)
        paths.kill_request.touch()
        assert keeper.cancelled.wait(10)  # the thread lives
        keeper.finish("failed", "the disk is full")
    assert (read_status(paths).state, read_status(paths).message) == ("failed", "the disk is full")
    assert [path.name for path in paths.folder.iterdir() if path.name.startswith(".")] == []


def test_iterations_in_file_names():
    paths = JobPaths(Path("p") / "J1")
    assert paths.plot_data("pose_change", 3).as_posix() == "p/J1/plots/pose_change_003.json"
    assert paths.output("map.mrc", 12).as_posix() == "p/J1/iterations/map_012.mrc"
    assert split_iteration("pose_change_003") == ("pose_change", 3)
    assert split_iteration("pose_change") == ("pose_change", None)
