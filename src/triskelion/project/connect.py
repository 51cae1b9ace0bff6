"""What a filled input slot means: ``J5``, ``J5.name`` or a path becomes the file that fits, or a refusal that says why."""

import re
from dataclasses import dataclass
from pathlib import Path

from triskelion.errors import InputError
from triskelion.jobs.registry import job_type
from triskelion.jobs.spec import SlotKind
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.parameters import SLOT_WANTS
from triskelion.project.status import read_status
from triskelion.project.store import find_job, read_job, require_completed

_JOB_REFERENCE = re.compile(r"(J\d+)(?:\.(\w+))?")
_SUFFIXES: dict[SlotKind, tuple[str, ...]] = {  # as jobs write them, then others that slots take
    "particles": (".star",),
    "volume": (".mrc", ".map"),
    "mask": (".mrc", ".map"),
    "segmentation": (".npz",),
}
_HALF_MAPS = ("half_a", "half_b")
MASK_BASES = ("mask_base", "complement_base")


@dataclass(frozen=True)
class Output:
    """One file that a job leaves."""

    name: str
    kind: SlotKind
    path: Path


def list_outputs(paths: JobPaths) -> list[Output]:
    """Return the declared outputs of a job that are there, in the order of the job type."""
    return [output for output in list_promised_outputs(paths) if output.path.exists()]


def list_promised_outputs(paths: JobPaths) -> list[Output]:
    """Return all outputs that jobs of this type may leave."""
    declared = job_type(read_job(paths).type).outputs
    return [Output(Path(name).stem, kind, paths.output(Path(name).stem + _SUFFIXES[kind][0])) for name, kind in declared.items()]


def resolve_input(project: ProjectPaths, reference: str, kind: SlotKind, name: str | None = None, *, promised: bool = False) -> Path:
    """Return the file that ``reference`` means in a slot of ``kind``.

    Parameters
    ----------
    reference : str
        ``J5`` (the first output of that kind), ``J5.name``, or a path, relative to the project where not absolute.
    name : str, optional
        A named map of the same job (``half_a``), instead of the one the reference means by itself.
    promised : bool
        Whether outputs that a queued or running job is still to make will do.

    Raises
    ------
    JobError
        No such job, or it is not completed (failed or killed, where what is promised will do).
    InputError
        The job has nothing that fits, the file is missing or of another kind.
    """
    match = _JOB_REFERENCE.fullmatch(reference)
    if match:
        chosen = name or match[2]
        return _resolve_output(find_job(project, match[1]), chosen, kind, promised).path
    if name is not None:
        raise InputError(f"{reference} is one map, but its {name.replace('_', ' ')} is wanted too: give a job that has half maps (J5)")
    return _resolve_path(project, reference, kind)


def job_of_reference(project: ProjectPaths, reference: str) -> JobPaths | None:
    """Return the job that ``J5`` or ``J5.name`` means, None for the path of a file."""
    match = _JOB_REFERENCE.fullmatch(reference)
    return find_job(project, match[1]) if match else None


def _resolve_output(paths: JobPaths, name: str | None, kind: SlotKind, promised: bool = False) -> Output:
    if promised and read_status(paths).state in ("queued", "running"):
        outputs = list_promised_outputs(paths)
        has = f"it may make {_list_names(outputs)}"
    else:
        require_completed(paths)
        outputs = list_outputs(paths)
        has = f"it has {_list_names(outputs)}"
    label = f"{paths.name} ({read_job(paths).type})"
    if name is None:
        fitting = [output for output in outputs if output.kind == kind]
        if not fitting:
            convert = _how_to_convert(outputs[0], kind) if outputs else ""
            raise InputError(f"{label} gives no {kind}: {has}; the slot wants {SLOT_WANTS[kind]}{convert}")
        return fitting[0]
    named = [output for output in outputs if output.name == name]
    if not named:
        hint = "; give a job that made half maps" if name in _HALF_MAPS else ""
        raise InputError(f"{label} has no {name}: {has}{hint}")
    if named[0].kind != kind:
        raise InputError(f"{paths.name}.{name} is a {named[0].kind}, the slot wants {SLOT_WANTS[kind]}{_how_to_convert(named[0], kind)}")
    return named[0]


def _list_names(outputs: list[Output]) -> str:
    """List outputs by kind, the first few of each."""
    lists = []
    for kind in dict.fromkeys(output.kind for output in outputs):
        names = [output.name for output in outputs if output.kind == kind]
        lists.append(f"{kind} {', '.join(names[:4])}{' ...' if len(names) > 4 else ''}")
    return "; ".join(lists) or "no outputs"


def _how_to_convert(got: Output, wanted: SlotKind) -> str:
    if (got.kind, wanted) != ("volume", "mask"):
        return ""
    if got.name in MASK_BASES:
        job = got.path.parent.name
        return f"; a mask base is a map: make the mask with 'triskelion run volume_tools --volume {job}.{got.name} --soft-padding-px 12'"
    return "; make a mask from a map with volume_tools"


def _resolve_path(project: ProjectPaths, reference: str, kind: SlotKind) -> Path:
    path = project.folder / Path(reference).expanduser()
    if not path.is_file():
        raise InputError(f"got {reference!r}, which is neither a job nor a file: the slot wants {SLOT_WANTS[kind]}")
    if path.suffix.lower() not in _SUFFIXES[kind]:
        raise InputError(f"{reference} ends in {path.suffix or 'nothing'}: the slot wants {SLOT_WANTS[kind]}")
    if path.stem in MASK_BASES and JobPaths(path.parent).record.exists():
        return _resolve_output(JobPaths(path.parent), path.stem, kind).path
    return path


def anchor_reference(project: ProjectPaths, reference: str, base: Path) -> str:
    """Return the form of a reference that job.json keeps: paths relative to the project if inside it, else absolute."""
    if _JOB_REFERENCE.fullmatch(reference):
        return reference
    return anchor_path(project, reference, base)


def anchor_path(project: ProjectPaths, path: str | Path, base: Path) -> str:
    """Return ``path``, typed in the folder ``base``, relative to the project if inside it, else absolute."""
    absolute = (base / Path(path).expanduser()).absolute()
    inside = absolute.is_relative_to(project.folder)
    return str(absolute.relative_to(project.folder) if inside else absolute)
