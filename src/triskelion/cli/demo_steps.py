"""The workflow on simulated particles, job by job, as a person would type it; where a person looks and clicks, the truth of the simulation points.

Poses and maps are the program's own throughout. From the simulation come the images, which regions of the segmented map are the head and
which are the foot, and the true poses of the oracle.
"""

from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from triskelion.api import Job, Project
from triskelion.cli.tables import make_console
from triskelion.project.figures import format_duration, write_headline

WIDER_SHIFT_A = 14.0
FIXED = {"rotation_extent_deg": 0, "shift_extent_A": 0}
SERIES_PARTICLES = 250  # of a subset: enough to tell a bad mask from a good one, few enough to wait for
# Masks are told apart long before poses of so few particles stop moving, and the rest of the particle need not be refined for each of them.
SERIES_FIXED = ("max_iterations=3", "background_poses=consensus", "restart_audit=False")
SERIES_VARY = ("mask.dilation_px=1,3", "mask.soft_padding_px=3,6")


class Workflow:
    """Runs jobs of a project; prints the command line of each before, and its time and figures after.

    Attributes
    ----------
    project : Project
    jobs : list of Job
        Those that were run, without the ones that they ran themselves.
    """

    def __init__(self, project: Project):
        self.project = project
        self.jobs: list[Job] = []

    def run(self, job_type: str, **parameters: Any) -> Job:
        """Run a job."""
        return self._show(self.project.prepare(job_type, **parameters))

    def clone(self, job: Job, **changes: Any) -> Job:
        """Run a job again with changes."""
        return self._show(self.project.prepare_clone(job, **changes))

    def _show(self, job: Job) -> Job:
        console = make_console()
        console.print(f"[bold]{job.name}[/] [dim]{escape(job.record.command)}[/]", soft_wrap=True)
        job.run()
        headline = write_headline(job.summary)
        console.print(f"   [green]completed[/] in {format_duration(job.summary['wall_s'])}  {headline}\n", soft_wrap=True)
        self.jobs.append(job)
        return job


@dataclass(frozen=True)
class DomainJobs:
    """What leads to a refined domain: its regions of the map, its mask, its fulcrum, and the refinement."""

    name: str
    mask: Job
    fulcrum: Job
    refined: Job


@dataclass(frozen=True)
class DemoJobs:
    """The jobs of the demo that its report speaks of; ``subtracted`` are the head's, refined from images without the rest."""

    simulated: Job
    consensus: Job
    segmentation: Job
    head: DomainJobs
    foot: DomainJobs
    subtracted: Job
    compared: Job
    series: Job
    oracle: Job


def run_workflow(workflow: Workflow, simulation: dict[str, Any], series_particles: int = SERIES_PARTICLES) -> DemoJobs:
    """Simulate particles and take them from their import to refined domains."""
    simulated = workflow.run("simulate", **simulation)
    imported = workflow.run("import_particles", meta=simulated.path("particles"))
    first = workflow.run("reconstruct", particles=imported)
    consensus = workflow.run("nonuniform_refinement", particles=imported, volume=first, poses="input")
    segmentation = workflow.run("segment_map", volume=consensus, half_maps=consensus)
    head, foot = (refine_domain(workflow, name, simulated, consensus, segmentation) for name in ("head", "foot"))
    subtracted = refine_without_rest(workflow, head, consensus)
    compared = workflow.run("compare", first=head.refined, second=subtracted)
    series = workflow.run("series", base=head.refined.name, vary=SERIES_VARY, fixed=SERIES_FIXED, n_particles=series_particles)
    oracle = workflow.clone(head.refined, particles=f"{simulated.name}.truth_head", **FIXED)
    return DemoJobs(simulated, consensus, segmentation, head, foot, subtracted, compared, series, oracle)


def refine_domain(workflow: Workflow, name: str, simulated: Job, consensus: Job, segmentation: Job) -> DomainJobs:
    """Pick the regions of a domain, make its mask, place its fulcrum where it touches the others, refine it."""
    picked = f"inside {simulated.name}.mask_{name} by 50%"
    base = workflow.run("mask_base", segmentation=segmentation, regions=picked)
    mask = workflow.run("volume_tools", volume=base, volume_name="mask_base")
    fulcrum = workflow.run("fulcrum", segmentation=segmentation, regions=picked, against=f"all but {picked}")
    refined = workflow.run("local_refinement", particles=consensus, volume=consensus, mask=mask, fulcrum=fulcrum.name)
    return DomainJobs(name, mask, fulcrum, refined)


def refine_without_rest(workflow: Workflow, domain: DomainJobs, consensus: Job) -> Job:
    """Take everything but a domain out of the images, look at what is left, and refine it once more within a wider shift."""
    rest = workflow.run("volume_tools", mask=domain.mask, complement=True)
    images = workflow.run("particle_subtraction", particles=domain.refined, volume=consensus, mask=rest, mask_of="removed")
    workflow.run("reconstruct", particles=images)
    return workflow.clone(domain.refined, particles=images, volume=images, shift_extent_A=WIDER_SHIFT_A)
