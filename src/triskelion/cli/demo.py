"""``triskelion demo``: a blurred head domain comes into focus, on simulated particles, with the truth beside it.

It does what a person would do with the program, through the same calls; only the fulcrum and the region of the head,
which a person would click at, are read from the simulation.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from triskelion.api import Job, Project
from triskelion.cli.tables import make_console
from triskelion.project.figures import format_duration, write_headline
from triskelion.project.report import Story
from triskelion.runners.base import Runner

if TYPE_CHECKING:
    from triskelion.data.volume import Mask
    from triskelion.simulate.scoring import PoseScore

DOMAIN = "head"
TITLE = "A blurred head domain comes into focus"
LEAD = (
    "The simulated complex is hinged like a spliceosome: body, foot, head and arm move against one another, so that one map of all "
    "particles shows the body only. Local refinement of the head about its fulcrum, with the body subtracted on the fly, "
    "finds how each head is turned. The oracle knows the true poses: no refinement of these images can do better."
)
NOTE = (
    "Resolution: half-map FSC = 0.143, corrected by noise substitution, inside the head's mask minus the masks of the other domains: "
    "in the head's soft mask as it is, a sharp body alone would make a good curve. Pose errors: against the simulated truth."
)
MAPS_CAPTION = "The same slices of the head's map, each sharpened by its own B-factor to its own resolution, and the FSC of its half maps."
MASK_OPTIONS = {"threshold": 0.95}
HEADINGS = ("head", "resolution", "median pose error", "over 8°")
DESCRIPTIONS = {"before": "consensus poses", "after": "local refinement", "oracle": "true poses"}


@dataclass(frozen=True)
class Stage:
    """The head at one stage: a job with poses and the half maps they give, and the sharpened map of these."""

    label: str
    poses: Job
    sharpened: Job


def run_demo(folder: Path, *, runner: Runner | None = None, **simulation: Any) -> Path:
    """Run the demo in a new project; print a table, write a report and return its path.

    Parameters
    ----------
    folder : Path
        Of the project; numbered where it exists already.
    runner : Runner, optional
        What runs the jobs; worker processes by default.
    **simulation
        Parameters of ``simulate`` that differ from the defaults.
    """
    console = make_console()
    project = Project.new(find_free_folder(folder), title=TITLE, runner=runner)
    console.print(f"[bold]{TITLE}[/]\n{escape(str(project.folder))}\n")
    stages, mask = refine_head(project, simulation)
    scores = score_stages(project, stages)
    rows = [describe_stage(stage, score) for stage, score in zip(stages, scores)]
    report = write_demo_report(project, stages, scores, mask, rows)
    table = Table(*HEADINGS, title=f"\n{TITLE}", title_style="bold", title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    seconds = sum(job.summary["wall_s"] for job in project.jobs)
    console.print(f"{len(project.jobs)} jobs in {format_duration(seconds)}; pictures and figures: {escape(str(report))}", soft_wrap=True)
    return report


def find_free_folder(folder: Path) -> Path:
    """Return ``folder``, or ``folder-2``, ``folder-3`` ... where it exists already."""
    free, number = folder, 1
    while free.exists() and (not free.is_dir() or any(free.iterdir())):
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def refine_head(project: Project, simulation: dict[str, Any]) -> tuple[list[Stage], Job]:
    """Simulate, import, reconstruct, mask and refine; return the head before, after and with the true poses, and the mask."""
    simulated = _run(project, "simulate", **simulation)
    imported = _run(project, "import_particles", meta=simulated.path("particles"))
    consensus = _run(project, "reconstruct", particles=imported)
    mask = _run(project, "volume_tools", mask=f"{simulated.name}.mask_{DOMAIN}", **MASK_OPTIONS)
    fulcrum = json.loads(simulated.path("truth").read_text(encoding="utf-8"))["fulcrum_xyz_px"][DOMAIN]
    common = {"volume": consensus, "mask": mask, "fulcrum": ",".join(f"{coordinate:g}" for coordinate in fulcrum)}
    fixed = {"rotation_extent_deg": 0, "shift_extent_A": 0}

    poses = {
        "before": consensus,
        "after": _run(project, "local_refinement", particles=imported, **common),
        "oracle": _run(project, "local_refinement", particles=f"{simulated.name}.truth_{DOMAIN}", **common, **fixed),
    }
    alone = f"{simulated.name}.alone_{DOMAIN}"
    return [Stage(label, job, _run(project, "sharpen", volume=job, mask=alone)) for label, job in poses.items()], mask


def _run(project: Project, job_type: str, **parameters: Any) -> Job:
    console = make_console()
    job = project.prepare(job_type, **parameters)
    console.print(f"[bold]{job.name}[/] [dim]{escape(job.record.command)}[/]", soft_wrap=True)
    job.run()
    headline = write_headline(job.summary)
    console.print(f"   [green]completed[/] in {format_duration(job.summary['wall_s'])}  {headline}\n", soft_wrap=True)
    return job


def score_stages(project: Project, stages: list[Stage]) -> "list[PoseScore]":
    """Compare the poses of every stage with the truth of the simulation."""
    from triskelion.conventions import corner_px_to_centered_A
    from triskelion.io.mrc import read_mask
    from triskelion.io.particle_star import read_particles
    from triskelion.simulate.scoring import score_poses

    simulated = project.job("J1")
    truth = read_particles(simulated.path(f"truth_{DOMAIN}"))
    head = read_mask(simulated.path(f"mask_{DOMAIN}"))
    center_A = corner_px_to_centered_A(head.center_xyz_px, head.box_px, head.pixel_size_A)
    return [score_poses(read_particles(stage.poses.path("particles")), truth, center_A) for stage in stages]


def describe_stage(stage: Stage, score: "PoseScore") -> tuple[str, ...]:
    """Return one row of the table."""
    figures = score.figures
    resolution = stage.sharpened.summary["resolution_A"]
    return (
        f"{stage.label}: {DESCRIPTIONS[stage.label]}",
        "none" if resolution is None else f"{resolution:.1f} Å",
        f"{figures['angle_median_deg']:.1f}°",
        f"{figures['over_8deg_percent']:.0f} %",
    )


def write_demo_report(project: Project, stages: list[Stage], scores: "list[PoseScore]", mask: Job, rows: list[tuple[str, ...]]) -> Path:
    """Write the report: the table, the head before and after, and every job."""
    from triskelion.io.mrc import read_mask, read_volume
    from triskelion.plots.before_after import collect_before_after
    from triskelion.plots.before_after import draw as draw_before_after
    from triskelion.plots.pose_error import collect_pose_error
    from triskelion.plots.pose_error import draw as draw_pose_error
    from triskelion.project.report_plots import embed_figure

    labels = [stage.label for stage in stages]
    curves = [json.loads(stage.sharpened.path("fsc").read_text(encoding="utf-8")) for stage in stages]
    domain: Mask = read_mask(mask.path("mask"))
    maps = collect_before_after(
        {label: read_volume(stage.sharpened.path("map_sharp")) for label, stage in zip(labels, stages)},
        fsc={label: curve["curves"][curve["headline"]] for label, curve in zip(labels, curves)},
        resolution_A={label: curve["headline_resolution_A"] for label, curve in zip(labels, curves)},
        mask=domain,
    )
    errors = collect_pose_error({label: score.angle_deg for label, score in zip(labels[:2], scores)})
    pictures = [
        embed_figure("before_after", draw_before_after(maps), MAPS_CAPTION),
        embed_figure("pose_error", draw_pose_error(errors)),
    ]
    story = Story(TITLE, LEAD, HEADINGS, rows, NOTE, pictures)
    return project.write_report(story=story)
