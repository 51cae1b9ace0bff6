"""What people see of lanes and queue."""

from dataclasses import dataclass

from triskelion.errors import DataError
from triskelion.project.layout import ProjectPaths
from triskelion.project.lineage import read_ancestry
from triskelion.project.status import read_status
from triskelion.project.submission import Submission, list_queue, read_submission
from triskelion.runners.host import HostPaths
from triskelion.runners.keeper import list_entries
from triskelion.runners.lanes import LocalLane, read_lanes
from triskelion.runners.local_lane import describe_room
from triskelion.runners.queue import Entry
from triskelion.runners.slurm_lane import describe_cluster


@dataclass(frozen=True)
class LaneView:
    """A lane: ``room`` says what is free; jobs of this machine in the queues of all projects that share the lane are counted."""

    name: str
    kind: str
    is_default: bool
    file: str
    room: str
    n_running: int
    n_waiting: int


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue, or at work on a lane."""

    name: str
    type: str
    lane: str
    wants: str
    state: str
    note: str
    waits_for: list[str]
    slurm_id: str | None


def survey_lanes(project: ProjectPaths) -> list[LaneView]:
    """Return the lanes of a project with what of them is free."""
    lanes = read_lanes(project)
    views = []
    for name, lane in lanes.lanes.items():
        entries = _list_entries_of(project, lanes.slots_key(name))
        held = [entry for entry in entries if entry.submission.started is not None and not entry.status.is_over]
        room = describe_room(lane, held) if isinstance(lane, LocalLane) else describe_cluster(lane)
        waiting = [entry for entry in entries if entry.status.state == "queued"]
        running = [entry for entry in entries if entry.status.state == "running"]
        views.append(LaneView(name, lane.kind, name == lanes.default, lanes.slots_key(name)[0], room, len(running), len(waiting)))
    return views


def _list_entries_of(project: ProjectPaths, key: tuple[str, str]) -> list[Entry]:
    """Return the jobs of a lane, in all projects of this machine that share it."""
    known = {each.folder: each for each in [project, *HostPaths.here().list_projects()]}
    entries = []
    for each in known.values():
        if not each.record.exists():
            continue
        try:
            lanes = read_lanes(each)
        except DataError:  # lanes of another project, which its own commands speak of
            continue
        entries += [entry for entry in list_entries(each) if entry.submission.lane in lanes.lanes and lanes.slots_key(entry.submission.lane) == key]
    return entries


def survey_queue(project: ProjectPaths) -> list[QueuedJob]:
    """Return the jobs in the queue of a project, whatever machine looks after them."""
    found = []
    for paths in list_queue(project):
        try:
            submission = read_submission(paths)
        except DataError as error:
            found.append(QueuedJob(paths.name, read_ancestry(paths).type or "?", "?", "", "failed", str(error), [], None))
            continue
        if submission is not None:
            status = read_status(paths)
            found.append(
                QueuedJob(
                    paths.name,
                    read_ancestry(paths).type or "?",
                    submission.lane,
                    _describe_wants(submission),
                    status.state,
                    status.message or status.progress,
                    submission.waits_for,
                    submission.slurm_id,
                )
            )
    return found


def _describe_wants(submission: Submission) -> str:
    gpus = f", {submission.gpus} GPU{'s' if submission.gpus > 1 else ''}" if submission.gpus else ""
    return f"{submission.cpus} core{'s' if submission.cpus > 1 else ''}{gpus}, {submission.memory_GB:.3g} GB"
