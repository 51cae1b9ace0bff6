"""Reports: one HTML file with pictures and styles inside, to be opened anywhere, mailed and printed."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from triskelion.errors import DataError, TriskelionError
from triskelion.jobs.registry import job_type
from triskelion.project.connect import list_outputs
from triskelion.project.figures import format_duration, format_figure, list_figures
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.parameters import changed_parameters, describe_parameters, format_value
from triskelion.project.plain_json import read_json, write_text
from triskelion.project.report_plots import PlotView, collect_plots
from triskelion.project.status import JobStatus, read_status
from triskelion.project.store import JobRecord, installed_versions, list_jobs, read_job, read_summary

LOG_TAIL_LINES = 30


@dataclass(frozen=True)
class ParameterView:
    """One row of the parameter table."""

    name: str
    title: str
    value: str
    help: str
    changed: bool


@dataclass(frozen=True)
class JobView:
    """What a report says about a job."""

    name: str
    type: str
    title: str
    status: JobStatus
    made: str
    wall: str
    resolution: str
    record: JobRecord
    inputs: list[tuple[str, str, str]]  # slot, reference, job it is from
    parameters: list[ParameterView]
    figures: list[tuple[str, str]]
    warnings: list[str]
    plots: list[PlotView]
    outputs: list[tuple[str, str, str]]  # file, link, size
    log_tail: str

    @property
    def iterations(self) -> list[int]:
        """The iterations that plots were kept of."""
        return sorted({image.iteration for plot in self.plots for image in plot.images if image.iteration is not None})


@dataclass(frozen=True)
class Story:
    """What stands above the jobs in a report that tells one thing: words, a table, pictures.

    Attributes
    ----------
    title, lead : str
    headings, rows : sequences of str
        The table.
    note : str
        Below the table.
    pictures : sequence of PlotView
    """

    title: str
    lead: str
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    note: str = ""
    pictures: Sequence[PlotView] = field(default=())


def write_job_report(paths: JobPaths, target: Path) -> Path:
    """Write the report on one job.

    Raises
    ------
    DataError
        job.json is missing or damaged.
    """
    view = view_job(paths, target)
    return _render(target, title=f"{view.name} {view.type}", subtitle=_project_title(paths.project), jobs=[view], story=None)


def write_project_report(project: ProjectPaths, target: Path, story: Story | None = None, names: Collection[str] | None = None) -> Path:
    """Write the report on the jobs ``names`` of a project (all), with a story above them if there is one; pictures as the jobs ended.

    Jobs with damaged files are named and left out.
    """
    chosen = [paths for paths in list_jobs(project) if paths.record.exists() and (names is None or paths.name in names)]
    views, damaged = [], []
    for paths in chosen:
        try:
            views.append(view_job(paths, target, newest_only=True))
        except DataError as error:
            damaged.append(f"{paths.name} is left out: {error}")
    subtitle = " · ".join([str(project.folder), *damaged])
    return _render(target, title=story.title if story else _project_title(project), subtitle=subtitle, jobs=views, story=story)


def view_job(paths: JobPaths, target: Path, newest_only: bool = False) -> JobView:
    """Collect what a report at ``target`` says about a job; ``newest_only`` leaves out the pictures of iterations that later ones replaced."""
    record, status, summary = read_job(paths), read_status(paths), read_summary(paths)
    return JobView(
        name=paths.name,
        type=record.type,
        title=job_type(record.type).title,
        status=status,
        made=format_time(record.created),
        wall="" if status.wall_s is None else format_duration(status.wall_s),
        resolution=format_figure("resolution_A", summary["resolution_A"]) if summary.get("resolution_A") else "",
        record=record,
        inputs=[(slot, entry["reference"], _job_of(entry["file"])) for slot, entry in record.inputs.items()],
        parameters=_view_parameters(record),
        figures=list_figures(summary),
        warnings=summary.get("warnings") or [],
        plots=collect_plots(paths, newest_only),
        outputs=_view_outputs(paths, target),
        log_tail=_read_log_tail(paths) if status.state in ("failed", "killed") else "",
    )


def format_time(seconds: float) -> str:
    """Write a moment as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _project_title(project: ProjectPaths) -> str:
    return str(read_json(project.record).get("title", project.folder.name))


def _job_of(file: str) -> str:
    """Return the job that an input file lies in, empty for a file from elsewhere."""
    first = Path(file).parts[0]
    return first if len(Path(file).parts) > 1 and not Path(file).is_absolute() else ""


def _view_parameters(record: JobRecord) -> list[ParameterView]:
    kind = job_type(record.type)
    described = describe_parameters(kind)
    changed = changed_parameters(kind, record.parameters)
    views = []
    for name, value in record.parameters.items():
        known = described.get(name)
        if known is None or known.slot:
            continue
        unit = f" {known.unit}" if known.unit and isinstance(value, (int, float)) else ""
        views.append(ParameterView(name, known.title, format_value(value) + unit, known.help, name in changed))
    return sorted(views, key=lambda view: not view.changed)


def _view_outputs(paths: JobPaths, target: Path) -> list[tuple[str, str, str]]:
    declared = [output.path for output in list_outputs(paths)]
    own = {paths.record, paths.status, paths.events, paths.log, paths.summary, paths.checkpoint, paths.report, paths.kill_request, target.resolve()}
    others = sorted(file for file in paths.folder.iterdir() if file.is_file() and not file.name.startswith(".") and file not in own)
    chosen = declared + [file for file in others if file not in declared]
    return [(file.name, _link(file, target), _format_size(file.stat().st_size)) for file in chosen]


def _link(file: Path, target: Path) -> str:
    """Return a link relative to the report where the file lies below it, so that both can be moved together."""
    base = target.resolve().parent
    return file.relative_to(base).as_posix() if file.is_relative_to(base) else file.as_uri()


def _format_size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"


def _read_log_tail(paths: JobPaths) -> str:
    lines = paths.log.read_text(encoding="utf-8", errors="replace").splitlines() if paths.log.exists() else []
    return "\n".join(lines[-LOG_TAIL_LINES:])


def _render(target: Path, **content: Any) -> Path:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    if not target.resolve().parent.is_dir():
        raise TriskelionError(f"cannot write {target}: there is no folder {target.resolve().parent}")
    templates = files("triskelion.project") / "templates"
    environment = Environment(
        loader=PackageLoader("triskelion.project"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html").render(
        style=(templates / "report.css").read_text(encoding="utf-8"),
        script=(templates / "report.js").read_text(encoding="utf-8"),
        written=format_time(time.time()),
        versions=installed_versions(),
        **content,
    )
    write_text(target, page)
    return target.resolve()
