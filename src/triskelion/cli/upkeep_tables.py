"""What the commands that look after a project print."""

import time
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from triskelion.api import Project
from triskelion.cli.tables import STATE_STYLES
from triskelion.errors import DataError
from triskelion.project.archive import ArchiveContents
from triskelion.project.doctor import Diagnosis
from triskelion.project.layout import job_number
from triskelion.project.lineage import list_ancestors, list_descendants
from triskelion.project.notes import Notes


def format_bytes(size: float) -> str:
    """Write a number of bytes for people: 1.4 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def describe_lineage(project: Project, job: str | None) -> list[dict[str, Any]]:
    """Return each job with what it was made from as plain data; with ``job``, only its ancestors, itself and its descendants."""
    lineage = project.upkeep.lineage
    shown = set(lineage) if job is None else {project.job(job).name} | list_ancestors(lineage, [job]) | list_descendants(lineage, [job])
    return [
        {
            "name": each.name,
            "type": each.type,
            "state": project.job(each.name).status.state,
            "inputs": [vars(source) for source in each.sources],
            "cloned_from": each.cloned_from,
            "used_by": [other.name for other in lineage.values() if each.name in other.parents],
            "tags": _read_tags(project.job(each.name).notes),
        }
        for each in lineage.values()
        if each.name in shown
    ]


def _read_tags(notes: Notes) -> list[str]:
    """Tags of a job; none where its notes are damaged, which the doctor tells: one job must not hide the others."""
    try:
        return notes.tags
    except DataError:
        return []


def make_lineage_tree(jobs: list[dict[str, Any]], title: str) -> Tree:
    """Return the lineage as a tree: a job stands below the newest one it was made from, the others are named behind it."""
    root = Tree(f"[bold]{escape(title)}[/]")
    branches: dict[str, Tree] = {}
    for job in jobs:
        parents = sorted({source["job"] for source in job["inputs"] if source["job"]}, key=lambda name: job_number(name) or 0)
        above = next((name for name in reversed(parents) if name in branches), None)
        branches[job["name"]] = (branches[above] if above else root).add(_describe_branch(job, above))
    return root


def _describe_branch(job: dict[str, Any], above: str | None) -> str:
    others = [f"{source['slot']} {source['reference']}" for source in job["inputs"] if source["job"] != above or source["job"] is None]
    words = [f"[bold]{job['name']}[/] {job['type'] or '?'} [{STATE_STYLES[job['state']]}]{job['state']}[/]"]
    if others:
        words.append(f"[dim]+ {escape(', '.join(others))}[/]")
    if job["cloned_from"]:
        words.append(f"[dim]clone of {escape(job['cloned_from'])}[/]")
    words += [f"[cyan]#{escape(tag)}[/]" for tag in job["tags"]]
    return "  ".join(words)


def format_notes(notes: Notes) -> str:
    """Return notes, each with its date, and tags."""
    lines = [f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(note.time))}  {note.text}" for note in notes.notes]
    return "\n".join([*lines, *([f"tags: {' '.join(notes.tags)}"] if notes.tags else [])]) or "no notes"


def describe_disk_use(project: Project) -> dict[str, Any]:
    """Return bytes on disk, job by job, as plain data."""
    lineage = project.upkeep.lineage
    jobs = [
        {
            "name": name,
            "type": lineage[name].type if name in lineage else None,
            "total_bytes": use.total_bytes,
            "images_bytes": use.images_bytes,
            "iterations_bytes": use.iterations_bytes,
            "linked_bytes": use.linked_bytes,
        }
        for name, use in project.upkeep.disk_use.items()
    ]
    return {"jobs": jobs, "total_bytes": sum(job["total_bytes"] for job in jobs), "bin_bytes": sum(job.total_bytes for job in project.upkeep.bin)}


def make_disk_table(described: dict[str, Any]) -> Table:
    """Return a table of what each job takes, the sum below."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("job")
    table.add_column("type")
    for heading in ("on disk", "images", "iterations", "linked"):
        table.add_column(heading, justify="right", no_wrap=True)
    for job in described["jobs"]:
        sizes = [format_bytes(job[f"{kind}_bytes"]) if job[f"{kind}_bytes"] else "" for kind in ("total", "images", "iterations", "linked")]
        table.add_row(job["name"], job["type"] or "?", *sizes)
    table.add_section()
    table.add_row("all", "", format_bytes(described["total_bytes"]), "", "", "")
    if described["bin_bytes"]:
        table.add_row("bin", "", format_bytes(described["bin_bytes"]), "", "", "")
    return table


def make_diagnosis_view(diagnosis: Diagnosis) -> RenderableType:
    """Return what the doctor found, finding by finding, and what is to be done."""
    lines: list[RenderableType] = []
    for finding in diagnosis.findings:
        lines.append(f"[bold]{finding.job}[/]  {escape(finding.what)}")
        if finding.mended:
            lines.append(f"      [green]mended:[/] {escape(finding.advice)}")
        else:
            remedy = "'triskelion doctor --mend'" if finding.mend else "to do:"
            lines.append(f"      [yellow]{remedy}[/] {escape(finding.advice)}")
    left = sum(not finding.mended for finding in diagnosis.findings)
    jobs = f"{diagnosis.n_jobs} job{'' if diagnosis.n_jobs == 1 else 's'}"
    if not diagnosis.findings:
        return f"{jobs}: nothing is wrong"
    return Group(*lines, f"{jobs}: {len(diagnosis.findings)} found, {left} left to be mended")


def format_export(path: Path, contents: ArchiveContents) -> str:
    """Say what is in an archive, and what it lacks."""
    lines = [f"{path} ({format_bytes(path.stat().st_size)}): {', '.join(contents.jobs)}"]
    if contents.links:
        lines.append(f"{len(contents.links)} images are linked, not in the archive (--images takes them along)")
    if contents.absent:
        lines.append(f"made from {', '.join(contents.absent)}, which are not in the archive (--lineage takes them along)")
    if contents.outside:
        lines.append(f"made from files outside of jobs, which are not in the archive: {', '.join(contents.outside)}")
    return "\n".join(lines)
