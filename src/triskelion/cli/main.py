"""The command line: ``triskelion``. Everything heavy is imported inside the command that needs it, so that help is instant."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from triskelion.cli import lanes, serve, upkeep
from triskelion.cli.arguments import AsJson, JobName, open_project, print_error, print_json
from triskelion.cli.running import Asked, Detach, InQueue, LaneName, Running, run_and_print
from triskelion.errors import TriskelionError, is_disk_full

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

# The options of a job follow its type, and are read when the type is known.
JOB_ARGUMENTS = {"allow_extra_args": True, "allow_interspersed_args": False}


@app.callback()
def _read_common_options(
    context: typer.Context,
    project: Annotated[
        Path,
        typer.Option(
            "--project", metavar="FOLDER", help="The project; may stand anywhere. By default the one around the current folder.", show_default=False
        ),
    ] = Path("."),
    version: Annotated[bool, typer.Option("--version", metavar="", help="Print the version.")] = False,
) -> None:
    """Sharp maps of the moving domains of flexible complexes, from single-particle cryo-EM images."""
    context.obj = project
    if version:
        from triskelion import __version__

        typer.echo(__version__)
        raise typer.Exit()


@app.command()
def new(folder: Annotated[Path, typer.Argument(metavar="NAME", help="The project's folder, made if missing.", show_default=False)]) -> None:
    """Make a project."""
    from triskelion.api import Project

    typer.echo(Project.new(folder).folder)


@app.command(context_settings=JOB_ARGUMENTS)
def run(
    context: typer.Context,
    job_type: Annotated[str, typer.Argument(metavar="JOBTYPE [OPTIONS OF THE JOB]", help="'triskelion jobs' lists them.", show_default=False)],
) -> None:
    """Run a job and wait for it; 'triskelion run JOBTYPE --help' explains its options."""
    from triskelion.cli.job_options import run_with_options
    from triskelion.jobs.registry import job_type as find_job_type

    def submit(given: dict[str, Any], running: Running) -> None:
        run_and_print(open_project(context, threads=running.threads, runner=running.runner()).prepare(job_type, **given), running.detach)

    def show(given: dict[str, Any]) -> None:
        typer.echo("\n".join(open_project(context).preview(job_type, **given)))

    run_with_options(find_job_type(job_type), context.args, f"triskelion run {job_type}", submit, show)


@app.command(context_settings={**JOB_ARGUMENTS, "ignore_unknown_options": True, "help_option_names": []})
def predict(context: typer.Context) -> None:
    """Predict how well the poses of a domain can be known, before refining it: short for 'triskelion run predict'."""
    run(context, "predict")


@app.command(context_settings=JOB_ARGUMENTS)
def clone(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB [OPTIONS OF THE JOB]", help="The job to copy, e.g. J8.", show_default=False)],
) -> None:
    """Run a copy of a job with some parameters or inputs replaced."""
    from triskelion.cli.job_options import run_with_options
    from triskelion.jobs.registry import job_type as find_job_type

    def submit(given: dict[str, Any], running: Running) -> None:
        run_and_print(open_project(context, threads=running.threads, runner=running.runner()).prepare_clone(job, **given), running.detach)

    run_with_options(find_job_type(open_project(context).job(job).type), context.args, f"triskelion clone {job}", submit)


@app.command()
def resume(
    context: typer.Context,
    job: JobName,
    detach: Detach = False,
    lane: LaneName = None,
    queue: InQueue = False,
    ask: Asked = None,
) -> None:
    """Continue a killed or failed job from its last checkpoint, on its lane if it was on one."""
    runner = Running(lane=lane, queue=queue, ask=ask).runner()
    run_and_print(open_project(context).job(job).requeue(runner), detach)


@app.command()
def jobs(as_json: AsJson = False) -> None:
    """List the types of jobs."""
    from triskelion.jobs.registry import NAMES
    from triskelion.jobs.registry import job_type as find_job_type

    titles = {name: find_job_type(name).title for name in NAMES}
    if as_json:
        print_json(titles)
        return
    width = max(map(len, titles))
    for name, title in titles.items():
        typer.echo(f"{name:{width}}  {title}")


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """List the jobs of the project."""
    from triskelion.cli.tables import describe_job, make_console, make_status_lines

    project = open_project(context)
    described = [describe_job(job) for job in project.jobs]
    if as_json:
        print_json({"project": str(project.folder), "jobs": described})
    else:
        console = make_console()
        console.print(make_status_lines(described, str(project.folder), console.width), soft_wrap=True)


@app.command()
def show(context: typer.Context, job: JobName, as_json: AsJson = False) -> None:
    """Show parameters, figures, outputs and warnings of a job."""
    from triskelion.cli.tables import make_console, make_job_view

    found = open_project(context).job(job)
    if as_json:
        print_json(found.summary)
    else:
        make_console().print(make_job_view(found), soft_wrap=True)


@app.command()
def path(
    context: typer.Context,
    job: JobName,
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="half_a, map_sharp, particles, fsc.txt ...", show_default=False)],
) -> None:
    """Print the path of an output of a job."""
    typer.echo(open_project(context).job(job).path(output))


@app.command()
def regions(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job that made a segmentation, e.g. J7.", show_default=False)],
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help="list, find, history, select, add, deselect, invert, hide, show, show-only, group, ungroup, rename, delete, undo, redo.",
        ),
    ] = "list",
    which: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REGIONS]",
            help="3,17,head | all | shown | hidden | selected | largest 5 | within 30A of x,y,z | inside J8 | all but 3,17",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="With group and rename.", show_default=False)] = None,
    level: Annotated[int | None, typer.Option("--level", min=0, help="With ungroup: down to this smoothing step.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Look at the regions of a segmentation and edit them; every edit is kept and can be undone."""
    from triskelion.cli.regions import run_and_print

    run_and_print(open_project(context).regions(job), action, " ".join(which or ()), name=name, level=level, as_json=as_json)


@app.command()
def logs(
    context: typer.Context,
    job: JobName,
    follow: Annotated[bool, typer.Option("-f", "--follow", metavar="", help="Go on until the job ends.")] = False,
) -> None:
    """Print the log of a job."""
    from triskelion.cli.follow import print_log

    print_log(open_project(context).job(job), follow)


@app.command()
def kill(context: typer.Context, job: JobName) -> None:
    """Stop a job."""
    found = open_project(context).job(job)
    found.kill()
    typer.echo(f"{found.name} is {found.status.state}")


@app.command()
def report(
    context: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="A job; the whole project without.", show_default=False)] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write it.", show_default="report.html in the folder")] = None,
) -> None:
    """Write a report with all plots and figures: one HTML file that can be mailed."""
    project = open_project(context)
    typer.echo((project.job(job) if job else project).write_report(output))


@app.command()
def demo(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to make the project.", show_default=False)] = Path("demo")) -> None:
    """Watch a blurred head domain come into focus, on simulated particles, in a few minutes."""
    from triskelion.cli.demo import run_demo

    run_demo(folder)


app.add_typer(serve.app)
app.add_typer(lanes.app)
app.add_typer(upkeep.app)


def move_project_option_first(arguments: list[str]) -> list[str]:
    """Return the arguments with ``--project FOLDER`` in front: the options of a job differ from project to project, so it is read first."""
    for index, word in enumerate(arguments):
        if word == "--project" and index + 1 < len(arguments):
            return [word, arguments[index + 1], *arguments[:index], *arguments[index + 2 :]]
        if word.startswith("--project="):
            return [word, *arguments[:index], *arguments[index + 1 :]]
    return arguments


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what a person can mend is one message and exit code 2, not a traceback."""
    try:
        app(move_project_option_first(sys.argv[1:] if arguments is None else arguments), prog_name="triskelion")
    except TriskelionError as error:
        print_error(error)
        sys.exit(2)
    except OSError as error:
        if not is_disk_full(error):
            raise
        print_error(TriskelionError(f"the disk is full ({error}): make room, then try again"))
        sys.exit(2)


if __name__ == "__main__":
    main()
