"""What this machine remembers of its queues: which projects have one, and the process that keeps them.

::

    ~/.local/state/triskelion/node7/    $XDG_STATE_HOME where it is set
      projects/1f0c...                  the folder of a project with jobs in its queue
      keeper.lock/                      held by the keeper while it lives
      keeper.log                        what went wrong with it
      pass                              touched by the keeper each time it has looked at everything
      browser.key                       what the browser's cookies are signed with: they outlive the server

None of it is needed to understand a project: where it is lost, the next command in a project writes it again.
"""

import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from triskelion.project.layout import ProjectPaths
from triskelion.runners.lock import FolderLock


@dataclass(frozen=True)
class HostPaths:
    """The files of one person on one machine."""

    folder: Path

    @classmethod
    def here(cls) -> "HostPaths":
        """Return those of this person on this machine."""
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return cls(state / "triskelion" / host_name())

    @property
    def lock(self) -> FolderLock:
        """Held by the keeper."""
        return FolderLock(self.folder / "keeper.lock")

    @property
    def log(self) -> Path:
        """What the keeper has to say when something is wrong."""
        return self.folder / "keeper.log"

    @property
    def browser_key(self) -> Path:
        """What the browser's cookies are signed with; nobody else may read it."""
        return self.folder / "browser.key"

    @property
    def last_pass(self) -> Path:
        """Touched when the keeper has looked at everything."""
        return self.folder / "pass"

    def register(self, project: ProjectPaths) -> None:
        """Remember that a project has jobs in its queue."""
        path = self._entry(project)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            beside.write_text(f"{project.folder}\n", encoding="utf-8")
            os.replace(beside, path)

    def forget(self, project: ProjectPaths) -> None:
        """Forget a project whose queue is empty."""
        self._entry(project).unlink(missing_ok=True)

    def list_projects(self) -> list[ProjectPaths]:
        """Return the projects that have, or had, jobs in their queues."""
        folder = self.folder / "projects"
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        return [ProjectPaths(Path(entry.read_text(encoding="utf-8").removesuffix("\n"))) for entry in entries if not entry.name.startswith(".")]

    def _entry(self, project: ProjectPaths) -> Path:
        return self.folder / "projects" / hashlib.sha1(str(project.folder).encode()).hexdigest()[:16]


def host_name() -> str:
    """Name of this machine."""
    return socket.gethostname()
