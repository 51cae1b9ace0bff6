"""The doctor of a project: looks at every job, mends what can be mended without losing anything, and says what to do about the rest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from triskelion.project.check_images import check_images
from triskelion.project.check_jobs import check_folder, check_inputs, check_json, check_leftovers, check_outputs, check_project, check_worker
from triskelion.project.finding import Finding
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.store import list_jobs

_CHECKS: tuple[Callable[[JobPaths], Iterator[Finding]], ...] = (
    check_json,
    check_worker,
    check_leftovers,
    check_inputs,
    check_outputs,
    check_images,
)


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes
    ----------
    n_jobs : int
    findings : tuple of Finding
        Those that were mended among them.
    """

    n_jobs: int
    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is left to be mended."""
        return all(finding.mended for finding in self.findings)


def examine_project(project: ProjectPaths, mend: bool = False) -> Diagnosis:
    """Check a project and every job of it.

    Parameters
    ----------
    mend : bool
        Mend what can be mended. Results, tables, notes and images are never removed or changed.
    """
    jobs = list_jobs(project)
    findings: list[Finding] = []
    for finding in chain(check_project(project), *map(_examine_job, jobs)):
        if mend and finding.mend is not None:
            finding.mend()
            finding = replace(finding, mended=True)
        findings.append(finding)
    return Diagnosis(len(jobs), tuple(findings))


def _examine_job(paths: JobPaths) -> Iterator[Finding]:
    """Check one job; one that was never made to its end has nothing else to be checked."""
    incomplete = list(check_folder(paths))
    yield from incomplete
    if not incomplete:
        for check in _CHECKS:
            yield from check(paths)
