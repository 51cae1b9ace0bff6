"""What can be wrong with a job folder: a half-made job, unreadable files, no worker, inputs or outputs that are gone."""

import os
import time
from collections.abc import Iterator
from functools import partial
from glob import glob
from pathlib import Path

from triskelion.errors import DataError, InputError, TriskelionError
from triskelion.jobs.registry import job_type
from triskelion.project.connect import list_outputs
from triskelion.project.deletion import move_to_bin
from triskelion.project.disk_use import walk_files
from triskelion.project.events import read_events
from triskelion.project.finding import Finding
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.leftovers import SETTLED_S, is_temporary, list_leftovers, remove_settled
from triskelion.project.lineage import job_of_text, read_ancestry
from triskelion.project.notes import read_note_lines
from triskelion.project.parameters import describe_parameters
from triskelion.project.plain_json import read_json
from triskelion.project.status import JobStatus, read_status, read_written_status, write_status
from triskelion.project.store import read_job
from triskelion.project.submission import read_submission

_REMOVES = "removes them: they were never finished, and nothing refers to them"


def check_project(project: ProjectPaths) -> Iterator[Finding]:
    """What is wrong outside of jobs: leftovers of programs, workspaces that cannot be read."""
    leftovers = [path for folder in (project.folder, project.workspaces) for path in list_leftovers(folder, deep=False)]
    if leftovers:
        yield Finding("project", _describe_leftovers(leftovers), _REMOVES, partial(remove_settled, leftovers))
    for file in sorted(project.workspaces.glob("*.json")):
        try:
            read_json(file)
        except DataError as error:
            yield Finding("project", str(error), "put it back from a copy; its jobs are safe")


def check_folder(paths: JobPaths) -> Iterator[Finding]:
    """A job whose making was cut off: nothing says what it was to be."""
    if paths.record.exists() or time.time() - paths.folder.stat().st_mtime < SETTLED_S:
        return
    what = "it has no job.json: whoever made it did not come to the end"
    held = [file.relative_to(paths.folder).as_posix() for file in walk_files(paths.folder) if file != paths.status and not is_temporary(file)]
    if held:
        yield Finding(paths.name, f"{what}; it holds {', '.join(held[:3])}", "put job.json back from a copy, or move the folder away")
    else:
        yield Finding(paths.name, f"{what}, and it holds nothing", "moves it to the bin", partial(move_to_bin, paths))


def check_json(paths: JobPaths) -> Iterator[Finding]:
    """JSON files that cannot be read, or are not what their names say."""
    readers = {paths.record: read_job, paths.status: read_written_status, paths.submission: read_submission}
    for file in walk_files(paths.folder):
        if file.suffix != ".json" or file.is_symlink() or is_temporary(file):
            continue
        try:
            readers[file](paths) if file in readers else read_json(file)
        except DataError as error:
            advice = _advise_on_json(paths, file)
            mend = partial(_rebuild_status, paths) if file == paths.status else None
            yield Finding(paths.name, str(error), advice, mend)
    try:
        read_note_lines(paths.notes)
    except DataError as error:
        yield Finding(paths.name, str(error), "take that line out")


def _advise_on_json(paths: JobPaths, file: Path) -> str:
    if file == paths.status:
        return "makes it anew from events.jsonl and keeps the damaged one beside it"
    if file == paths.record:
        return "put it back from a copy: nothing else knows what the job was"
    if file == paths.submission:
        return f"needed only where the job is still to run: triskelion resume {paths.name} --lane NAME"
    return f"clear the job and run it again: triskelion clear {paths.name}"


def _rebuild_status(paths: JobPaths) -> None:
    """Write the state that the events tell; a job of which they tell no end has failed."""
    os.replace(paths.status, paths.status.with_name("status.json.damaged"))
    ended = started = None
    state, message = "failed", "status.json was damaged, and no event tells of an end"
    try:
        for event, _ in read_events(paths.events):
            if event.get("kind") == "state":
                started = event["time"] if event["state"] == "running" else started
                ended, state = event["time"], event["state"]
                message = event.get("message", "")
    except ValueError:
        state = "failed"
    if state not in ("completed", "failed", "killed"):
        state, message = "failed", "status.json was damaged, and no event tells of an end"
    write_status(paths, JobStatus(state=state, message=message, started=started, ended=ended, heartbeat=ended))


def _is_readable(paths: JobPaths) -> bool:
    try:
        read_job(paths)
        read_written_status(paths)
    except DataError:
        return False
    return True


def check_worker(paths: JobPaths) -> Iterator[Finding]:
    """A job that is written down as running, or on its way to the queue, although nobody works on it."""
    if not _is_readable(paths):
        return
    written, true = read_written_status(paths), read_status(paths)
    if written.state != true.state:
        advice = f"writes down that it failed; continue it then with 'triskelion resume {paths.name}'"
        yield Finding(paths.name, f"it is written down as {written.state}, but {true.message}", advice, partial(write_status, paths, true))
    elif written.state == "building" and time.time() - paths.record.stat().st_mtime >= SETTLED_S:
        stopped = JobStatus(state="killed", message="whoever made it ended before it was queued")
        what = "it was made but never queued"
        yield Finding(paths.name, what, f"makes it fit for 'triskelion resume {paths.name}'", partial(write_status, paths, stopped))


def check_leftovers(paths: JobPaths) -> Iterator[Finding]:
    """Temporary files whose writer is gone."""
    if not _is_readable(paths) or not read_status(paths).is_over:
        return
    leftovers = list_leftovers(paths.folder)
    if leftovers:
        yield Finding(paths.name, _describe_leftovers(leftovers), _REMOVES, partial(remove_settled, leftovers))


def _describe_leftovers(leftovers: list[Path]) -> str:
    size_MB = sum(file.lstat().st_size for file in leftovers) / 1e6
    names = ", ".join(file.name for file in leftovers[:3])
    return f"{len(leftovers)} temporary files of a writer that is gone ({size_MB:.1f} MB): {names}"


def check_inputs(paths: JobPaths) -> Iterator[Finding]:
    """Inputs that are gone."""
    for name, file in _list_files_to_read(paths):
        if not glob(str(paths.project.folder / file)):
            yield Finding(paths.name, f"its {name} is missing: {file}", f"put it back, then: triskelion resume {paths.name}")
    for source in read_ancestry(paths).sources:
        if (paths.project.folder / source.file).exists():
            continue
        gone = source.job is not None and not paths.project.job(source.job).folder.exists()
        if gone and any(paths.project.bin.job(str(source.job)).folder.glob("*")):
            advice = f"{source.job} is in the bin: triskelion restore {source.job}"
        elif gone:
            advice = f"{source.job} is gone: {paths.name} keeps its results but cannot be run again"
        elif source.job is not None:
            advice = f"run {source.job} again: triskelion resume {source.job}"
        else:
            advice = "put the file back; the job keeps its results but cannot be run again without it"
        yield Finding(paths.name, f"its input {source.slot} ({source.reference}) is missing: {source.file}", advice)


def _list_files_to_read(paths: JobPaths) -> list[tuple[str, str]]:
    """Files and folders outside of jobs, or patterns of them, that parameters of a job name which is still to run or to be resumed."""
    if not _is_readable(paths) or read_status(paths).state in ("completed", "running"):
        return []
    record = read_job(paths)
    try:
        described = describe_parameters(job_type(record.type))
    except InputError:  # of another version of the program
        return []
    named = [(name, str(record.parameters.get(name) or "")) for name, parameter in described.items() if Path in parameter.kinds]
    return [(name, file) for name, file in named if file and job_of_text(file) is None]


def check_outputs(paths: JobPaths) -> Iterator[Finding]:
    """A completed job without what makes it worth anything."""
    if not _is_readable(paths) or read_status(paths).state != "completed":
        return
    try:
        declared = job_type(read_job(paths).type).outputs
        outputs = list_outputs(paths)
    except InputError as error:
        yield Finding(paths.name, str(error), "it was made by another version of the program, which can read it")
        return
    if declared and not outputs:
        yield Finding(paths.name, "it is completed but has none of its outputs", f"run it again: triskelion clear {paths.name}, then resume")
        return
    for output in outputs:
        if fault := _find_output_fault(output.path):
            yield Finding(paths.name, fault, f"run it again: triskelion clear {paths.name}, then resume")


def _find_output_fault(path: Path) -> str | None:
    """Say why an output cannot be read as far as its header and length tell."""
    from triskelion.io.mrc import open_stack, read_header

    try:
        if path.suffix == ".mrc" and (held := len(open_stack(path))) < (wanted := read_header(path).shape[0]):
            return f"{path} is cut short: {held} of {wanted} sections"
    except TriskelionError as error:
        return str(error)
    return f"{path} is empty" if path.stat().st_size == 0 else None
