"""Lanes: where queued jobs run, and what of it each takes. Described in lanes.toml, of a person and of a project.

::

    default = "workstation"                  # the lane of --queue

    [lanes.workstation]
    kind = "local"                           # this machine
    cpus = 16                                # left out: all there are
    gpus = [0, 1]                            # or how many; left out: all there are
    memory_GB = 120                          # left out: all there is
    job = { cpus = 8, gpus = 1, memory_GB = 60 }    # what a job takes that does not say

    [lanes.cluster]
    kind = "slurm"
    template = "cluster.sh.j2"               # beside this file; left out: the one of the program
    job = { cpus = 8, gpus = 1, memory_GB = 64 }
    variables = { partition = "gpu", time = "2-00:00:00" }    # for the template; --ask time=4:00:00 replaces them for one job

A lane of a project replaces one of the same name of the person. Without any file there is one lane, ``local``: all of this machine.
"""

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triskelion.devices import available_threads
from triskelion.errors import DataError, InputError
from triskelion.project.layout import ProjectPaths

_NAME = re.compile(r"[A-Za-z][\w.-]*")
_DEVICE = re.compile(r"nvidia\d+")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JobShare(_Table):
    """What a job takes that does not say."""

    cpus: int | None = Field(default=None, ge=1)
    gpus: int | None = Field(default=None, ge=0)
    memory_GB: float | None = Field(default=None, gt=0)


class LocalLane(_Table):
    """A machine: as many jobs at once as its slots hold."""

    kind: Literal["local"]
    cpus: int = Field(default_factory=available_threads, ge=1)
    gpus: tuple[int | str, ...] = Field(default_factory=lambda: tuple(range(_count_gpus())))
    memory_GB: float = Field(default_factory=lambda: _total_memory_GB(), gt=0)
    job: JobShare = JobShare()

    def share(self) -> JobShare:
        """What a job takes that does not say: one GPU and its part of the machine, or all of a machine without GPUs."""
        parts = max(1, len(self.gpus))
        return JobShare(
            cpus=self.job.cpus or max(1, self.cpus // parts),
            gpus=min(1, len(self.gpus)) if self.job.gpus is None else self.job.gpus,
            memory_GB=self.job.memory_GB or self.memory_GB / parts,
        )


class SlurmLane(_Table):
    """A cluster under SLURM."""

    kind: Literal["slurm"]
    template: Path | None = None
    job: JobShare = JobShare()
    variables: dict[str, str | int | float | bool] = {}
    arrays: bool = True  # whether the jobs that a series starts are tasks of an array; elsewhere they run one after another in what it was given
    at_once: int | None = Field(default=None, ge=1)  # tasks of an array
    poll_s: float = Field(default=15.0, gt=0)
    settle_s: float = Field(default=30.0, ge=0)  # how long a worker that SLURM calls ended may take to show its last files on this machine

    def share(self) -> JobShare:
        """What a job takes that does not say."""
        gpus = 0 if self.job.gpus is None else self.job.gpus
        return JobShare(cpus=self.job.cpus or 4, gpus=gpus, memory_GB=self.job.memory_GB or 16.0)


Lane = LocalLane | SlurmLane


class _LanesFile(_Table):
    default: str | None = None
    lanes: dict[str, Annotated[Lane, Field(discriminator="kind")]] = {}


@dataclass(frozen=True)
class Lanes:
    """All lanes of a project.

    Attributes
    ----------
    lanes : dict of str to Lane
    files : dict of str to Path or None
        Where each is described; None for the lane that is always there.
    default : str
    """

    lanes: dict[str, Lane]
    files: dict[str, Path | None]
    default: str

    def find(self, name: str | None) -> tuple[str, Lane]:
        """Return name and description of a lane, of the default one where ``name`` is None.

        Raises
        ------
        InputError
            There is none of this name.
        """
        name = name or self.default
        if name not in self.lanes:
            raise InputError(f"there is no lane {name!r}: there is {', '.join(self.lanes)} ({user_file()} or lanes.toml of the project may add some)")
        return name, self.lanes[name]

    def slots_key(self, name: str) -> tuple[str, str]:
        """What tells lanes with slots of their own apart: lanes of a person are one, whichever project uses them."""
        return str(self.files[name] or ""), name


def user_file() -> Path:
    """Where a person describes lanes: ``~/.config/triskelion/lanes.toml``."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "triskelion" / "lanes.toml"


def read_lanes(project: ProjectPaths) -> Lanes:
    """Read the lanes of a person and of a project.

    Raises
    ------
    DataError
        A file is not what it should be; names file and entry.
    """
    lanes: dict[str, Lane] = {}
    files: dict[str, Path | None] = {}
    default = None
    for file in (user_file(), project.lanes):
        if file.is_file():
            described = _read_file(file)
            lanes |= described.lanes
            files |= dict.fromkeys(described.lanes, file)
            default = described.default or default
    if not lanes:
        lanes, files = {"local": LocalLane(kind="local")}, {"local": None}
    default = default or next(iter(lanes))
    if default not in lanes:
        raise DataError(f"{user_file()} or {project.lanes}, default: there is no lane {default!r}, only {', '.join(lanes)}")
    return Lanes(lanes, files, default)


def _read_file(file: Path) -> _LanesFile:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is not TOML: {error}") from None
    lanes = data.get("lanes")
    for name, lane in lanes.items() if isinstance(lanes, dict) else ():
        if not _NAME.fullmatch(name):
            raise DataError(f"{file}, lanes.{name}: got the name {name!r}, wanted a letter, then letters, digits and . _ -")
        if isinstance(lane, dict) and isinstance(lane.get("gpus"), int) and not isinstance(lane["gpus"], bool):
            if lane["gpus"] < 0:
                raise DataError(f"{file}, lanes.{name}.gpus: got {lane['gpus']}, wanted how many there are, or a list of them")
            lane["gpus"] = list(range(lane["gpus"]))
    try:
        described = _LanesFile.model_validate(data)
    except ValidationError as errors:
        raise DataError("\n".join(_explain(file, dict(error)) for error in errors.errors())) from None
    templates = {name: lane.template for name, lane in described.lanes.items() if isinstance(lane, SlurmLane) and lane.template}
    for name, template in templates.items():
        if not (file.parent / template).is_file():
            raise DataError(f"{file}, lanes.{name}.template: there is no {file.parent / template}")
    return described


def _explain(file: Path, error: dict) -> str:
    """``lanes.toml, lanes.gpu.cpus: got 'many', wanted an integer``."""
    entry = ".".join(str(part) for index, part in enumerate(error["loc"]) if not (index == 2 and part in ("local", "slurm")))
    if error["type"] == "extra_forbidden":
        return f"{file}, {entry}: there is no such entry"
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        got = f"got {error['input'].get('kind')!r}, " if isinstance(error["input"], dict) and "kind" in error["input"] else "it is missing: "
        return f"{file}, {entry}.kind: {got}wanted 'local' or 'slurm'"
    return f"{file}, {entry}: got {error['input']!r}; {error['msg'].replace('Input should be', 'wanted')}"


def _count_gpus() -> int:
    devices = Path("/dev")
    return sum(_DEVICE.fullmatch(device.name) is not None for device in devices.iterdir()) if devices.is_dir() else 0


def _total_memory_GB() -> float:
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
