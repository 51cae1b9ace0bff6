"""Options of one job type, made from its parameter model when they are asked for."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_origin

import typer

from triskelion.jobs.spec import JobType
from triskelion.project.figures import UNITS
from triskelion.project.parameters import ParameterDescription, describe_parameters, format_value

_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


def run_with_options(job_type: JobType, arguments: list[str], program: str, submit: Callable[[dict[str, Any], bool, int | None], None]) -> None:
    """Parse ``arguments`` as options of a job type and hand them on.

    Parameters
    ----------
    arguments : list of str
        What stands behind the job type on the command line; ``--help`` explains every parameter.
    program : str
        How the help calls the command.
    submit : callable (given, detach, threads) -> None
        Receives the parameters that were typed, by name.
    """
    described = describe_parameters(job_type)

    def command(**values: Any) -> None:
        detach, threads = values.pop("detach_"), values.pop("threads_")
        given = {name: _read_value(described[name], value) for name, value in values.items() if value is not None}
        submit(given, detach, threads)

    options = [_make_option(parameter) for parameter in described.values()]
    vars(command)["__signature__"] = inspect.Signature([*options, *_running_options()])
    command.__annotations__ = {option.name: option.annotation for option in (*options, *_running_options())}
    app = typer.Typer(add_completion=False)
    app.command(name=job_type.name, help=f"{job_type.title}.")(command)
    app(arguments, prog_name=program)


def _make_option(parameter: ParameterDescription) -> inspect.Parameter:
    flag = bool in parameter.kinds
    option = typer.Option(
        *_spellings(parameter, flag),
        metavar="" if flag else _metavar(parameter),
        help=_help(parameter),
        show_default=False,
        rich_help_panel="Inputs" if parameter.slot else "Advanced" if parameter.advanced or parameter.name == "seed" else "Parameters",
    )
    kind = bool | None if flag else str | None
    return inspect.Parameter(parameter.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _spellings(parameter: ParameterDescription, flag: bool) -> list[str]:
    """``--loud/--no-loud``; and ``--shift-extent`` beside ``--shift-extent-A``, because nobody types units."""
    if flag:
        return [f"{parameter.option}/{parameter.option.replace('--', '--no-', 1)}"]
    stem, _, unit = parameter.option.rpartition("-")
    return [parameter.option, stem] if unit in UNITS else [parameter.option]


def _running_options() -> tuple[inspect.Parameter, ...]:
    detach = typer.Option("--detach", metavar="", help="Return at once; the job goes on by itself.", rich_help_panel="Running")
    threads = typer.Option("--threads", help="Processor cores the job may use; all by default.", min=1, show_default=False, rich_help_panel="Running")
    make = lambda name, default, annotation: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    return make("detach_", False, Annotated[bool, detach]), make("threads_", None, Annotated[int | None, threads])


def _metavar(parameter: ParameterDescription) -> str:
    if parameter.slot:
        return "JOB|FILE"
    if parameter.choices:
        return "|".join(parameter.choices)
    return next((_METAVARS[kind] for kind in parameter.kinds if kind in _METAVARS), "TEXT")


def _help(parameter: ParameterDescription) -> str:
    if parameter.required:
        note = "required"
    else:
        value = parameter.default
        shown = ("yes" if value else "no") if isinstance(value, bool) else format_value(value) or "none"
        note = f"default: {shown}" + (f" {parameter.unit}" if parameter.unit and shown != "none" else "")
    return f"{parameter.help} ({note})"


def _read_value(parameter: ParameterDescription, typed: Any) -> Any:
    """Turn what was typed into what the model reads; the model itself checks numbers and choices."""
    if not isinstance(typed, str):
        return typed
    if parameter.takes_none and typed.lower() == "none":
        return None
    if any(get_origin(kind) in (tuple, list) or kind in (tuple, list) for kind in parameter.kinds):
        return [item.strip() for item in typed.split(",")]
    return typed
