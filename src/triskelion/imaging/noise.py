"""The noise model: sigma2(k), the variance per real component of the noise, per optics group and shell.

sigma2 = half the shell mean of |n|². Only then is the log likelihood in nats and the Gauss-Newton matrix the Fisher matrix.
Images that come multiplied by their CTF have noise C n: there sigma2 = half sum |C n|² / sum C².
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from triskelion.fourier.shells import FourierDisc
from triskelion.imaging.forward import ImageSet
from triskelion.imaging.stream import ImageStream
from triskelion.ranks import Ranks

PRIOR_IMAGES = 50  # neighbouring shells count as much as this many images of the shell itself
SAMPLE = 2000  # images: plenty for a curve


class PowerSums:
    """Power of noise and the gain it has come through, float64 (groups, shells): what parts of a data set add up.

    Parameters
    ----------
    shape : tuple of int
        Groups and shells.
    """

    def __init__(self, shape: tuple[int, ...]):
        self._power, self._gain = np.zeros(shape), np.zeros(shape)

    def take_in(self, other: "PowerSums") -> None:
        """Add what was collected of other images."""
        self._power += other._power
        self._gain += other._gain

    def add_ranks(self, ranks: Ranks) -> None:
        """Add what other ranks have collected."""
        ranks.add(self._power, self._gain)


SomeSums = TypeVar("SomeSums", bound=PowerSums)


def pool_halves(of_halves: Sequence[SomeSums], ranks: Ranks) -> SomeSums:
    """Return the sums of both half-sets and all ranks; half by half, so that two ranks change no bit of them."""
    for of_half in of_halves:
        of_half.add_ranks(ranks)
    pooled, *others = of_halves
    for other in others:
        pooled.take_in(other)
    return pooled


class NoiseSums(PowerSums):
    """Collects the power of residuals X - s C (background + domain), block by block.

    Parameters
    ----------
    n_groups : int
        Number of optics groups.
    disc : FourierDisc
    """

    def __init__(self, n_groups: int, disc: FourierDisc):
        super().__init__((n_groups, int(disc.shell[-1]) + 1))
        self._disc = disc

    def add(self, images: ImageSet, residual: Tensor) -> None:
        """Add what is left, complex64 (n, m), of a block of images."""
        ctf = images.ctf
        squared = residual.real**2 + residual.imag**2
        gain = torch.where(torch.from_numpy(images.premultiplied)[:, None], ctf * ctf, (ctf != 0).to(ctf.dtype))
        for group in np.unique(images.group):
            members = torch.from_numpy(images.group == group)
            for total, values in ((self._power, squared), (self._gain, gain)):
                per_coefficient = values[members].sum(0, dtype=torch.float64).numpy()
                total[group] += np.bincount(self._disc.shell, per_coefficient, minlength=total.shape[1])

    def variance(self) -> np.ndarray:
        """Return sigma2, float64 (groups, shells), shell 0 first."""
        per_image = np.maximum(np.bincount(self._disc.shell, minlength=self._power.shape[1]), 1)
        return np.stack([smooth_variance(power, gain, gain / per_image) for power, gain in zip(self._power, self._gain, strict=True)])


def image_noise(stream: ImageStream, rows: np.ndarray) -> np.ndarray:
    """Estimate sigma2 (groups, shells) taking the images ``rows`` as pure noise: all that a reconstruction without a model has to go by."""
    sums = NoiseSums(len(stream.particles.optics), stream.disc)
    for _, images in stream.blocks(rows):
        sums.add(images, images.coefficients)
    return sums.variance()


def smooth_variance(power: np.ndarray, gain: np.ndarray, n_images: np.ndarray) -> np.ndarray:
    """Variance power / (2 gain) per shell, drawn to the mean of its neighbours with the weight of ``PRIOR_IMAGES`` images.

    Parameters
    ----------
    power, gain, n_images : ndarray (shells,)
        Empty shells are filled in from their neighbours.
    """
    known = np.flatnonzero(gain > 0)
    if not len(known):
        return np.ones_like(power)
    raw = power[known] / (2 * gain[known])
    padded = np.concatenate([raw[:1], raw, raw[-1:]])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    own = n_images[known]
    variance = (own * raw + PRIOR_IMAGES * smooth) / (own + PRIOR_IMAGES)
    return np.interp(np.arange(len(power)), known, np.maximum(variance, 1e-12 * variance.max()))
