"""The sharpened map: the average of the half maps, FSC-weighted, with its B-factor undone, low-passed at its resolution."""

from dataclasses import dataclass

import torch

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.fourier.filters import apply_gain, b_factor_gain, butterworth_gain, interpolate_shell_gain
from triskelion.resolution.curves import FscCurves
from triskelion.resolution.fsc import average_map, tight_mask
from triskelion.resolution.guinier import FEWEST_SHELLS, GuinierFit, fit_guinier, fsc_weight

LOWPASS_ORDER = 8
COARSEST_SHELL = 2  # of the low-pass, where the half maps have nothing in common


@dataclass(frozen=True, eq=False)
class SharpenedMap:
    """A sharpened map and how it was made.

    Attributes
    ----------
    volume : Volume
    b_factor_A2 : float
        The B-factor used: amplitudes were multiplied by exp(+B k² / 4).
    guinier : GuinierFit or None
        None where the resolution lies below 3 shells, so that nothing could be fitted.
    """

    volume: Volume
    b_factor_A2: float
    guinier: GuinierFit | None


def sharpen(half_a: Volume, half_b: Volume, curves: FscCurves, mask: Mask | None = None, b_factor_A2: float | None = None) -> SharpenedMap:
    """Sharpen the average of two half maps.

    Amplitudes are multiplied by C_ref(k) exp(+B k² / 4), both kept at their value at the headline resolution beyond it, and by an 8th-order
    Butterworth low-pass at that resolution. The map stays unmasked. Below 3 shells nothing is fitted.

    Parameters
    ----------
    half_a, half_b : Volume
        Unfiltered half maps.
    curves : FscCurves
        Theirs.
    mask : Mask, optional
        The user's mask behind ``curves``; the tight one where there is none. The Guinier fit is made inside it.
    b_factor_A2 : float, optional
        Positive sharpens. Default: that of the Guinier fit; 0 if the fit is negative or there is none.

    Raises
    ------
    InputError
        If maps and mask are not on one grid.
    """
    require_same_grid(half_a, half_b, "half map a", "half map b")
    if mask is not None:
        require_same_grid(half_a, mask, "half map a", "the mask")
    average = average_map(half_a, half_b)
    fit = None
    if curves.crossing().shell >= FEWEST_SHELLS:
        inside = average.array * (mask or tight_mask(half_a, half_b)).array
        fit = fit_guinier(Volume(inside, average.pixel_size_A), curves.curves[curves.headline], curves.resolution_A())
    fitted = max(fit.b_factor_A2, 0.0) if fit is not None else 0.0
    used = fitted if b_factor_A2 is None else float(b_factor_A2)
    return SharpenedMap(_apply_sharpening(average, curves, used), used, fit)


def _apply_sharpening(average: Volume, curves: FscCurves, b_factor_A2: float) -> Volume:
    crossing = curves.crossing()
    weight = fsc_weight(curves.curves[curves.headline])
    if crossing.first_below is not None:  # a curve that comes up again beyond its resolution is no signal
        weight[crossing.first_below :] = weight[crossing.first_below - 1]
    unit = average.box_px * average.pixel_size_A
    cutoff_per_A = max(crossing.shell, COARSEST_SHELL) / unit

    def gain(frequency: torch.Tensor) -> torch.Tensor:
        c_ref = interpolate_shell_gain(torch.from_numpy(weight), frequency * unit)
        return c_ref * b_factor_gain(frequency.clamp(max=cutoff_per_A), b_factor_A2) * butterworth_gain(frequency, cutoff_per_A, LOWPASS_ORDER)

    return Volume(apply_gain(torch.from_numpy(average.array), average.pixel_size_A, gain).numpy(), average.pixel_size_A)
