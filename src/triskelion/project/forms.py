"""Job types as forms: what a page needs to ask for the parameters of a job, made from the models alone."""

from importlib import import_module
from pathlib import Path
from typing import Any

from triskelion.jobs import registry
from triskelion.jobs.spec import JobType
from triskelion.project.parameters import ParameterDescription, describe_parameters
from triskelion.project.plain_json import to_plain

_BOUNDS = {"ge": "minimum", "gt": "exclusive_minimum", "le": "maximum", "lt": "exclusive_maximum"}
_KINDS = {bool: "bool", int: "int", float: "float", Path: "path"}


def list_forms() -> list[dict[str, Any]]:
    """Return the form of every job type, in the order of the registry."""
    return [describe_form(registry.job_type(name)) for name in registry.NAMES]


def describe_form(kind: JobType) -> dict[str, Any]:
    """Return name, title, outputs and fields of a job type as plain data."""
    return {
        "name": kind.name,
        "title": kind.title,
        "help": explain_job(kind.name),
        "outputs": {Path(name).stem: slot for name, slot in kind.outputs.items()},
        "fields": [describe_field(parameter) for parameter in describe_parameters(kind).values()],
        "can_preview": kind.preview is not None,
    }


def explain_job(name: str) -> str:
    """Return what the module of a job says of it: one paragraph or more."""
    about = (import_module(f"triskelion.jobs.{name}").__doc__ or "").strip().removeprefix("Job: ")
    return about[:1].upper() + about[1:]


def describe_field(parameter: ParameterDescription) -> dict[str, Any]:
    """Return one parameter as a field: what it takes, its default and its bounds."""
    bounds = {word: getattr(bound, name) for bound in parameter.bounds for name, word in _BOUNDS.items() if hasattr(bound, name)}
    return {
        "name": parameter.name,
        "title": parameter.title,
        "help": parameter.help,
        "unit": parameter.unit,
        "kind": _name_kind(parameter),
        "default": to_plain(parameter.default),
        "choices": list(parameter.choices),
        "advanced": parameter.advanced,
        "required": parameter.required,
        "optional": parameter.takes_none,
        "several": parameter.takes_several,
        "slot": parameter.slot,
        **to_plain(bounds),
    }


def _name_kind(parameter: ParameterDescription) -> str:
    if parameter.slot:
        return "slot"
    if parameter.choices:
        return "choice"
    if parameter.takes_several:
        return "list"
    return next((name for kind, name in _KINDS.items() if kind in parameter.kinds), "text")
