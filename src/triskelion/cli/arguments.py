"""What commands have in common: the project they work on, a job, ``--json``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from triskelion.api import Project

AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="The job, e.g. J8.", show_default=False)]


def open_project(context: typer.Context, **options: Any) -> "Project":
    """Open the project that ``--project`` names, or the one around the current folder."""
    from triskelion.api import Project

    return Project.around(context.obj, **options)


def print_error(error: Exception) -> None:
    """Print what a person can mend."""
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(str(error), err=True)


def print_json(data: Any) -> None:
    """Print plain data for programs: each entry of an object a line, which Python's fast encoder does not do by itself."""
    import json

    from triskelion.project.plain_json import to_plain

    plain = to_plain(data)
    if not isinstance(plain, dict):
        typer.echo(json.dumps(plain, ensure_ascii=False))
        return
    lines = [f"  {json.dumps(key)}: {_write_entry(value)}" for key, value in plain.items()]
    typer.echo("{\n" + ",\n".join(lines) + "\n}" if lines else "{}")


def _write_entry(value: Any) -> str:
    import json

    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n    " + ",\n    ".join(json.dumps(each, ensure_ascii=False) for each in value) + "\n  ]"
    return json.dumps(value, ensure_ascii=False)
