"""How a job is to run: now or on a lane; the options for it, and what is printed of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from triskelion.cli.arguments import print_error

if TYPE_CHECKING:
    from triskelion.api import Job
    from triskelion.runners.base import Runner

_PANEL = "Running"

Detach = Annotated[bool, typer.Option("--detach", metavar="", help="Return at once; the job goes on by itself.", rich_help_panel=_PANEL)]
LaneName = Annotated[
    str | None,
    typer.Option(
        "--lane",
        metavar="NAME",
        help="Give the job to this lane: it waits there for its inputs and for room. 'triskelion lanes' lists them.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
InQueue = Annotated[bool, typer.Option("--queue", metavar="", help="Give the job to the default lane.", rich_help_panel=_PANEL)]
Asked = Annotated[
    list[str] | None,
    typer.Option(
        "--ask",
        metavar="NAME=VALUE",
        help="Ask the lane for gpus=2, memory_GB=64, or what its template knows (time=4:00:00); as often as wanted.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class Running:
    """What was typed."""

    detach: bool = False
    threads: int | None = None
    lane: str | None = None
    queue: bool = False
    ask: list[str] | None = None

    def runner(self) -> "Runner | None":
        """Return what gives jobs to the lane that was asked for; None where the job is to run now."""
        from triskelion.errors import InputError
        from triskelion.runners.lane_runner import LaneRunner
        from triskelion.runners.queue import read_asked

        if self.lane is None and not self.queue:
            if self.ask:
                raise InputError("got --ask without a lane to ask: add --lane NAME, or --queue for the default lane")
            return None
        return LaneRunner(self.lane, read_asked(self.ask or []))


def run_and_print(job: "Job", detach: bool) -> None:
    """Run a job, or give it to its lane; print its folder, and its headline when it is completed."""
    from triskelion.cli.tables import make_console
    from triskelion.runners.base import JobFailed

    console = make_console()
    try:
        if detach or job.waits_in_queue:
            job.start()
            console.print(_describe_start(job), soft_wrap=True)
        else:
            console.print(f"[bold]{job.name}[/] {job.type}")
            job.run()
            console.print(_describe_end(job), soft_wrap=True)
    except JobFailed as error:
        print_error(error)
        typer.echo(job.folder, err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(job.folder)


def _describe_start(job: "Job") -> str:
    from rich.markup import escape

    named = f"[bold]{job.name}[/] {job.type}"
    if not job.waits_in_queue:
        return f"{named} started; follow it with: triskelion logs {job.name} -f"
    status = job.status
    return f"{named} on lane {job.lane}: {escape(status.message or status.state)}"


def _describe_end(job: "Job") -> str:
    from triskelion.project.figures import format_duration, write_headline

    duration = format_duration(job.status.wall_s or 0)
    return "  ".join(filter(None, [f"[bold]{job.name}[/] [green]completed[/] in {duration}", write_headline(job.summary)]))
