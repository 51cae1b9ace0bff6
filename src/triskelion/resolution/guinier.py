"""The Guinier plot: how fast amplitudes fall with the frequency, as a B-factor.

ln<|F|> of the average map, weighted by C_ref = sqrt(2 FSC / (1 + FSC)), is a line in k² of slope -B/4.
Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721-745.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from triskelion.conventions import resolution_to_shell, shell_frequency_per_A
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import volume_to_fourier

FIT_FROM_A = 10.0  # below, the shape of the particle and the solvent decide, not the B-factor
FEWEST_SHELLS = 3


@dataclass(frozen=True, eq=False)
class GuinierFit:
    """A Guinier plot and the line through it.

    Attributes
    ----------
    frequency_per_A : ndarray, float64, shape (shells,)
    log_amplitude : ndarray, float64, shape (shells,)
        ln of the mean amplitude times C_ref; NaN where the FSC is not positive.
    log_amplitude_unweighted : ndarray, float64, shape (shells,)
    fit_from_A, fit_to_A : float
        Range of the fit.
    intercept : float
    b_factor_A2 : float
        Positive: amplitudes fall as exp(-B k² / 4). Other programs write the same with a minus sign, as what is to be applied.
    note : str
        Why the range is not the usual one; empty if it is.
    """

    frequency_per_A: np.ndarray
    log_amplitude: np.ndarray
    log_amplitude_unweighted: np.ndarray
    fit_from_A: float
    fit_to_A: float
    intercept: float
    b_factor_A2: float
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, None for what is not finite: the data of the plot ``guinier``."""
        plain = lambda values: [float(v) if np.isfinite(v) else None for v in values]
        return {
            "frequency_per_A": self.frequency_per_A.tolist(),
            "log_amplitude": plain(self.log_amplitude),
            "log_amplitude_unweighted": plain(self.log_amplitude_unweighted),
            "fit_from_A": self.fit_from_A,
            "fit_to_A": self.fit_to_A,
            "intercept": self.intercept,
            "b_factor_A2": self.b_factor_A2,
            "note": self.note,
        }


def fsc_weight(curve: np.ndarray) -> np.ndarray:
    """Return C_ref = sqrt(2 FSC / (1 + FSC)), the correlation of the average map with the true one; 0 where the FSC is negative."""
    positive = np.clip(curve, 0, 1)
    return np.sqrt(2 * positive / (1 + positive))


def mean_amplitudes(volume: Volume) -> np.ndarray:
    """Return the mean |F| per shell, float64 (n // 2 + 1,)."""
    amplitude = volume_to_fourier(torch.from_numpy(volume.array)).abs()
    return (shell_sum(amplitude, volume.box_px, 3) / shell_sum(torch.ones_like(amplitude), volume.box_px, 3)).numpy()


def fit_guinier(volume: Volume, curve: np.ndarray, resolution_A: float) -> GuinierFit:
    """Fit the B-factor of a map from 10 Å to its resolution.

    Where that is less than the last third of the shells up to the resolution (a map coarser than 6.7 Å), the last third is fitted instead
    and ``note`` says so: a line through a handful of shells has any slope, and B then says as much about the shape of the particle as about
    disorder.

    Parameters
    ----------
    volume : Volume
        The average of the half maps, under the mask that ``curve`` belongs to.
    curve : ndarray, shape (n // 2 + 1,)
        FSC of the half maps.
    resolution_A : float
        Finite.

    Raises
    ------
    InputError
        If fewer than two shells with positive FSC are left to fit.
    """
    box_px, pixel_size_A = volume.box_px, volume.pixel_size_A
    if not np.isfinite(resolution_A):
        raise InputError("no B-factor can be fitted: the half maps have nothing in common (infinite resolution); give b_factor_A2")
    amplitude, shells = mean_amplitudes(volume), np.arange(box_px // 2 + 1)
    frequency = shell_frequency_per_A(shells, box_px, pixel_size_A)
    with np.errstate(divide="ignore"):
        unweighted, weighted = np.log(amplitude), np.log(amplitude * fsc_weight(curve))
    weighted[~np.isfinite(weighted)] = np.nan
    last = resolution_to_shell(resolution_A, box_px, pixel_size_A)
    first, note = resolution_to_shell(FIT_FROM_A, box_px, pixel_size_A), ""
    usable = lambda start: (shells >= max(start, 1)) & (shells <= last + 1e-6) & np.isfinite(weighted)
    if first > last * 2 / 3:
        first = min(last * 2 / 3, last - FEWEST_SHELLS + 1)
        note = f"{FIT_FROM_A:g} Å to the resolution is a short range: fitted to the last third of the shells up to it"
    chosen = usable(first)
    if chosen.sum() < 2:
        raise InputError(f"no B-factor can be fitted: {chosen.sum()} shells with positive FSC up to {resolution_A:.2f} Å; give b_factor_A2")
    slope, intercept = np.polyfit(frequency[chosen] ** 2, weighted[chosen], 1)
    fit_from_A = box_px * pixel_size_A / shells[chosen][0]
    return GuinierFit(frequency, weighted, unweighted, float(fit_from_A), float(resolution_A), float(intercept), float(-4 * slope), note)
