"""Parameters of a series: ``name=value`` as people write it, made into jobs that feed one another.

A job type is run with the parameters that are given, a job (J8) is run again with its own and these in their place. ``mask.dilation_px=5`` is a
parameter of the job that makes the mask: of the job that is in that slot, or of the type that is given for it (``mask=volume_tools``).
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from triskelion.errors import InputError, JobError
from triskelion.jobs import registry

_JOB = re.compile(r"(J\d+)(?:\.\w+)?")
Settings = dict[str, str]  # parameter, with the slots before it -> value as typed


@dataclass(frozen=True)
class Step:
    """A job to run, once those in ``slots`` have been run.

    Attributes
    ----------
    job_type : str
    parameters : dict
    slots : dict of str to Step
        Slot -> the job whose output it takes.
    """

    job_type: str
    parameters: dict[str, Any]
    slots: "dict[str, Step]"

    def check(self) -> None:
        """Raise InputError where parameters do not fit; inputs that are still to be made count as given."""
        for step in self.slots.values():
            step.check()
        try:
            registry.job_type(self.job_type).parameters(**{**self.parameters, **dict.fromkeys(self.slots, "J1")})
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
            raise InputError(f"{self.job_type} cannot run with these parameters: {'; '.join(problems)}") from None

    def find_next(self, ended: "Mapping[str, str | JobError]") -> "Iterator[PlannedJob]":
        """Yield what has to run next, by what has ended: the jobs that it takes, then itself; nothing once it has ended or one of those failed."""
        outcomes = {slot: step.look_up(ended) for slot, step in self.slots.items()}
        lacking = [step for slot, step in self.slots.items() if outcomes[slot] is None]
        if lacking:
            for step in lacking:
                yield from step.find_next(ended)
        elif self.look_up(ended) is None:
            yield PlannedJob(self.job_type, {**self.parameters, **outcomes})

    def look_up(self, ended: "Mapping[str, str | JobError]") -> "str | JobError | None":
        """Return the name of its job, or why that or one that it takes has failed; None as long as it has not ended."""
        outcomes = {slot: step.look_up(ended) for slot, step in self.slots.items()}
        failed = next((outcome for outcome in outcomes.values() if isinstance(outcome, JobError)), None)
        if failed is not None or None in outcomes.values():
            return failed
        return ended.get(PlannedJob(self.job_type, {**self.parameters, **outcomes}).described)


@dataclass(frozen=True)
class PlannedJob:
    """A job with all its inputs made."""

    job_type: str
    parameters: dict[str, Any]

    @property
    def described(self) -> str:
        """Type and parameters as one line of text, the same for the same job."""
        return json.dumps([self.job_type, self.parameters], sort_keys=True, default=str)


def join_items(items: Sequence[str]) -> list[str]:
    """Put together again what was split at commas: an item without ``=`` belongs to the value before it."""
    joined: list[str] = []
    for item in items:
        if "=" in item or not joined:
            joined.append(item)
        else:
            joined[-1] += f",{item}"
    return joined


def write_items(given: Mapping[str, Any]) -> list[str]:
    """Write a dictionary as ``name=value`` or ``name=value,value``."""
    lists = {name: value if isinstance(value, (list, tuple)) else [value] for name, value in given.items()}
    separator = lambda values: ";" if any("," in str(value) for value in values) else ","
    return [f"{name}={separator(values).join(str(value) for value in values)}" for name, values in lists.items()]


def parse_settings(items: Sequence[str], what: str) -> Settings:
    """Read ``name=value`` items.

    Raises
    ------
    InputError
        An item is none, or a name comes twice.
    """
    settings: Settings = {}
    for item in items:
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name and equals and value):
            raise InputError(f"{what} is {item!r}, wanted name=value, as in dilation_px=5")
        if name in settings:
            raise InputError(f"{what}: {name} is given twice; give its values together, as in {name}=3,5")
        settings[name] = value
    return settings


def list_values(text: str) -> list[str]:
    """Split the values of a parameter: at semicolons where there is one (values may then hold commas), else at commas."""
    return [value.strip() for value in text.split(";" if ";" in text else ",") if value.strip()]


def list_points(varied: Mapping[str, str]) -> list[Settings]:
    """Return the points of the grid, the last parameter varying first."""
    values = [list_values(text) for text in varied.values()]
    return [dict(zip(varied, point, strict=True)) for point in itertools.product(*values)]


def build_step(base: str, settings: Settings, read_parameters: Callable[[str], dict[str, Any] | None], where: str = "base") -> Step:
    """Make the jobs of one point of the grid.

    Parameters
    ----------
    base : str
        A job type, or a job to run again.
    settings : dict
    read_parameters : callable
        Returns type and parameters of a job.
    where : str
        What ``base`` is called in messages.

    Raises
    ------
    InputError
        ``base`` is neither, or nothing says what makes an input whose parameters are given.
    """
    match = _JOB.fullmatch(base)
    parameters: dict[str, Any] = dict((read_parameters(match[1]) or {}) if match else {"job_type": base})
    type_name = parameters.pop("job_type", base)
    try:
        registry.job_type(type_name)
    except InputError as error:
        raise InputError(f"{where} is {base!r}, wanted a job (J8) or a job type: {error}") from None
    own = {name: value for name, value in settings.items() if "." not in name}
    parameters |= {name: None if value.lower() == "none" else value for name, value in own.items()}
    slots = {}
    made = [name for name, value in own.items() if value in registry.NAMES and _is_slot(type_name, name)]
    for slot in dict.fromkeys([name.partition(".")[0] for name in settings if "." in name] + made):
        inner = {name.partition(".")[2]: value for name, value in settings.items() if name.startswith(f"{slot}.")}
        made_by = parameters.pop(slot, None)
        if made_by is None:
            raise InputError(f"{slot}.{next(iter(inner))} is given, but not what makes the {slot}: give {slot}=volume_tools, or a job")
        slots[slot] = build_step(str(made_by), inner, read_parameters, slot)
    return Step(type_name, parameters, slots)


def _is_slot(type_name: str, name: str) -> bool:
    field = registry.job_type(type_name).parameters.model_fields.get(name)
    return field is not None and isinstance(field.json_schema_extra, dict) and "slot" in field.json_schema_extra
