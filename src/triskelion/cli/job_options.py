"""Options of one job type, made from its parameter model when they are asked for."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_origin

import typer

from triskelion.cli.running import Asked, Detach, InQueue, LaneName, Running
from triskelion.jobs.spec import JobType
from triskelion.project.figures import UNITS
from triskelion.project.parameters import ParameterDescription, describe_parameters, format_value

_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


def run_with_options(
    job_type: JobType,
    arguments: list[str],
    program: str,
    submit: Callable[[dict[str, Any], Running], None],
    show: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Parse ``arguments`` as options of a job type and hand them on.

    Parameters
    ----------
    arguments : list of str
        What stands behind the job type on the command line; ``--help`` explains every parameter.
    program : str
        How the help calls the command.
    submit : callable (given, running) -> None
        Receives the parameters that were typed, by name, and how the job is to run.
    show : callable (given), optional
        Receives them instead where ``--preview`` is typed, which job types with a preview offer.
    """
    described = describe_parameters(job_type)

    def command(**values: Any) -> None:
        running = Running(**{name: values.pop(f"{name}_") for name in ("detach", "threads", "lane", "queue", "ask")})
        preview = values.pop("preview_", False)
        given = {name: _read_value(described[name], value) for name, value in values.items() if value is not None}
        if show is not None and preview:
            show(given)
        else:
            submit(given, running)

    options = [_make_option(parameter) for parameter in described.values()]
    options += _running_options(with_preview=show is not None and job_type.preview is not None)
    vars(command)["__signature__"] = inspect.Signature(options)
    command.__annotations__ = {option.name: option.annotation for option in options}
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
    kind = bool | None if flag else list[str] | None if _takes_several(parameter) else str | None
    return inspect.Parameter(parameter.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _takes_several(parameter: ParameterDescription) -> bool:
    """Whether its value is a list: typed with commas, or as an option that is given more than once."""
    return any(get_origin(kind) in (tuple, list) or kind in (tuple, list) for kind in parameter.kinds)


def _spellings(parameter: ParameterDescription, flag: bool) -> list[str]:
    """``--loud/--no-loud``; and ``--shift-extent`` beside ``--shift-extent-A``, because nobody types units."""
    if flag:
        return [f"{parameter.option}/{parameter.option.replace('--', '--no-', 1)}"]
    stem, _, unit = parameter.option.rpartition("-")
    return [parameter.option, stem] if unit in UNITS else [parameter.option]


def _running_options(with_preview: bool) -> list[inspect.Parameter]:
    make = lambda name, default, annotation: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    threads = typer.Option("--threads", help="Processor cores the job may use; all by default.", min=1, show_default=False, rich_help_panel="Running")
    options = [make("detach_", False, Detach), make("threads_", None, Annotated[int | None, threads])]
    options += [make("lane_", None, LaneName), make("queue_", False, InQueue), make("ask_", None, Asked)]
    if with_preview:
        preview = typer.Option("--preview", metavar="", help="List what the job would do, and do not run it.", rich_help_panel="Running")
        options.append(make("preview_", False, Annotated[bool, preview]))
    return options


def _metavar(parameter: ParameterDescription) -> str:
    if parameter.slot:
        return "JOB|FILE,..." if _takes_several(parameter) else "JOB|FILE"
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
    if isinstance(typed, list):
        return None if parameter.takes_none and typed == ["none"] else [item.strip() for each in typed for item in each.split(",")]
    if isinstance(typed, str) and parameter.takes_none and typed.lower() == "none":
        return None
    return typed
