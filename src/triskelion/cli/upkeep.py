"""Commands that look after a project: lineage, notes, disk, bin, doctor, rerun, archives."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from triskelion.cli.arguments import AsJson, JobName, open_project, print_json
from triskelion.errors import InputError

app = typer.Typer()

JobNames = Annotated[list[str], typer.Argument(metavar="JOB...", help="Jobs, e.g. J8 J9.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", metavar="", help="Even where other jobs were made from it.")]


@app.command()
def tree(
    context: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only what it was made from, and what from it.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was made from what."""
    from triskelion.cli.tables import make_console
    from triskelion.cli.upkeep_tables import describe_lineage, make_lineage_tree

    project = open_project(context)
    described = describe_lineage(project, job)
    if as_json:
        print_json({"project": str(project.folder), "jobs": described})
    else:
        make_console().print(make_lineage_tree(described, str(project.folder)), soft_wrap=True)


@app.command()
def note(
    context: typer.Context,
    job: JobName,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to remember; without it, the notes are printed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a note to a job, or print its notes and tags."""
    from triskelion.cli.upkeep_tables import format_notes

    notes = open_project(context).job(job).notes
    if text is not None:
        notes.add(text)
    if as_json:
        print_json(notes.describe())
    elif text is None:
        typer.echo(format_notes(notes))


@app.command()
def tag(
    context: typer.Context,
    job: JobName,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words, e.g. best paper.", show_default=False)],
    remove: Annotated[bool, typer.Option("--remove", metavar="", help="Take them away.")] = False,
) -> None:
    """Give a job tags, which 'triskelion tree' and 'note' show."""
    notes = open_project(context).job(job).notes
    if remove:
        notes.untag(*tags)
    else:
        notes.tag(*tags)
    typer.echo(" ".join(notes.tags))


@app.command()
def workspaces(
    context: typer.Context,
    action: Annotated[Literal["list", "new"], typer.Argument(metavar="[new TITLE]", help="Make one; without, they are listed.")] = "list",
    title: Annotated[str | None, typer.Argument(metavar="", hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """List the workspaces and their jobs, or make one."""
    upkeep = open_project(context).upkeep
    if action == "new":
        if title is None:
            raise InputError("a workspace needs a title: triskelion workspaces new TITLE")
        typer.echo(upkeep.add_workspace(title))
    elif as_json:
        print_json({"workspaces": [{"name": each.name, "title": each.title, "jobs": each.jobs} for each in upkeep.workspaces]})
    else:
        for each in upkeep.workspaces:
            typer.echo(f"{each.name}  {each.title}  {' '.join(each.jobs)}".rstrip())


@app.command()
def move(
    context: typer.Context,
    jobs: JobNames,
    workspace: Annotated[str, typer.Option("--to", metavar="WORKSPACE", help="e.g. W2.", show_default=False)],
) -> None:
    """Move jobs to another workspace."""
    open_project(context).upkeep.move(jobs, workspace)


@app.command()
def disk(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what each job takes on disk."""
    from triskelion.cli.tables import make_console
    from triskelion.cli.upkeep_tables import describe_disk_use, make_disk_table

    described = describe_disk_use(open_project(context))
    if as_json:
        print_json(described)
    else:
        make_console().print(make_disk_table(described))


@app.command()
def delete(context: typer.Context, jobs: JobNames, force: Force = False) -> None:
    """Move jobs to the bin of the project, from which 'triskelion restore' brings them back."""
    open_project(context).upkeep.delete(jobs, force)
    typer.echo(f"in the bin: {' '.join(jobs)}")


@app.command()
def restore(context: typer.Context, jobs: JobNames) -> None:
    """Bring jobs back from the bin."""
    upkeep = open_project(context).upkeep
    for job in jobs:
        upkeep.restore(job)
        typer.echo(f"{job} is back")


@app.command("bin")
def list_bin(
    context: typer.Context,
    empty: Annotated[bool, typer.Option("--empty", metavar="", help="Erase what is in it, for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="With --empty: do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the deleted jobs, or erase them for good."""
    from triskelion.cli.upkeep_tables import format_bytes

    upkeep = open_project(context).upkeep
    deleted = upkeep.bin
    if empty:
        total = format_bytes(sum(job.total_bytes for job in deleted))
        if deleted and (yes or typer.confirm(f"Erase {', '.join(job.name for job in deleted)} ({total}) for good?", err=True)):
            typer.echo(f"erased: {' '.join(upkeep.empty_bin())}")
    elif as_json:
        print_json({"jobs": [vars(job) for job in deleted]})
    else:
        for job in deleted:
            typer.echo(f"{job.name}  {job.type or '?'}  {format_bytes(job.total_bytes)}")


@app.command()
def clear(context: typer.Context, job: JobName, force: Force = False) -> None:
    """Erase the outputs of a job and keep its record; 'triskelion resume' runs it again."""
    open_project(context).upkeep.clear(job, force)
    typer.echo(f"{job} is cleared; run it again with: triskelion resume {job}")


@app.command()
def doctor(
    context: typer.Context,
    mend: Annotated[bool, typer.Option("--mend", metavar="", help="Mend what can be mended; no data are ever deleted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every job of the project; exit code 1 where something is left to be mended."""
    from triskelion.cli.tables import make_console
    from triskelion.cli.upkeep_tables import make_diagnosis_view

    diagnosis = open_project(context).upkeep.examine(mend)
    if as_json:
        found = [finding.describe() for finding in diagnosis.findings]
        print_json({"n_jobs": diagnosis.n_jobs, "healthy": diagnosis.is_healthy, "findings": found})
    else:
        make_console().print(make_diagnosis_view(diagnosis), soft_wrap=True)
    if not diagnosis.is_healthy:
        raise typer.Exit(1)


@app.command()
def rerun(context: typer.Context, job: JobName, as_json: AsJson = False) -> None:
    """Run a completed job once more, from its folder alone, and compare the results bit by bit; exit code 1 where they differ."""
    from triskelion.runners.local import LocalRunner

    comparison = open_project(context, runner=LocalRunner(show=not as_json)).rerun(job)
    if as_json:
        print_json(comparison.describe())
    else:
        typer.echo(comparison.summarize())
    if not comparison.is_identical:
        raise typer.Exit(1)


@app.command()
def export(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[JOB...] ARCHIVE", help="ARCHIVE is .tar.gz, .tar.xz, .tar ...", show_default=False)],
    images: Annotated[bool, typer.Option("--images", metavar="", help="With the particle images, and the jobs that hold them.")] = False,
    lineage: Annotated[bool, typer.Option("--lineage", metavar="", help="With all jobs that these were made from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write jobs, or the whole project, to an archive that 'triskelion import-archive' opens elsewhere."""
    from triskelion.cli.upkeep_tables import format_export

    *jobs, archive = words
    path = Path(archive)
    project = open_project(context)
    contents = project.upkeep.export(path, jobs or None, with_images=images, with_lineage=lineage)
    if as_json:
        print_json({"archive": str(path.absolute()), "bytes": path.stat().st_size, **vars(contents)})
    else:
        typer.echo(format_export(path, contents))
    damaged = [name for name, ancestry in project.upkeep.lineage.items() if ancestry.type is None and not jobs]
    if damaged:
        typer.echo(f"left out, because job.json cannot be read: {', '.join(damaged)} (see 'triskelion doctor')", err=True)


@app.command("import-archive")
def import_archive(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What 'triskelion export' wrote.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Bring the jobs of an archive into the project."""
    names = open_project(context).upkeep.import_archive(archive)
    if as_json:
        print_json({"jobs": names})
    else:
        typer.echo("\n".join(new if new == old else f"{old} is {new} here" for old, new in names.items()))


@app.command()
def relink(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="NEW_FOLDER", help="Where the images are now.", show_default=False)],
    moved_from: Annotated[
        Path | None,
        typer.Option("--from", metavar="OLD_FOLDER", help="Relink all images of this folder, also those that are still there.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Mend links and tables after images were moved; every stack is checked before anything is written."""
    done = open_project(context).upkeep.relink(folder, moved_from)
    if as_json:
        print_json(vars(done))
    else:
        typer.echo(f"relinked {done.n_links} links and {done.n_tables} tables")
        for missing in done.still_missing:
            typer.echo(f"still missing: {missing}")
        for damaged in done.damaged:
            typer.echo(f"left as it is: {damaged}")
    if done.still_missing or done.damaged:
        raise typer.Exit(1)
