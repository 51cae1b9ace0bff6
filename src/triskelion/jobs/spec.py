"""What a job is: a name, a pydantic model of its parameters, the files it leaves, a function that runs it.

One field of the model is the option of the command line, the argument in Python, the entry in job.json
and the line in docs/jobs. Heavy imports (torch, numba) stand inside ``run``, so that listing jobs is instant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SlotKind = Literal["particles", "volume", "mask", "segmentation"]


class JobParameters(BaseModel):
    """Base of every job's parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    seed: int = Field(0, ge=0, lt=2**32, title="Seed", description="Every random number of the job follows from it.")


def parameter(default: Any = ..., *, title: str, help: str, unit: str = "", advanced: bool = False, **bounds: Any) -> Any:
    """Describe one parameter: title, one sentence of help, unit, bounds (ge, gt, le, lt)."""
    return Field(default, title=title, description=help, json_schema_extra={"unit": unit, "advanced": advanced}, **bounds)


def slot(kind: SlotKind, *, title: str, help: str, optional: bool = False) -> Any:
    """Describe an input slot, whose value is ``J5``, ``J5.name`` or the path of a file.

    Its annotation is ``str`` (``str | None`` where optional), or ``tuple[str, ...]`` for a slot that takes several.
    """
    return Field(None if optional else ..., title=title, description=help, json_schema_extra={"slot": kind})


@dataclass(frozen=True)
class JobType:
    """A kind of job.

    Attributes
    ----------
    name : str
        As typed: ``local_refinement``.
    title : str
        One line for people.
    parameters : type of JobParameters
    run : callable (parameters, context) -> None
    outputs : dict of str to SlotKind
        File name in the job folder -> kind; the first of a kind is what ``J5`` means in a slot of that kind.
    preview : callable (parameters, context) -> None, optional
        Logs what the job would do, through a context that reads, logs and warns, and does nothing else.
    starts_jobs : bool
        Whether it runs other jobs of the project, and does little itself.
    """

    name: str
    title: str
    parameters: type[JobParameters]
    run: Callable[[Any, Any], None]
    outputs: dict[str, SlotKind]
    preview: Callable[[Any, Any], None] | None = None
    starts_jobs: bool = False
