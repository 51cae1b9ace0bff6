import os
import subprocess
import sys

from triskelion.runners.lock import FolderLock, read_start

TAKE = "import sys; from pathlib import Path; from triskelion.runners.lock import FolderLock; print(FolderLock(Path(sys.argv[1])).acquire())"


def take_elsewhere(folder) -> bool:
    return subprocess.run([sys.executable, "-c", TAKE, str(folder)], capture_output=True, text=True, check=True).stdout == "True\n"


def test_one_process_holds_it_until_it_gives_it_back_or_dies(tmp_path):
    folder = tmp_path / "state" / "lock"
    lock = FolderLock(folder)
    assert not lock.is_held()
    assert lock.acquire() and lock.is_held()
    assert not lock.acquire()
    assert not take_elsewhere(folder)
    lock.release()
    assert not lock.is_held()
    assert take_elsewhere(folder)  # and ends without giving it back
    assert list(folder.iterdir()) != []
    assert lock.acquire()
    assert [path.name for path in tmp_path.rglob(".*")] == []


def test_a_number_given_again_to_another_process_is_not_the_holder(tmp_path):
    folder = tmp_path / "lock"
    folder.mkdir()
    (folder / f"{os.getpid()}.{int(read_start(os.getpid())) - 1 if read_start(os.getpid()).isdigit() else 'long-ago'}").touch()
    assert FolderLock(folder).acquire()


def test_of_many_at_once_one_gets_it(tmp_path):
    folder = tmp_path / "lock"
    folder.mkdir()
    (folder / "999999999.1").touch()  # a holder that is long dead
    processes = [subprocess.Popen([sys.executable, "-c", f"{TAKE}; input()", str(folder)], stdin=-1, stdout=-1, text=True) for _ in range(4)]
    answers = [process.stdout.readline() for process in processes]
    for process in processes:
        process.communicate("\n")
    assert sorted(answers) == ["False\n"] * 3 + ["True\n"]
