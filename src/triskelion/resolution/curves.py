"""The FSC curves of a pair of half maps, what they say, and the formats they are written in."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np

from triskelion.resolution.crossing import Crossing, find_crossing
from triskelion.resolution.noise_substitution import SHELLS_LEFT_OUT

FSC_THRESHOLD = 0.143
TIGHT_MASK_LOSS = 0.1  # corrected below masked by more than this ...
TIGHT_MASK_SHELLS = 3  # ... in this many corrected shells before the crossing, or in all of two: the mask is too tight
CURVE_NAMES = ("none", "spherical", "loose", "tight", "corrected", "user", "user_corrected")
CORRECTED_OF = {"tight": "corrected", "user": "user_corrected"}


class LostShells(NamedTuple):
    """Shells that a mask costs: where the corrected FSC lies far below the masked one."""

    number: int
    looked_at: int

    @property
    def too_many(self) -> bool:
        """Whether the mask is too tight."""
        return self.number >= TIGHT_MASK_SHELLS or self.number == self.looked_at == 2


def count_lost_shells(masked: np.ndarray, corrected: np.ndarray, first_shell: int) -> LostShells:
    """Count the shells in which ``corrected`` lies more than 0.1 below ``masked``, from the first corrected one to the crossing of ``masked``."""
    end = math.floor(find_crossing(masked, FSC_THRESHOLD).shell) + 1
    lost = (masked - corrected > TIGHT_MASK_LOSS)[first_shell + SHELLS_LEFT_OUT : end]
    return LostShells(int(lost.sum()), len(lost))


@dataclass(frozen=True, eq=False)
class FscCurves:
    """FSC curves of two half maps.

    Attributes
    ----------
    box_px : int
    pixel_size_A : float
    frequency_per_A : ndarray, float64, shape (n // 2 + 1,)
        Of shells 0 ... n // 2.
    curves : dict of ndarray, float64, shape (n // 2 + 1,)
        ``none``, ``spherical``, ``loose``, ``tight``, ``corrected`` and, with a mask of the user's, ``user`` and ``user_corrected``.
    randomized : dict of ndarray
        FSC of the masked halves (``tight``, ``user``) with random phases; empty where the unmasked FSC never drops.
    randomized_from_shell : int or None
        First shell with random phases.
    """

    box_px: int
    pixel_size_A: float
    frequency_per_A: np.ndarray
    curves: Mapping[str, np.ndarray]
    randomized: Mapping[str, np.ndarray] = field(default_factory=dict)
    randomized_from_shell: int | None = None

    @property
    def headline(self) -> str:
        """Name of the curve that gives the resolution: ``user_corrected`` where there is one, else ``corrected``."""
        return "user_corrected" if "user_corrected" in self.curves else "corrected"

    def crossing(self, name: str | None = None, threshold: float = FSC_THRESHOLD) -> Crossing:
        """Return where a curve (default: the headline) drops below a threshold."""
        return find_crossing(self.curves[name or self.headline], threshold)

    def resolution_A(self, name: str | None = None, threshold: float = FSC_THRESHOLD) -> float:
        """Return the resolution by a curve (default: the headline): infinite for noise, Nyquist where it never drops."""
        return self.crossing(name, threshold).resolution_A(self.box_px, self.pixel_size_A)

    def reaches_nyquist(self, name: str | None = None) -> bool:
        """Say whether a curve (default: the headline) never drops below 0.143: smaller pixels would show more."""
        return self.crossing(name).first_below is None

    def tight_mask_shells(self) -> LostShells:
        """Return in how many shells the headline lies more than 0.1 below its masked curve."""
        if self.randomized_from_shell is None:
            return LostShells(0, 0)
        masked = self.curves["user" if self.headline == "user_corrected" else "tight"]
        return count_lost_shells(masked, self.curves[self.headline], self.randomized_from_shell)

    def warnings(self) -> list[str]:
        """Return what a person should know before believing the resolution."""
        found = []
        lost = self.tight_mask_shells()
        if lost.too_many:
            found.append(
                f"the corrected FSC lies more than {TIGHT_MASK_LOSS} below the masked one in {lost.number} of {lost.looked_at} shells: "
                "the mask is too tight or its edge too sharp; give it more soft padding"
            )
        if math.isinf(self.resolution_A()):
            found.append(f"the FSC ({self.headline}) is below {FSC_THRESHOLD} from the first shells on: the half maps have nothing in common")
        elif self.reaches_nyquist():
            found.append(
                f"the FSC ({self.headline}) does not drop below {FSC_THRESHOLD}: the resolution is limited by the pixel size "
                f"(Nyquist, {self.resolution_A():.2f} Å), or the half maps are not independent"
            )
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain lists and numbers, None standing for an infinite resolution: the data of the plot ``gsfsc``."""
        start = self.randomized_from_shell
        return {
            "box_px": self.box_px,
            "pixel_size_A": float(self.pixel_size_A),
            "frequency_per_A": self.frequency_per_A.tolist(),
            "curves": {name: curve.tolist() for name, curve in self.curves.items()},
            "randomized": {name: curve.tolist() for name, curve in self.randomized.items()},
            "randomized_from_A": None if start is None else self.box_px * self.pixel_size_A / start,
            "headline": self.headline,
            "headline_resolution_A": finite_or_none(self.resolution_A()),
            "resolution_A": {name: finite_or_none(self.resolution_A(name)) for name in self.curves},
            "resolution_0.5_A": {name: finite_or_none(self.resolution_A(name, 0.5)) for name in self.curves},
            "at_nyquist": [name for name in self.curves if self.reaches_nyquist(name)],
        }


def finite_or_none(value: float) -> float | None:
    """Return the value, None where it is infinite: JSON has no infinity."""
    return value if math.isfinite(value) else None


def format_fsc_text(curves: FscCurves) -> str:
    """Write the curves as a table: shell, frequency (1/Å), resolution (Å), one column per curve."""
    columns = dict(curves.curves) | {f"{name}_randomized": curve for name, curve in curves.randomized.items()}
    widths = [max(len(name), 9) for name in columns]
    head = "# shell  frequency_per_A  resolution_A  " + "  ".join(name.rjust(width) for name, width in zip(columns, widths, strict=True))
    lines = [head]
    for shell, frequency in enumerate(curves.frequency_per_A):
        resolution = 1 / frequency if frequency > 0 else math.inf
        values = "  ".join(f"{column[shell]:{width}.6f}" for column, width in zip(columns.values(), widths, strict=True))
        lines.append(f"{shell:7d}  {frequency:15.8f}  {resolution:12.4f}  {values}")
    return "\n".join(lines) + "\n"


def format_fsc_xml(curves: FscCurves, title: str = "Triskelion FSC") -> str:
    """Write the headline curve in the XML format that EMDB takes."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<fsc title={quoteattr(title)} xaxis="Resolution (A-1)" yaxis="Correlation Coefficient">')
    for frequency, value in zip(curves.frequency_per_A, curves.curves[curves.headline], strict=True):
        lines += ["  <coordinate>", f"    <x>{frequency:.8f}</x>", f"    <y>{value:.6f}</y>", "  </coordinate>"]
    return "\n".join([*lines, "</fsc>"]) + "\n"
