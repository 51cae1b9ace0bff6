"""Large projects: how long `triskelion status` takes with many jobs, what the keeper of a long queue costs, and many jobs made at once.

python benchmarks/projects.py --jobs 500 --processes 8 --each 200
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from triskelion.project.candidates import list_candidates
from triskelion.project.cards import list_cards
from triskelion.project.layout import ProjectPaths
from triskelion.project.plain_json import write_json
from triskelion.project.status import JobStatus, write_status
from triskelion.project.store import JobRecord, add_job, create_project, list_jobs
from triskelion.project.watching import look_at, write_cursor
from triskelion.runners.host import HostPaths
from triskelion.runners.keeper import Keeper
from triskelion.runners.lane_runner import LaneRunner

STATUS = "import sys; from triskelion.cli.main import main; main(['--project', *sys.argv[1:]])"
ADD = """
import sys
from pathlib import Path
from triskelion.project.layout import ProjectPaths
from triskelion.project.store import JobRecord, add_job
for _ in range(int(sys.argv[2])):
    add_job(ProjectPaths(Path(sys.argv[1])), JobRecord("make", {}))
"""


def make_jobs(project: ProjectPaths, count: int) -> None:
    parameters = {f"parameter_{number}": number * 1.5 for number in range(45)}
    figures = {f"figure_{number}": number * 0.1 for number in range(30)}
    for _ in range(count):
        job = add_job(project, JobRecord("local_refinement", parameters))
        now = time.time()
        write_status(job, JobStatus("completed", pid=1, host="node7", started=now - 100, heartbeat=now, ended=now))
        write_json(job.summary, {"resolution_A": 4.1, "n_particles": 1500, "warnings": ["a mask touches the edge of the box"], **figures})


def time_status(project: ProjectPaths, *options: str) -> dict[str, float]:
    """Least wall and processor time of three."""
    times = []
    for _ in range(3):
        wall, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", STATUS, str(project.folder), "status", *options], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append((time.monotonic() - wall, after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime))
    return {"wall_s": round(min(wall for wall, _ in times), 2), "cpu_s": round(min(cpu for _, cpu in times), 2)}


def time_keeper(folder: Path, count: int) -> dict[str, float]:
    """Processor time of one look at a queue in which all jobs wait for one."""
    os.environ |= {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    project = create_project(folder / "queued")
    add_job(project, JobRecord("make", {}))
    for _ in range(count):
        LaneRunner().enqueue(add_job(project, JobRecord("use", {"volume": "J1"}, inputs={"volume": {"reference": "J1", "file": "J1/map.mrc"}})))
    keeper = Keeper(HostPaths.here())
    keeper.advance()
    before = time.process_time()
    keeper.advance()
    return {"waiting": count, "cpu_s_a_look": round(time.process_time() - before, 3)}


def time_browser(project: ProjectPaths) -> dict[str, float]:
    """Processor time of what the browser's server does with all jobs of a project."""
    looks = look_at(project, {})
    cursor = {project.folder.name: {name: look.mark for name, look in looks.items()}}
    calls = {
        "cards_cpu_s": lambda: list_cards(project),
        "look_cpu_s": lambda: look_at(project, looks),
        "candidates_cpu_s": lambda: list_candidates(project, "local_refinement", "volume"),
        "place_cpu_s": lambda: write_cursor(cursor),
    }
    figures: dict[str, float] = {"place_bytes": len(write_cursor(cursor))}
    for name, call in calls.items():
        call()
        before = time.process_time()
        call()
        figures[name] = round(time.process_time() - before, 4)
    return figures


def count_made_at_once(folder: Path, processes: int, each: int) -> dict[str, float]:
    project = create_project(folder / "crowded")
    start = time.monotonic()
    running = [subprocess.Popen([sys.executable, "-c", ADD, str(project.folder), str(each)]) for _ in range(processes)]
    failed = sum(process.wait() != 0 for process in running)
    return {"wanted": processes * each, "made": len(list_jobs(project)), "failed": failed, "wall_s": round(time.monotonic() - start, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--each", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = create_project(folder / "large")
        make_jobs(project, options.jobs)
        figures = {
            "status": time_status(project),
            "status --json": time_status(project, "--json"),
            "browser": time_browser(project),
            "keeper": time_keeper(folder, 200),
            "at once": count_made_at_once(folder, options.processes, options.each),
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
