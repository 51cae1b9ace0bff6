"""Search: the jobs in which words are found, in their names, types, notes, tags, parameters, messages and warnings."""

from collections.abc import Iterator
from dataclasses import dataclass

from triskelion.errors import TriskelionError
from triskelion.jobs.registry import job_type
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.notes import Notes
from triskelion.project.parameters import changed_parameters, format_value
from triskelion.project.status import read_status
from triskelion.project.store import list_jobs, read_job, read_summary


@dataclass(frozen=True)
class Found:
    """A job, and the text in which the first of the words was found."""

    job: str
    where: str
    text: str


def search_jobs(project: ProjectPaths, words: str) -> list[Found]:
    """Return the jobs in which every word is found somewhere, capitals or not, the newest first; none for no words."""
    wanted = words.casefold().split()
    found = []
    for paths in reversed(list_jobs(project)) if wanted else ():
        texts = list(_list_texts(paths))
        hits = [next(((where, text) for where, text in texts if word in text.casefold()), None) for word in wanted]
        if None not in hits and hits[0] is not None:
            found.append(Found(paths.name, *hits[0]))
    return found


def _list_texts(paths: JobPaths) -> Iterator[tuple[str, str]]:
    yield "name", paths.name
    try:
        record = read_job(paths)
        kind = job_type(record.type)
        yield "type", f"{record.type} {kind.title}"
        notes = Notes(paths)
        for note in notes.notes:
            yield "note", note.text
        for tag in notes.tags:
            yield "tag", tag
        for name, value in changed_parameters(kind, record.parameters).items():
            yield "parameter", f"{name} {format_value(value)}"
        yield "message", read_status(paths).message
        for warning in read_summary(paths).get("warnings") or []:
            yield "warning", str(warning)
    except TriskelionError as error:  # damaged files: what was read of them counts
        yield "damage", str(error)
