"""What could fill an input slot: every output of every job, those that do not fit with the reason."""

from dataclasses import dataclass

from triskelion.errors import InputError, TriskelionError
from triskelion.jobs.registry import job_type
from triskelion.project.connect import list_promised_outputs, resolve_input
from triskelion.project.layout import ProjectPaths
from triskelion.project.parameters import describe_parameters
from triskelion.project.store import list_jobs, read_job


@dataclass(frozen=True)
class Candidate:
    """One output, and whether it fits a slot; ``reason`` says why not."""

    reference: str
    job: str
    output: str
    title: str
    fits: bool
    reason: str


def list_candidates(project: ProjectPaths, type_name: str, slot: str, *, promised: bool = False) -> list[Candidate]:
    """Return what could fill a slot of a job type, the newest job first, of each job what fits before what does not.

    Parameters
    ----------
    promised : bool
        Whether outputs that queued or running jobs are still to make will do, as on a lane.

    Raises
    ------
    InputError
        There is no such job type, or it has no such slot.
    """
    described = describe_parameters(job_type(type_name))
    wanted = described[slot].slot if slot in described else None
    if wanted is None:
        slots = ", ".join(name for name, parameter in described.items() if parameter.slot)
        raise InputError(f"{type_name} has no input slot {slot!r}: it has {slots or 'none'}")
    found = []
    for paths in reversed(list_jobs(project)):
        if not paths.record.exists():
            continue
        kind = job_type(read_job(paths).type)
        outputs = [output for output in list_promised_outputs(paths) if promised or output.path.exists()]
        of_job = []
        for output in outputs:
            reference = f"{paths.name}.{output.name}"
            try:
                resolve_input(project, reference, wanted, promised=promised)
                reason = ""
            except TriskelionError as error:
                reason = str(error)
            of_job.append(Candidate(reference, paths.name, output.name, kind.title, not reason, reason))
        found += sorted(of_job, key=lambda candidate: not candidate.fits)
    return found
