"""A SLURM of one node for tests: munge, controller and node daemon as plain processes in a folder of their own, beside any SLURM of the machine.

``python -m tests.runners.slurm_node FOLDER`` starts one to play with, and ends it with the return key.
"""

import getpass
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo", "scontrol")
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
KillWait=10
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP
"""


def find_missing() -> list[str]:
    """Return the programs of SLURM that this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]


class SlurmNode:
    """Daemons in a folder; a context manager that starts and ends them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        self._daemons: list[subprocess.Popen] = []

    def __enter__(self) -> "SlurmNode":
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._write_files()
            munge = self.folder / "munge"
            files = [f"--{name.replace('_', '-')}={munge / name.partition('_')[0]}" for name in ("key_file", "pid_file", "log_file", "seed_file")]
            self._launch("munged", "--foreground", "--force", f"--socket={munge / 'socket'}", *files, user=_munge_user())
            _wait_for("munge", lambda: (munge / "socket").is_socket())
            self._launch("slurmctld", "-D", "-c", "-f", str(self.configuration))
            self._launch("slurmd", "-D", "-c", "-f", str(self.configuration))
            _wait_for("the node", lambda: self.ask("sinfo", "--noheader", "--format=%T").strip() == "idle")
            undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def ask(self, program: str, *arguments: str) -> str:
        """Run one of SLURM's commands against this node."""
        return subprocess.run([program, *arguments], capture_output=True, text=True, env={**os.environ, "SLURM_CONF": str(self.configuration)}).stdout

    def stop(self) -> None:
        """End the daemons."""
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons = []

    def _write_files(self) -> None:
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        if (owner := _munge_user()) is not None:
            for path in (self.folder / "munge", key):
                shutil.chown(path, owner, owner)
        host = socket.gethostname().partition(".")[0]
        ports = _free_ports(2)
        described = {"host": host, "port": ports[0], "node_port": ports[1], "folder": self.folder, "user": getpass.getuser(), "cpus": os.cpu_count()}
        self.configuration.write_text(CONFIGURATION.format(**described))
        (self.folder / "gres.conf").write_text("".join(f"NodeName={host} Name=gpu File={device}\n" for device in ("/dev/null", "/dev/zero")))

    def _launch(self, program: str, *arguments: str, user: str | None = None) -> None:
        path = shutil.which(program, path=PATH)
        environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        with (self.folder / f"{program}.out").open("wb") as out:
            self._daemons.append(
                subprocess.Popen(
                    [str(path), *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user, group=user, cwd=self.folder
                )
            )


def _munge_user() -> str | None:
    """The user munge insists on where this is root, None where it may be whoever this is."""
    try:
        return pwd.getpwnam("munge").pw_name if os.geteuid() == 0 else None
    except KeyError:
        return None


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_for(what: str, is_there, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not start within {timeout_s:g} s")
        time.sleep(0.1)


if __name__ == "__main__":
    with SlurmNode(Path(sys.argv[1]).resolve()) as node:
        print(f"export SLURM_CONF={node.configuration}", flush=True)
        input()
