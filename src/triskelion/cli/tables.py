"""What the command line prints about jobs."""

import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from triskelion.api import Job
from triskelion.errors import DataError
from triskelion.jobs.registry import job_type
from triskelion.jobs.spec import JobType
from triskelion.project.figures import format_duration, format_figure, list_figures
from triskelion.project.lineage import read_ancestry
from triskelion.project.parameters import changed_parameters, describe_parameters, format_value

STATE_STYLES = {"completed": "green", "running": "cyan", "failed": "red", "killed": "magenta", "queued": "yellow", "building": "yellow"}


def make_console(error: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    return Console(highlight=False, stderr=error)


def describe_job(job: Job) -> dict[str, Any]:
    """Return state and figures of a job as plain data, for ``status --json``."""
    status, type_name = job.status, read_ancestry(job.paths).type
    unreadable = "" if type_name or status.state == "building" else f"{job.name}/job.json cannot be read: see 'triskelion doctor'"
    return {
        "name": job.name,
        "type": type_name,
        "state": status.state,
        "progress": status.progress,
        "message": status.message or unreadable,
        "started": status.started,
        "wall_s": status.wall_s,
        "folder": str(job.folder),
        "summary": _read_summary(job),
    }


def _read_summary(job: Job) -> dict[str, Any]:
    """Figures of a job; none where they are damaged, which the doctor tells: one job must not hide the others."""
    try:
        return job.summary
    except DataError:
        return {}


def make_status_lines(jobs: list[dict[str, Any]], title: str, width: int) -> Text:
    """Return one line per job, each at most ``width`` characters; a table of rich takes six times as long for hundreds of jobs."""
    headings = ("job", "type", "state", "resolution", "wall time", "")
    rows = [headings, *map(_make_status_row, jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = Text(f"{title}\n", style="", no_wrap=True)
    lines.stylize("bold")
    for number, (name, type_name, state, resolution, wall_time, remark) in enumerate(rows):
        style = "bold" if number == 0 else ""
        lines.append(f"{name:{widths[0]}}  {type_name:{widths[1]}}  ", style=style)
        lines.append(f"{state:{widths[2]}}", style=STATE_STYLES.get(state, style))
        rest = f"  {resolution:>{widths[3]}}  {wall_time:>{widths[4]}}  {remark}"
        room = width - sum(widths[:3]) - 4
        lines.append(f"{rest if len(rest) <= room else rest[: max(room - 1, 0)] + '…'}\n", style=style)
    lines.right_crop(1)
    return lines


def _make_status_row(job: dict[str, Any]) -> tuple[str, ...]:
    warnings = job["summary"].get("warnings") or []
    remark = job["message"].splitlines()[0] if job["message"] else job["progress"]
    remark = remark or (f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else "")
    resolution, wall_s = job["summary"].get("resolution_A"), job["wall_s"]
    return (
        job["name"],
        job["type"] or "?",
        job["state"],
        format_figure("resolution_A", resolution) if resolution is not None else "",
        format_duration(wall_s) if wall_s is not None else "",
        remark,
    )


def make_plain_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of words."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def make_job_view(job: Job) -> RenderableType:
    """Return all that is known of one job."""
    record, status = job.record, job.status
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created))
    state = f"[{STATE_STYLES[status.state]}]{status.state}[/]"
    parts: list[RenderableType] = [
        f"[bold]{job.name}  {record.type}[/]  {state}  {escape(status.message or status.progress)}\n{escape(str(job.folder))}\nmade {made}",
        _make_parameter_table(record.parameters, job_type(record.type)),
    ]
    outputs = [(output.name, f"{output.path.name}  ({output.kind})") for output in job.outputs]
    parts += [_make_pairs(title, pairs) for title, pairs in (("figures", list_figures(job.summary)), ("outputs", outputs)) if pairs]
    parts += [f"[yellow]warning:[/] {escape(warning)}" for warning in job.summary.get("warnings") or []]
    parts += [f"[cyan]note:[/] {escape(note.text)}" for note in job.notes.notes]
    if job.notes.tags:
        parts.append(f"[cyan]tags:[/] {escape(' '.join(job.notes.tags))}")
    return Group(*parts, f"\n[dim]{escape(record.command)}[/]")


def _make_parameter_table(parameters: dict[str, Any], kind: JobType) -> Table:
    described, changed = describe_parameters(kind), changed_parameters(kind, parameters)
    table = Table(title="\nparameters (* differs from the default)", title_justify="left", show_header=False, show_edge=False, pad_edge=False)
    for name in [*described, *(name for name in parameters if name not in described)]:
        if name not in parameters:
            continue
        value = parameters[name]
        unit = described[name].unit if name in described and isinstance(value, (int, float)) else ""
        mark, style = ("*", "bold") if name in changed else ("", "")
        table.add_row(mark, name, escape(f"{format_value(value)} {unit}".strip()), style=style)
    return table


def _make_pairs(title: str, pairs: list[tuple[str, str]]) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", show_header=False, show_edge=False, pad_edge=False)
    for name, value in pairs:
        table.add_row(name, escape(value))
    return table
