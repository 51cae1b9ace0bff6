"""The iterations of any refinement, a checkpoint before each, until it has converged or may go on no longer."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from triskelion.jobs.context import JobContext
from triskelion.jobs.refinement_checkpoint import pack_checkpoint
from triskelion.jobs.report_refinement import IterationFigures, summarize_iteration

if TYPE_CHECKING:
    from triskelion.refine.refinement import Refinement
    from triskelion.refine.state import IterationResult

SomeRefinement = TypeVar("SomeRefinement", bound="Refinement")
Report = Callable[[JobContext, SomeRefinement, "IterationResult", list[IterationFigures]], None]


def run_iterations(
    context: JobContext, refinement: SomeRefinement, history: list[IterationFigures], report: Report[SomeRefinement], extra_passes: int = 0
) -> "IterationResult":
    """Iterate from where ``history`` ends and report each iteration; ``extra_passes`` are run after convergence. Returns the last result."""
    result = None
    while result is None or not (refinement.is_finished or _passes_after_convergence(history) >= extra_passes):
        context.save_checkpoint(pack_checkpoint(refinement, history))
        with context.progress(len(refinement.batch), f"iteration {len(history) + 1}") as bar:
            result = refinement.run_iteration(bar.advance)
        history.append(summarize_iteration(result))
        context.ranks.by_first(partial(report, context, refinement, result, history))
    return result


def _passes_after_convergence(history: list[IterationFigures]) -> int:
    """Iterations since the first that found the refinement converged, -1 as long as there was none."""
    converged = [place for place, figures in enumerate(history) if figures.converged]
    return len(history) - 1 - converged[0] if converged else -1
