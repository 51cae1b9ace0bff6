"""Per-particle scale: the contrast s of each image in X = s C P + n, as ice thickness and dose make it.

It is measured against the whole particle, never a domain: a domain that is turned would look faint. Each image's own estimate
s = Re sum conj(m) b / sum W |m|², m the projection of the own half map at the consensus pose, has a standard error e = 1 / sqrt(sum W |m|²).
Particles scatter about the mean of their optics group with a variance tau² that is what the errors leave of the scatter of the estimates
(Paule & Mandel (1982) J. Res. NBS 87, 377-385); an image's contrast is the mean of its posterior under that prior. Map and contrast are
known but for a common factor, so the mean contrast is 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.imaging.comparison import compare_with_projections
from triskelion.imaging.stream import ImageStream
from triskelion.kernels.interface import FourierVolume, Kernels

RELIABLE_FSC = 0.95  # where half maps agree less, errors of poses blur the map, each image in its own way: they would pass for contrast
FINEST_A = 20.0  # many particles make half maps agree however their poses err
COARSEST_SHELL = 4  # a disc never holds fewer shells
LOWEST, HIGHEST = 0.2, 3.0  # beyond: no particle, or something else beside it
CHANCE_SD = 2.0  # scatter up to so many standard errors beyond that of the errors is chance
BISECTIONS = 60


@dataclass(frozen=True)
class Contrast:
    """Contrast of each particle.

    Attributes
    ----------
    values : ndarray (p,)
        Mean of the posterior, between 0.2 and 3; their mean is 1 but for what those limits cut off.
    spread : float
        tau, the standard deviation of the true contrast within an optics group.
    error : ndarray (p,)
        Standard error of each image's own estimate.
    n_limited : int
        How many particles were at a limit.
    """

    values: np.ndarray
    spread: float
    error: np.ndarray
    n_limited: int


def contrast_disc(disc: FourierDisc, gain: np.ndarray, pixel_size_A: float) -> FourierDisc:
    """Return the inner part of a disc: to where the half maps agree (FSC ``gain`` per shell, 0.95), and to 20 Å at most."""
    lost = np.flatnonzero(gain[1:] < RELIABLE_FSC)
    agreeing = int(lost[0]) if len(lost) else len(gain) - 1
    finest = int(disc.box_px * pixel_size_A / FINEST_A)
    return fourier_disc(disc.box_px, min(max(agreeing, COARSEST_SHELL), max(finest, COARSEST_SHELL), int(disc.shell[-1])))


def estimate_contrast(
    stream: ImageStream,
    volumes: tuple[FourierVolume, FourierVolume],
    half_set: np.ndarray,
    rotations: np.ndarray,
    shifts_px: np.ndarray,
    sigma2: np.ndarray,
    kernels: Kernels,
    advance: Callable[[int], None] = lambda steps: None,
) -> Contrast:
    """Estimate the contrast of all particles in one pass over their images, whatever contrast they carry.

    Parameters
    ----------
    stream : ImageStream
        On a disc of reliable resolution (``contrast_disc``).
    volumes : tuple of FourierVolume
        Half a, half b of the whole particle, on the grey scale of the images.
    half_set : ndarray (p,)
    rotations, shifts_px : ndarray (p, 3, 3), (p, 2)
        Consensus poses.
    sigma2 : ndarray (groups, shells)
        Noise about the consensus; with that of the images themselves, which holds the signal, errors come out too large.
    kernels : Kernels
    advance : callable, optional
        Told how many images were done.
    """
    cross, power = measure_contrast(stream, volumes, half_set, rotations, shifts_px, sigma2, kernels, advance)
    group = stream.particles["optics_group"]
    return shrink_contrast(cross, power, group, contrast_prior(cross, power, group))


def measure_contrast(
    stream: ImageStream,
    volumes: tuple[FourierVolume, FourierVolume],
    half_set: np.ndarray,
    rotations: np.ndarray,
    shifts_px: np.ndarray,
    sigma2: np.ndarray,
    kernels: Kernels,
    advance: Callable[[int], None] = lambda steps: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return Re sum conj(m) b and sum W |m|² (p,) of all particles in half-sets at contrast 1, 0 of others.

    A half's sums depend on its own images alone.
    """
    plain = stream.with_contrast(np.ones(len(stream)))
    cross, power = np.zeros(len(stream)), np.zeros(len(stream))
    for half, volume in zip((HALF_A, HALF_B), volumes, strict=True):
        for rows, images in plain.blocks(np.flatnonzero(half_set == half), advance):
            cross[rows], power[rows] = compare_with_projections(images, volume, rotations[rows], shifts_px[rows], sigma2, kernels)
    return cross, power


def contrast_prior(cross: np.ndarray, power: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Estimate how contrast is distributed: a quantity that both half-sets share.

    Returns
    -------
    ndarray (2 + groups,)
        The mean of all estimates, tau² and the mean of each optics group, the latter two in units of the first.
    """
    estimates, error = _own_estimates(cross, power)
    variance = _spread_variance(estimates, error, group)
    means = np.ones(int(group.max()) + 1)
    for index in np.unique(group):
        means[index] = _group_mean(estimates[group == index], error[group == index], variance)
    center = float(means[group].mean())
    if not center > 0:  # no signal, and no scale to speak of
        return np.concatenate([[1.0, 0.0], np.ones(len(means))])
    return np.concatenate([[center, variance / center**2], means / center])


def shrink_contrast(cross: np.ndarray, power: np.ndarray, group: np.ndarray, prior: np.ndarray) -> Contrast:
    """Draw each image's own estimate, from the sums (p,) of ``measure_contrast``, to the mean of its group as far as its error asks."""
    center, variance, means = float(prior[0]), float(prior[1]), prior[2:][group]
    estimates, error = (of_image / center for of_image in _own_estimates(cross, power))
    trust = variance / (variance + error**2) if variance > 0 else np.zeros(len(error))
    values = means + trust * (estimates - means)
    limited = np.clip(values, LOWEST, HIGHEST)
    return Contrast(limited, float(np.sqrt(variance)), error, int((limited != values).sum()))


def _own_estimates(cross: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each image says by itself, and its standard error; infinite where it says nothing."""
    known = power > 0
    estimates = np.divide(cross, power, out=np.ones(len(power)), where=known)
    return estimates, np.divide(1.0, np.sqrt(power), out=np.full(len(power), np.inf), where=known)


def _group_mean(estimates: np.ndarray, error: np.ndarray, variance: float) -> float:
    """Mean of the estimates (n,), each by the inverse of its variance."""
    weight = 1 / (variance + error**2)
    return float((weight * estimates).sum() / weight.sum()) if weight.sum() > 0 else 1.0


def _spread_variance(estimates: np.ndarray, error: np.ndarray, group: np.ndarray) -> float:
    """tau² at which the estimates scatter about the means of their groups as they should; 0 where chance explains the scatter."""
    members = [group == index for index in np.unique(group[np.isfinite(error)])]
    free = int(np.isfinite(error).sum()) - len(members)

    def scatter(variance: float) -> float:
        parts = ((estimates[rows], error[rows]) for rows in members)
        return sum(float(((own - _group_mean(own, of, variance)) ** 2 / (variance + of**2)).sum()) for own, of in parts)

    if free < 1 or scatter(0.0) <= free + CHANCE_SD * np.sqrt(2 * free):
        return 0.0
    low, high = 0.0, float(np.ptp(estimates)) ** 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if scatter(middle) > free else (low, middle)
    return (low + high) / 2
