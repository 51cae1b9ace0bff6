"""Where a correlation curve drops below a threshold."""

from dataclasses import dataclass

import numpy as np

from triskelion.conventions import shell_to_resolution_A

FIRST_SHELL = 2  # shells 0 and 1 hold too few coefficients to say anything


@dataclass(frozen=True)
class Crossing:
    """Where a curve drops below a threshold.

    Attributes
    ----------
    shell : float
        Fractional shell; 0 where the curve lies below from the start (noise), the last shell where it never drops.
    first_below : int or None
        First whole shell below the threshold; None where the curve never drops below it.
    """

    shell: float
    first_below: int | None

    def resolution_A(self, box_px: int, pixel_size_A: float) -> float:
        """Return the resolution; infinite for noise, the last shell's (Nyquist) for a curve that never drops."""
        return shell_to_resolution_A(self.shell, box_px, pixel_size_A)


def find_crossing(curve: np.ndarray, threshold: float) -> Crossing:
    """Find the first shell, from shell 2 on, below ``threshold``, and interpolate linearly in frequency from the shell before.

    Parameters
    ----------
    curve : ndarray, shape (shells,)
        Correlation of shells 0, 1, 2 ...
    threshold : float
    """
    below = np.flatnonzero(curve[FIRST_SHELL:] < threshold) + FIRST_SHELL
    if not len(below):
        return Crossing(float(len(curve) - 1), None)
    shell = int(below[0])
    before, after = float(curve[shell - 1]), float(curve[shell])
    if before < threshold:  # only possible in shell 1
        return Crossing(0.0, shell)
    return Crossing(shell - 1 + (before - threshold) / (before - after), shell)
