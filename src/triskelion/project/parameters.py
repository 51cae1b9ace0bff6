"""The parameters of a job as people meet them: described for the doors, checked with messages that name the option."""

import difflib
import shlex
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from triskelion.errors import InputError
from triskelion.jobs.spec import JobParameters, JobType, SlotKind

SLOT_WANTS: dict[str, str] = {
    "particles": "particles: J5, J5.name or the path of a .star file",
    "volume": "a map: J5, J5.name or the path of an .mrc file",
    "mask": "a mask: J5, J5.name or the path of an .mrc file",
    "segmentation": "a segmentation: J5, J5.name or the path of an .npz file",
}


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter, as an option of the command line, a row of a table or a field of a form."""

    name: str
    title: str
    help: str
    unit: str
    advanced: bool
    required: bool
    default: Any  # None where required
    annotation: Any
    slot: SlotKind | None
    bounds: tuple[Any, ...] = ()  # as the model has them: objects with ge, gt, le or lt

    @property
    def option(self) -> str:
        """``--shift-extent``."""
        return "--" + self.name.replace("_", "-")

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types it takes, None left out: ``float | None`` gives (float,)."""
        union = get_origin(self.annotation) in (Union, types.UnionType)
        members = get_args(self.annotation) if union else (self.annotation,)
        return tuple(member for member in members if member is not type(None))

    @property
    def choices(self) -> tuple[str, ...]:
        """The words of a Literal, empty for other parameters."""
        return tuple(str(word) for kind in self.kinds if get_origin(kind) is Literal for word in get_args(kind))

    @property
    def takes_several(self) -> bool:
        """Whether it is a list."""
        return any(get_origin(kind) is tuple for kind in self.kinds)

    @property
    def takes_none(self) -> bool:
        """Whether it may be left empty."""
        return type(None) in get_args(self.annotation)


def describe_parameters(job_type: JobType) -> dict[str, ParameterDescription]:
    """Describe every parameter of a job type: inputs first, then as they stand in the model, those for experts and the seed last."""
    described = [_describe(name, info) for name, info in job_type.parameters.model_fields.items()]
    described.sort(key=lambda p: (p.slot is None, p.name == "seed", p.advanced))
    return {p.name: p for p in described}


def _describe(name: str, info: FieldInfo) -> ParameterDescription:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return ParameterDescription(
        name=name,
        title=info.title or name,
        help=info.description or "",
        unit=str(extra.get("unit", "")),
        advanced=bool(extra.get("advanced", False)),
        required=info.is_required(),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        annotation=info.annotation,
        slot=extra.get("slot"),  # type: ignore[arg-type]
        bounds=tuple(info.metadata),
    )


def build_parameters(job_type: JobType, given: Mapping[str, Any]) -> JobParameters:
    """Check and complete the parameters of a job.

    Raises
    ------
    InputError
        One line per parameter that does not fit: what was got and what is wanted.
    """
    problems = find_problems(job_type, given)
    if problems:
        raise InputError("\n  ".join([f"{job_type.name} cannot run with these parameters:", *problems.values()]))
    return job_type.parameters.model_validate(dict(given))


def find_problems(job_type: JobType, given: Mapping[str, Any]) -> dict[str, str]:
    """Return what does not fit, one line for each parameter by name; "" names what is between several. Empty where all fit."""
    try:
        job_type.parameters.model_validate(dict(given))
    except ValidationError as error:
        return _explain_all(describe_parameters(job_type), [dict(problem) for problem in error.errors()])
    return {}


def _explain_all(described: Mapping[str, ParameterDescription], problems: list[dict[str, Any]]) -> dict[str, str]:
    """One line per parameter; a parameter of several types has a problem with each."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for problem in problems:
        by_name.setdefault(str(problem["loc"][0]) if problem["loc"] else "", []).append(problem)
    return {name: _explain(described, name, own) for name, own in by_name.items()}


def _explain(described: Mapping[str, ParameterDescription], name: str, problems: list[dict[str, Any]]) -> str:
    wanted = " or ".join(dict.fromkeys(_wanted(problem["msg"]) for problem in problems))
    if not name:
        return wanted
    if name not in described:
        near = difflib.get_close_matches(name, described, n=1)
        return f"{name}: there is no such parameter; " + (f"did you mean {near[0]}?" if near else f"it has {', '.join(described)}")
    known = described[name]
    if problems[0]["type"] == "missing":
        return f"{name}: is missing, wanted {SLOT_WANTS[known.slot] if known.slot else known.help}"
    unit = f" ({known.unit})" if known.unit else ""
    return f"{name}: got {problems[0]['input']!r}, wanted {wanted}{unit}"


def _wanted(message: str) -> str:
    """Turn pydantic's 'Input should be greater than 0' into 'greater than 0'."""
    for start in ("Value error, ", "Input should be a valid ", "Input should be "):
        message = message.removeprefix(start)
    return message.split(", unable to parse")[0]


def changed_parameters(job_type: JobType, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that differ from the program's defaults."""
    described = describe_parameters(job_type)
    return {name: value for name, value in parameters.items() if name not in described or _is_changed(described[name], value)}


def _is_changed(description: ParameterDescription, value: Any) -> bool:
    default = description.default
    plain = list(default) if isinstance(default, tuple) else str(default) if isinstance(default, Path) else default
    return description.required or (list(value) if isinstance(value, tuple) else value) != plain


def command_line(job_type: JobType, parameters: Mapping[str, Any]) -> str:
    """Return the shell command that runs a job with these parameters, defaults left out."""
    words = ["triskelion", "run", job_type.name]
    described = describe_parameters(job_type)
    for name, value in changed_parameters(job_type, parameters).items():
        option = described[name].option
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, format_value(value)]
    return shlex.join(words)


def format_value(value: Any) -> str:
    """Write a value as it is typed on the command line: lists with commas, ``none`` for nothing."""
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)):
        return ",".join(format_value(item) for item in value)
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
