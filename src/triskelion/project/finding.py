"""What the doctor of a project finds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something wrong with a job or with the project.

    Attributes
    ----------
    job : str
        ``J5``, or ``project``.
    what : str
        What is wrong; names file and number of rows where there are any.
    advice : str
        What mending does, or what a person can do.
    mend : callable, optional
        Mends it without losing anything; None where the program cannot.
    mended : bool
    """

    job: str
    what: str
    advice: str
    mend: Callable[[], object] | None = None
    mended: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {"job": self.job, "what": self.what, "advice": self.advice, "can_be_mended": self.mend is not None, "mended": self.mended}
