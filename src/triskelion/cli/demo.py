"""``triskelion demo``: blurred domains come into focus, on simulated particles, with the truth beside them."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from triskelion.api import Job, Project
from triskelion.cli.demo_steps import SERIES_PARTICLES, DemoJobs, Workflow, run_workflow
from triskelion.cli.tables import make_console
from triskelion.project.figures import format_duration
from triskelion.project.report import Story
from triskelion.runners.base import Runner

if TYPE_CHECKING:
    from triskelion.project.report_plots import PlotView
    from triskelion.simulate.scoring import PoseScore

TITLE = "Blurred domains come into focus"
LEAD = (
    "The simulated complex is hinged like a spliceosome: body, foot, head and arm move against one another, so that one map of all "
    "particles shows the body only. The consensus is refined and cut into regions; the regions of the head and of the foot become masks, "
    "their interfaces with the rest fulcra. Local refinement about these, with the rest subtracted on the fly, finds how each is turned; "
    "for the head the rest is subtracted from the images once more in the classical way. The oracle knows the true poses of the head: no "
    "refinement of these images can do better."
)
NOTE = (
    "Resolution: half-map FSC = 0.143, corrected by noise substitution, inside the domain's true mask minus the masks of the other domains: "
    "in a soft mask as it is, a sharp body alone would make a good curve. Pose errors: against the simulated truth."
)
MAPS_CAPTION = "The same slices of the head's map, each sharpened by its own B-factor to its own resolution, and the FSC of its half maps."
HEADINGS = ("domain and poses", "resolution", "median pose error", "over 8°")


@dataclass(frozen=True)
class Stage:
    """A domain at one stage: a job with poses and the half maps they give, and the sharpened map of these."""

    label: str
    domain: str
    poses: Job
    sharpened: Job


def run_demo(folder: Path, *, runner: Runner | None = None, series_particles: int = SERIES_PARTICLES, **simulation: Any) -> Path:
    """Run the demo in a new project; print a table, write a report and return its path.

    Parameters
    ----------
    folder : Path
        Of the project; numbered where it exists already.
    runner : Runner, optional
        What runs the jobs; worker processes by default.
    series_particles : int
        In a subset of the series of masks.
    **simulation
        Parameters of ``simulate`` that differ from the defaults.
    """
    console = make_console()
    project = Project.new(find_free_folder(folder), title=TITLE, runner=runner)
    console.print(f"[bold]{TITLE}[/]\n{escape(str(project.folder))}\n")
    began = time.monotonic()
    workflow = Workflow(project)
    jobs = run_workflow(workflow, simulation, series_particles)
    stages = sharpen_stages(workflow, jobs)
    scores = [score_stage(jobs.simulated, stage) for stage in stages]
    rows = [describe_stage(stage, score) for stage, score in zip(stages, scores)]
    report = write_demo_report(workflow, jobs, stages, scores, rows)
    table = Table(*HEADINGS, title=f"\n{TITLE}", title_style="bold", title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    took = format_duration(time.monotonic() - began)
    console.print(f"{len(project.jobs)} jobs in {took}; pictures and figures: {escape(str(report))}", soft_wrap=True)
    return report


def find_free_folder(folder: Path) -> Path:
    """Return ``folder``, or ``folder-2``, ``folder-3`` ... where it exists already."""
    free, number = folder, 1
    while free.exists() and (not free.is_dir() or any(free.iterdir())):
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def sharpen_stages(workflow: Workflow, jobs: DemoJobs) -> list[Stage]:
    """Sharpen the maps of every stage inside the domain's true mask without the other domains."""
    poses = {
        "before": ("head", jobs.consensus),
        "after": ("head", jobs.head.refined),
        "subtracted first": ("head", jobs.subtracted),
        "oracle": ("head", jobs.oracle),
        "foot before": ("foot", jobs.consensus),
        "foot after": ("foot", jobs.foot.refined),
    }
    alone = {domain: f"{jobs.simulated.name}.alone_{domain}" for domain in ("head", "foot")}
    return [Stage(label, domain, job, workflow.run("sharpen", volume=job, mask=alone[domain])) for label, (domain, job) in poses.items()]


def score_stage(simulated: Job, stage: Stage) -> "PoseScore":
    """Compare the poses of a stage with the truth of the simulation."""
    from triskelion.conventions import corner_px_to_centered_A
    from triskelion.io.mrc import read_mask
    from triskelion.io.particle_star import read_particles
    from triskelion.simulate.scoring import score_poses

    truth = read_particles(simulated.path(f"truth_{stage.domain}"))
    mask = read_mask(simulated.path(f"mask_{stage.domain}"))
    center_A = corner_px_to_centered_A(mask.center_xyz_px, mask.box_px, mask.pixel_size_A)
    return score_poses(read_particles(stage.poses.path("particles")), truth, center_A)


def describe_stage(stage: Stage, score: "PoseScore") -> tuple[str, ...]:
    """Return one row of the table."""
    figures = score.figures
    resolution = stage.sharpened.summary["resolution_A"]
    return (
        DESCRIPTIONS[stage.label],
        "none" if resolution is None else f"{resolution:.1f} Å",
        f"{figures['angle_median_deg']:.1f}°",
        f"{figures['over_8deg_percent']:.0f} %",
    )


DESCRIPTIONS = {
    "before": "head, consensus poses",
    "after": "head, local refinement",
    "subtracted first": "head, from subtracted particles",
    "oracle": "head, true poses",
    "foot before": "foot, consensus poses",
    "foot after": "foot, local refinement",
}


def write_demo_report(workflow: Workflow, jobs: DemoJobs, stages: list[Stage], scores: "list[PoseScore]", rows: list[tuple[str, ...]]) -> Path:
    """Write the report: the table, the way of the head in pictures, and every job."""
    by_label = dict(zip((stage.label for stage in stages), zip(stages, scores)))
    pictures = [
        jobs.segmentation.view_plot("region_views"),
        jobs.head.fulcrum.view_plot("fulcrum_place"),
        *draw_head([by_label[label] for label in ("before", "after", "oracle")], jobs.head.mask),
        jobs.compared.view_plot("compare_fsc"),
        jobs.series.view_plot("series"),
    ]
    return workflow.project.write_report(story=Story(TITLE, LEAD, HEADINGS, rows, NOTE, pictures), jobs=workflow.jobs)


def draw_head(scored: "list[tuple[Stage, PoseScore]]", mask: Job) -> "list[PlotView]":
    """Draw the head before, after and with the true poses, and the errors of its poses."""
    from triskelion.io.mrc import read_mask, read_volume
    from triskelion.plots.before_after import collect_before_after
    from triskelion.plots.before_after import draw as draw_before_after
    from triskelion.plots.pose_error import collect_pose_error
    from triskelion.plots.pose_error import draw as draw_pose_error
    from triskelion.project.report_plots import embed_figure

    stages = {stage.label: stage for stage, _ in scored}
    curves = {label: json.loads(stage.sharpened.path("fsc").read_text(encoding="utf-8")) for label, stage in stages.items()}
    maps = collect_before_after(
        {label: read_volume(stage.sharpened.path("map_sharp")) for label, stage in stages.items()},
        fsc={label: curve["curves"][curve["headline"]] for label, curve in curves.items()},
        resolution_A={label: curve["headline_resolution_A"] for label, curve in curves.items()},
        mask=read_mask(mask.path("mask")),
    )
    errors = collect_pose_error({stage.label: score.angle_deg for stage, score in scored[:2]})
    return [embed_figure("before_after", draw_before_after(maps), MAPS_CAPTION), embed_figure("pose_error", draw_pose_error(errors))]
