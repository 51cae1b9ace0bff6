"""A form that is being filled in, checked as it stands: what does not fit and where, what differs from the defaults, the same on the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triskelion.errors import TriskelionError
from triskelion.jobs.registry import job_type
from triskelion.project.connect import resolve_input
from triskelion.project.layout import ProjectPaths
from triskelion.project.parameters import changed_parameters, command_line, describe_parameters, find_problems


@dataclass(frozen=True)
class FormCheck:
    """What there is to say of a form.

    Attributes
    ----------
    problems : dict of str to str
        For each parameter that does not fit, why; "" names what is between several.
    changed : dict
        Parameters that differ from the defaults.
    command : str
        The command line that asks for the same.
    """

    problems: dict[str, str]
    changed: dict[str, Any]
    command: str

    @property
    def is_good(self) -> bool:
        """Whether a job can be made of it."""
        return not self.problems


def check_form(project: ProjectPaths, type_name: str, given: Mapping[str, Any], *, promised: bool = False) -> FormCheck:
    """Check parameters and inputs without making anything.

    Parameters
    ----------
    given : mapping
        What has been filled in; paths relative to the project.
    promised : bool
        Whether inputs that queued or running jobs are still to make will do, as on a lane.

    Raises
    ------
    InputError
        There is no such job type.
    """
    kind = job_type(type_name)
    described = describe_parameters(kind)
    problems = {name: text.removeprefix(f"{name}: ") for name, text in find_problems(kind, given).items()}
    for name, parameter in described.items():
        if parameter.slot and name not in problems and given.get(name) is not None:
            try:
                for reference in [given[name]] if isinstance(given[name], str) else given[name]:
                    resolve_input(project, reference, parameter.slot, promised=promised)
            except TriskelionError as error:
                problems[name] = str(error)
    known = {name: value for name, value in given.items() if name in described}
    filled = kind.parameters.model_validate(dict(given)).model_dump(mode="json") if not find_problems(kind, given) else known
    return FormCheck(problems, changed_parameters(kind, filled), command_line(kind, filled))
