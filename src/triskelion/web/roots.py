"""What the server may touch: the projects and folders that were named when it was started, and nothing beside them, wherever a link leads."""

import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from triskelion.api import Project
from triskelion.errors import InputError
from triskelion.project.layout import ProjectPaths
from triskelion.web.answers import UnknownThing

LONGEST_NAME, LONGEST_PATH = 255, 4096
DEPTH = 2  # how far below a root projects are looked for
_PATTERN = re.compile(r"[*?\[]")
_LETTERS = re.compile(r"[^a-z0-9]+")


class Workplace:
    """Roots, and the projects in them.

    Parameters
    ----------
    folders : iterable of path
        Projects, and folders that hold projects.
    data_folders : iterable of path
        Where data to import may lie.

    Raises
    ------
    InputError
        One is no folder.
    """

    def __init__(self, folders: Iterable[Path], data_folders: Iterable[Path] = ()):
        self.folders = [_require_folder(folder) for folder in folders]
        self.data_folders = [_require_folder(folder) for folder in data_folders]
        self._lock = threading.Lock()
        self._projects: dict[str, Project] = {}
        self.look_for_projects()

    @property
    def roots(self) -> list[Path]:
        """All folders that may be touched, each once."""
        return list(dict.fromkeys([*self.folders, *self.data_folders]))

    @property
    def projects(self) -> dict[str, Project]:
        """The open projects by their ids, as they were found."""
        return dict(self._projects)

    def look_for_projects(self) -> None:
        """Open the projects that lie in the folders, and forget those that are gone."""
        found = [folder for root in self.folders for folder in _find_projects(root, DEPTH)]
        with self._lock:
            here = {name: project for name, project in self._projects.items() if project.paths.record.is_file()}
            known = {project.folder for project in here.values()}
            for folder in dict.fromkeys(found):
                if folder not in known:
                    with suppress(InputError):  # of a newer program: whoever opens it by name is told
                        here[_choose_id(folder, here)] = Project(folder)
            self._projects = here

    def open(self, folder: Path) -> str:
        """Open a project and return its id.

        Raises
        ------
        InputError
            It is none, or lies outside the roots.
        """
        project = Project(self.confine(folder))
        with self._lock:
            known = next((name for name, each in self._projects.items() if each.folder == project.folder), None)
            name = known or _choose_id(project.folder, self._projects)
            self._projects = {**self._projects, name: project}
        return name

    def make(self, folder: Path, title: str | None) -> str:
        """Make a project and return its id.

        Raises
        ------
        InputError
            The folder lies outside the folders for projects, or inside a project, or is not empty.
        """
        place = _resolve(folder)
        if not any(place.is_relative_to(root) for root in self.folders):
            raise InputError(f"{place} lies outside the folders for projects: {_join(self.folders)}")
        around = next((each for each in place.parents if ProjectPaths(each).record.exists()), None)
        if around is not None:
            raise InputError(f"{place} lies inside the project {around}: choose a folder beside it")
        try:
            return self.open(Project.new(place, title=title).folder)
        except OSError as error:
            raise InputError(f"cannot make {place}: {error.strerror}") from None

    def find(self, name: str) -> Project:
        """Return the open project with this id.

        Raises
        ------
        UnknownThing
            There is none.
        """
        if name not in self._projects:
            raise UnknownThing(f"there is no project {name!r}: {', '.join(self._projects) or 'none is open'}")
        return self._projects[name]

    def confine(self, path: str | Path, base: Path | None = None) -> Path:
        """Return the true place of a path, links followed; a pattern is kept behind the folder that it begins in.

        Parameters
        ----------
        path : str or path
            Relative to ``base``; without one it has to be absolute.

        Raises
        ------
        InputError
            It lies outside all roots and projects.
        """
        text = os.path.expanduser(os.fspath(path))
        if base is None and not os.path.isabs(text):
            raise InputError(f"got the path {text!r}, wanted an absolute one")
        parts = Path(base or "/", text).parts
        plain = next((count for count, part in enumerate(parts) if _PATTERN.search(part)), len(parts))
        if ".." in parts[plain:]:
            raise InputError(f"got the path {text!r}: a pattern cannot be followed by ..")
        place = _resolve(Path(*parts[:plain]))
        allowed = [*self.roots, *(project.folder for project in self._projects.values())]
        if not any(place.is_relative_to(root) for root in allowed):
            raise InputError(f"{text} lies outside what this server may touch, {_join(self.roots)}: start it with --data and the folder")
        return place.joinpath(*parts[plain:])


def _require_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name a project, or a folder that holds projects")
    return folder.resolve()


def _resolve(path: Path) -> Path:
    try:
        if len(os.fsencode(path)) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
            raise InputError(f"this is not a path: no name is longer than {LONGEST_NAME} letters, no path than {LONGEST_PATH}")
        return path.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # with a null byte or half a letter, or a circle of links
        raise InputError(f"this is not a path: {error}") from None


def _find_projects(folder: Path, depth: int) -> Iterator[Path]:
    if ProjectPaths(folder).record.is_file():
        yield folder
    elif depth > 0:
        try:
            below = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."))
        except OSError:
            return
        for each in below:
            yield from _find_projects(Path(each), depth - 1)


def _choose_id(folder: Path, taken: Iterable[str]) -> str:
    """Return an id from the name of a folder; where it is taken, with a word behind it that only its place decides."""
    name = _LETTERS.sub("-", folder.name.lower()).strip("-") or "project"
    return name if name not in taken else f"{name}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:6]}"


def _join(folders: Iterable[Path]) -> str:
    return ", ".join(map(str, folders)) or "no folder at all"
