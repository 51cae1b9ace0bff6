"""When a refinement has converged: resolution and poses have both stopped to improve."""

from dataclasses import dataclass

LEAST_ITERATIONS = 5
PATIENCE = 2  # iterations without any progress
LEAST_SHELL_GAIN = 0.25
LEAST_POSE_DROP = 0.05  # relative drop of the median pose change that still counts as progress
SMALL_CHANGE_DEG = 0.1
SMALL_SHARE = 0.4  # of what rotations are known to: steps so small only follow the draws of the back-projection


@dataclass(frozen=True)
class Progress:
    """What one iteration reached.

    Attributes
    ----------
    fsc_shell : float
        Where the headline FSC drops below 0.143.
    median_change_deg : float
        Since the iteration before.
    known_to_deg : float
        Median posterior standard deviation of the angle of a rotation.
    """

    fsc_shell: float
    median_change_deg: float
    known_to_deg: float

    @property
    def is_calm(self) -> bool:
        """Whether the poses hardly moved."""
        return self.median_change_deg <= max(SMALL_CHANGE_DEG, SMALL_SHARE * self.known_to_deg)


def has_converged(history: list[Progress]) -> bool:
    """Say whether the last ``PATIENCE`` iterations brought no better FSC, and poses that were calm or no calmer than the best before them."""
    if len(history) < max(LEAST_ITERATIONS, PATIENCE + 1):
        return False
    earlier, recent = history[:-PATIENCE], history[-PATIENCE:]
    best_shell = max(p.fsc_shell for p in earlier)
    calmest = min(p.median_change_deg for p in earlier)
    better = any(p.fsc_shell > best_shell + LEAST_SHELL_GAIN for p in recent)
    calmer = any(p.median_change_deg < (1 - LEAST_POSE_DROP) * calmest for p in recent)
    return not better and (all(p.is_calm for p in recent) or not calmer)
