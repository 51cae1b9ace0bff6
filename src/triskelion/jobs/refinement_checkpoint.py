"""The checkpoint of a refinement: what an interrupted job needs to go on to the same result, bit for bit.

It is taken before each iteration, so there is none after the last: a job that is interrupted while it reports repeats that iteration.
What the images and the inputs give again (residuals, masks) is not kept.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from triskelion.jobs.context import JobContext
from triskelion.jobs.report_refinement import IterationFigures

if TYPE_CHECKING:
    from triskelion.refine.refinement import Refinement
    from triskelion.refine.state import Start

POSES_OF_START = ("rotations", "shifts_px", "consensus_rotations", "consensus_shifts_px")
ENGINE, SHARED, START = "engine.", "shared.", "start."


def pack_checkpoint(refinement: "Refinement", history: list[IterationFigures]) -> dict[str, np.ndarray]:
    """Put the start (the rest may have been refined), the engine's state, the shared quantities and the figures so far into arrays."""
    start, engine, settled = refinement.start, refinement.state(), refinement.means.shared.settled
    return {
        **{f"{START}{name}": getattr(start, name) for name in POSES_OF_START},
        f"{START}half_maps": np.stack(start.half_maps),
        **{f"{ENGINE}{name}": value for name, value in engine.items()},
        **{f"{SHARED}{name}": value for name, value in settled.items()},
        "history": np.array(history, np.float64).reshape(-1, len(IterationFigures._fields)),
    }


def restore_start(start: "Start", checkpoint: Mapping[str, np.ndarray]) -> "Start":
    """Return the start from which the interrupted job refined the domain."""
    half_a, half_b = checkpoint[f"{START}half_maps"]
    return replace(start, half_maps=(half_a, half_b), **{name: checkpoint[f"{START}{name}"] for name in POSES_OF_START})


def continue_refinement(context: JobContext, refinement: "Refinement", checkpoint: Mapping[str, np.ndarray]) -> list[IterationFigures]:
    """Bring a refinement, made from the start it had, to where the job was interrupted; return the figures of the iterations done."""
    refinement.restore(_part(checkpoint, ENGINE))
    refinement.means.shared.settled |= _part(checkpoint, SHARED)
    history = [IterationFigures(*row) for row in checkpoint["history"].tolist()]
    context.log(f"continued from the checkpoint: {len(history)} iterations were done")
    return history


def _part(checkpoint: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in checkpoint.items() if name.startswith(prefix)}
