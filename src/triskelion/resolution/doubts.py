"""What is to be doubted of an FSC, seen from the half maps and the curves: each doubt is one sentence for a person.

An FSC is right only if the noise of the two maps is independent and unmasked. Where it is not, the maps themselves tell: they were cut with a mask,
they agree where nothing can be seen any more, or they agree again beyond the resolution.
"""

import numpy as np
import torch

from triskelion.data.volume import Volume
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.masks.automatic import spherical_mask
from triskelion.resolution.crossing import find_crossing
from triskelion.resolution.curves import FSC_THRESHOLD, FscCurves
from triskelion.resolution.noise_substitution import SHELLS_LEFT_OUT

MASKED_SHARE = 0.05  # of the voxels of the inscribed sphere that are exactly 0
LAST_SHELLS = 0.1  # of all: the end of the curve
STANDARD_ERRORS = 4
LEAST_REST = 0.03  # of the FSC at its end: less does no harm
AGAIN = 2 * FSC_THRESHOLD  # what hovers about 0.143 does not come back
SHELLS_AGAIN = 3  # in a row
GREY_RATIO = 1.25  # of the noise of the two maps


def doubt_half_maps(half_a: Volume, half_b: Volume) -> list[str]:
    """Return what speaks against two maps, on one grid, being unmasked and made alike."""
    found = []
    sphere = spherical_mask(half_a.box_px, half_a.pixel_size_A).array > 0.5
    empty = min(float((half.array[sphere] == 0).mean()) for half in (half_a, half_b))
    if empty > MASKED_SHARE:
        found.append(
            f"{100 * empty:.0f} % of the voxels are exactly 0 in both half maps: they were cut with a mask already, which no curve shows; "
            "give the half maps as they were reconstructed"
        )
    rms_a, rms_b = _noise_at_the_end(half_a), _noise_at_the_end(half_b)
    if min(rms_a, rms_b) > 0 and max(rms_a, rms_b) / min(rms_a, rms_b) > GREY_RATIO:
        found.append(
            f"the noise of the half maps differs by a factor of {max(rms_a, rms_b) / min(rms_a, rms_b):.2f}: they were not made alike, "
            "or of unequally many particles"
        )
    return found


def doubt_curves(curves: FscCurves) -> list[str]:
    """Return what speaks against the curves themselves, beyond ``FscCurves.warnings``."""
    return [doubt for doubt in (_doubt_end(curves), _doubt_return(curves), _doubt_chance(curves)) if doubt]


def _noise_at_the_end(half: Volume) -> float:
    """Root mean square of the coefficients of the outermost tenth of the shells."""
    box_px = half.box_px
    coefficients = volume_to_fourier(torch.from_numpy(half.array))
    power = shell_sum(coefficients.real**2 + coefficients.imag**2, box_px, 3).numpy()
    count = _coefficients_of_shells(box_px)
    start = _first_of_the_last(box_px)
    return float(np.sqrt(power[start:].sum() / count[start:].sum()))


def _first_of_the_last(box_px: int) -> int:
    return int((1 - LAST_SHELLS) * (box_px // 2))


def _coefficients_of_shells(box_px: int) -> np.ndarray:
    """Number of coefficients of each shell, conjugates counted, float64 (n // 2 + 1,)."""
    return shell_sum(torch.ones((box_px, box_px, box_px // 2 + 1)), box_px, 3).numpy()


def _doubt_end(curves: FscCurves) -> str:
    """Say whether the unmasked FSC stays above 0 where it ends, although it has dropped before."""
    curve = curves.curves["none"]
    crossing = find_crossing(curve, FSC_THRESHOLD).first_below
    start = _first_of_the_last(curves.box_px)
    if crossing is None or crossing >= start:
        return ""
    independent = _coefficients_of_shells(curves.box_px)[start:] / 2  # a coefficient and its conjugate are one
    mean = float(np.average(curve[start:], weights=independent))
    if mean < max(LEAST_REST, STANDARD_ERRORS / np.sqrt(independent.sum())):
        return ""
    return (
        f"the unmasked FSC does not go to 0 but to {mean:.2f} at the end of the curve: the noise of the half maps is not independent "
        "(particles in both, one reference for both, or a mask or filter before the FSC)"
    )


def _doubt_return(curves: FscCurves) -> str:
    """Say whether the headline, or the unmasked curve, which no mask smears, comes back behind its crossing."""
    for name in (curves.headline, "none"):
        curve, first = curves.curves[name], curves.crossing(name).first_below
        if first is None:
            continue
        run = 0
        for shell in range(first + 1, len(curve)):
            run = run + 1 if curve[shell] > AGAIN else 0
            if run == SHELLS_AGAIN:
                at_A = curves.box_px * curves.pixel_size_A / (shell - SHELLS_AGAIN + 1)
                return (
                    f"the FSC ({'no mask' if name == 'none' else name}) drops at {curves.resolution_A(name):.1f} Å and comes back above {AGAIN:g} at "
                    f"{at_A:.1f} Å: an artefact of that spacing, a wrong CTF, or noise that both maps share"
                )
    return ""


def _doubt_chance(curves: FscCurves) -> str:
    """Say whether random phases reach 0.143 by chance, because the mask holds so little."""
    name = "user" if curves.headline == "user_corrected" else "tight"
    if curves.randomized_from_shell is None or name not in curves.randomized:
        return ""
    rest = curves.randomized[name][curves.randomized_from_shell + SHELLS_LEFT_OUT :]
    if not len(rest):
        return ""
    scatter = float(np.sqrt(np.mean(np.square(rest))))
    if 2 * scatter < FSC_THRESHOLD:
        return ""
    return (
        f"random phases correlate by {scatter:.2f} (rms) inside the mask: {FSC_THRESHOLD} is reached by chance there; "
        "the mask is small or its edge sharp, and the crossing is uncertain by some shells"
    )
