"""Commands about lanes: which there are and what of them is free, and which jobs are in the queue."""

from typing import Annotated

import typer

from triskelion.cli.arguments import AsJson, open_project, print_json

app = typer.Typer(add_completion=False)


@app.command()
def lanes(
    context: typer.Context,
    template: Annotated[bool, typer.Option("--template", metavar="", help="Print the template of SLURM scripts, to be edited.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the lanes that jobs can be given to, and what of them is free."""
    from triskelion.runners.slurm_lane import TEMPLATE

    if template:
        typer.echo(TEMPLATE.read_text(encoding="utf-8"), nl=False)
        return
    from triskelion.cli.tables import make_console, make_plain_table
    from triskelion.runners.survey import survey_lanes

    found = survey_lanes(open_project(context).paths)
    if as_json:
        print_json({"lanes": [vars(lane) for lane in found]})
        return
    rows = [
        (f"{lane.name}{' *' if lane.is_default else ''}", lane.kind, lane.room, f"{lane.n_running} running, {lane.n_waiting} waiting")
        for lane in found
    ]
    make_console().print(make_plain_table("lanes (* takes --queue)", ("lane", "kind", "free", "jobs"), rows))
    for file in dict.fromkeys(lane.file for lane in found):
        typer.echo(f"described in {file}" if file else "no lanes.toml: one lane, all of this machine")


@app.command()
def queue(context: typer.Context, as_json: AsJson = False) -> None:
    """List the jobs of the project that are in the queue, with what they wait for."""
    from triskelion.cli.tables import make_console, make_plain_table
    from triskelion.runners.survey import survey_queue

    found = survey_queue(open_project(context).paths)
    if as_json:
        print_json({"jobs": [vars(job) for job in found]})
        return
    rows = [(job.name, job.type, job.lane, job.wants, job.state, job.note) for job in found]
    make_console().print(make_plain_table("queue", ("job", "type", "lane", "takes", "state", ""), rows))
