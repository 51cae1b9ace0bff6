"""Settings and chance: settings of a job compared by the FSC that they give on several subsets of the particles.

A score is the mean of the corrected FSC over one band of frequencies, the same for all. Scores q of settings i on subsets j are taken as

    q_ij = mean + setting_i + subset_j + chance_ij,

so that a subset which is good for all settings alike says nothing. The variance of chance is that of what is left without the means of rows and
columns, with (S - 1)(R - 1) degrees of freedom; F = R var(means of settings) / var(chance) says whether settings differ by more than it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from triskelion.conventions import resolution_to_shell
from triskelion.errors import InputError
from triskelion.resolution.crossing import FIRST_SHELL
from triskelion.resolution.curves import FscCurves

SIGNIFICANT = 0.05
ROUNDING = 1e-7  # of an FSC
COARSE_END, FINE_END = 3.0, 0.75  # of the band, times the median resolution of all


@dataclass(frozen=True)
class SettingsTest:
    """What a series says.

    Attributes
    ----------
    means : ndarray (s,)
        Mean score of each setting over the subsets; NaN for a setting that failed on one.
    settings_sd : float
        Spread of these means.
    chance_sd : float
        Spread that chance alone would give them; NaN where there is one subset only.
    probability : float
        Of settings that differ as much or more by chance; NaN where that is not known.
    best : int
    as_good : ndarray (s,), bool
        The best, and those that chance may have kept from being it.
    """

    means: np.ndarray
    settings_sd: float
    chance_sd: float
    probability: float
    best: int
    as_good: np.ndarray

    @property
    def is_noise(self) -> bool | None:
        """Whether chance explains the differences; None where that is not known."""
        return None if np.isnan(self.probability) else self.probability > SIGNIFICANT


def choose_band_A(resolutions_A: np.ndarray, pixel_size_A: float, coarse_A: float | None = None, fine_A: float | None = None) -> tuple[float, float]:
    """Return the ends (Å) of the band that scores are taken over, from the resolutions of all runs where they are not given.

    Raises
    ------
    InputError
        The band is empty.
    """
    finite = resolutions_A[np.isfinite(resolutions_A)]
    middle_A = float(np.median(finite)) if len(finite) else 4 * pixel_size_A
    coarse = COARSE_END * middle_A if coarse_A is None else coarse_A
    fine = max(FINE_END * middle_A, 2 * pixel_size_A) if fine_A is None else fine_A
    if not coarse > fine >= 2 * pixel_size_A:
        raise InputError(f"the band of the FSC goes from {coarse:.3g} to {fine:.3g} Å, wanted from coarse to fine, {2 * pixel_size_A:.3g} Å at most")
    return coarse, fine


def score_curves(curves: FscCurves, band_A: tuple[float, float]) -> float:
    """Return the mean of the headline FSC over the shells of a band."""
    first, last = (resolution_to_shell(end_A, curves.box_px, curves.pixel_size_A) for end_A in band_A)
    shells = np.arange(max(int(np.ceil(first)), FIRST_SHELL), min(int(np.floor(last)), curves.box_px // 2) + 1)
    if not len(shells):
        raise InputError(f"no shell lies between {band_A[0]:.3g} and {band_A[1]:.3g} Å: give a wider band")
    return float(curves.curves[curves.headline][shells].mean())


def compare_settings(scores: np.ndarray) -> SettingsTest:
    """Compare settings.

    Parameters
    ----------
    scores : ndarray (settings, subsets)
        NaN where a run failed.

    Raises
    ------
    InputError
        No setting has all its scores.
    """
    complete = ~np.isnan(scores).any(axis=1)
    if not complete.any():
        raise InputError("no setting ran on all subsets, so nothing can be compared: see what the runs say")
    means = np.where(complete, scores.mean(axis=1), np.nan)
    kept = scores[complete]
    n_settings, n_subsets = kept.shape
    settings_sd = float(kept.mean(axis=1).std(ddof=1)) if n_settings > 1 else 0.0
    best = int(np.nanargmax(means))
    freedom = (n_settings - 1) * (n_subsets - 1)
    if freedom == 0:
        return SettingsTest(means, settings_sd, np.nan, np.nan, best, means == means[best])
    left = kept - kept.mean(axis=1, keepdims=True) - kept.mean(axis=0) + kept.mean()
    chance_sd = float(np.sqrt((left**2).sum() / freedom / n_subsets))
    # settings that change nothing leave nothing but rounding in both
    ratio = 0.0 if settings_sd < ROUNDING else (settings_sd / chance_sd) ** 2 if chance_sd > 0 else np.inf
    probability = float(stats.f.sf(ratio, n_settings - 1, freedom))
    least_difference = stats.t.ppf(1 - SIGNIFICANT / 2, freedom) * np.sqrt(2) * chance_sd
    return SettingsTest(means, settings_sd, chance_sd, probability, best, means >= means[best] - least_difference)
