"""When a refinement has converged: resolution and poses have both stopped to improve."""

from dataclasses import dataclass

LEAST_ITERATIONS = 5
PATIENCE = 2  # iterations without any progress
LEAST_SHELL_GAIN = 0.25
LEAST_POSE_DROP = 0.05  # relative drop of the median pose change that still counts as progress
SMALL_CHANGE_DEG = 0.1


@dataclass(frozen=True)
class Progress:
    """What one iteration reached."""

    fsc_shell: float
    median_change_deg: float


def has_converged(history: list[Progress]) -> bool:
    """Say whether the last ``PATIENCE`` iterations brought no better FSC and no calmer poses than the best before them."""
    if len(history) < max(LEAST_ITERATIONS, PATIENCE + 1):
        return False
    earlier, recent = history[:-PATIENCE], history[-PATIENCE:]
    best_shell = max(p.fsc_shell for p in earlier)
    calmest = min(p.median_change_deg for p in earlier)
    better = any(p.fsc_shell > best_shell + LEAST_SHELL_GAIN for p in recent)
    calmer = any(p.median_change_deg < (1 - LEAST_POSE_DROP) * calmest and p.median_change_deg > SMALL_CHANGE_DEG for p in recent)
    return not (better or calmer)
