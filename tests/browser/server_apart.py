"""``triskelion serve`` as a process of its own, as a person runs it."""

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = "from triskelion.cli.main import main; main()"


class ServerApart:
    """One server after another; jobs are real, in workers that outlive it."""

    def __init__(self):
        self._process: subprocess.Popen | None = None

    def start(self, folder: Path, *data: Path, port: int = 0) -> str:
        """Serve the projects of a folder, data folders beside it, and return the address to open."""
        options = [each for path in data for each in ("--data", str(path))]
        command = [sys.executable, "-c", PROGRAM, "serve", str(folder), *options, "--port", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        lines = []
        for line in self._process.stdout:
            lines.append(line)
            found = re.search(r"http://\S+token=\S+", line)
            if found:
                return found[0]
        raise AssertionError(f"the server ended without an address: {''.join(lines)}")

    def kill(self) -> None:
        """Kill it as the kernel does when memory runs out: it can do nothing about it."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.terminate()
            self._reap()

    def _reap(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.wait(timeout=20)
        self._process.stdout.close()
        self._process = None
