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
    """Print plain data for programs."""
    import json

    from triskelion.project.plain_json import to_plain

    typer.echo(json.dumps(to_plain(data), indent=2, ensure_ascii=False))
