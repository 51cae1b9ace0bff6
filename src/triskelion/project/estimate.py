"""What a job may cost, told by what jobs of its type in this project have cost."""

from triskelion.errors import TriskelionError
from triskelion.project.figures import format_duration, format_figure
from triskelion.project.layout import ProjectPaths
from triskelion.project.status import read_status
from triskelion.project.store import list_jobs, read_job, read_summary

SHOWN = 2


def estimate_cost(project: ProjectPaths, type_name: str) -> list[str]:
    """Return one line for each of the newest completed jobs of this type: its time, memory and particles; none where there is no such job."""
    lines: list[str] = []
    for paths in reversed(list_jobs(project)):
        if len(lines) == SHOWN:
            break
        try:
            if read_job(paths).type == type_name and read_status(paths).state == "completed":
                summary = read_summary(paths)
                lines.append(f"{paths.name} took {format_duration(summary['wall_s'])} and {format_figure('peak_rss_MB', summary['peak_rss_MB'])}")
                if summary.get("n_particles"):
                    lines[-1] += f" for {format_figure('n_particles', summary['n_particles'])} particles"
        except (TriskelionError, KeyError):  # of a damaged job nothing is known
            continue
    return lines
