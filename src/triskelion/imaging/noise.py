"""The noise model: sigma2(k), the variance per real component of the noise, per optics group and shell.

sigma2 = half the shell mean of |n|². Only then is the log likelihood in nats and the Gauss-Newton matrix the Fisher matrix.
Images that come multiplied by their CTF have noise C n: there sigma2 = half sum |C n|² / sum C².
"""

import numpy as np
import torch
from torch import Tensor

from triskelion.imaging.forward import ImageSet, batches

PRIOR_IMAGES = 50  # neighbouring shells count as much as this many images of the shell itself


class NoiseSums:
    """Collects the power of residuals X - s C (background + domain), batch by batch.

    Parameters
    ----------
    images : ImageSet
    """

    def __init__(self, images: ImageSet):
        self._images = images
        shape = (int(images.group.max()) + 1, int(images.disc.shell[-1]) + 1)
        self._power, self._gain = np.zeros(shape), np.zeros(shape)

    def add(self, rows: np.ndarray, residual: Tensor) -> None:
        """Add residuals (r, m) of the images ``rows``."""
        images, shells = self._images, self._images.disc.shell
        ctf = images.ctf[rows]
        squared = residual.real**2 + residual.imag**2
        gain = torch.where(torch.from_numpy(images.premultiplied[rows])[:, None], ctf * ctf, (ctf != 0).to(ctf.dtype))
        for group in np.unique(images.group[rows]):
            members = torch.from_numpy(images.group[rows] == group)
            for total, values in ((self._power, squared), (self._gain, gain)):
                per_coefficient = values[members].sum(0, dtype=torch.float64).numpy()
                total[group] += np.bincount(shells, per_coefficient, minlength=total.shape[1])

    def variance(self) -> np.ndarray:
        """Return sigma2, float64 (groups, shells), shell 0 first."""
        per_image = np.maximum(np.bincount(self._images.disc.shell, minlength=self._power.shape[1]), 1)
        return np.stack([_smooth_variance(power, gain, gain / per_image) for power, gain in zip(self._power, self._gain, strict=True)])


def image_noise(images: ImageSet) -> np.ndarray:
    """Estimate sigma2 (groups, shells) taking images as pure noise: all that a reconstruction without a model has to go by."""
    sums = NoiseSums(images)
    for rows in batches(np.arange(len(images))):
        sums.add(rows, images.coefficients[rows])
    return sums.variance()


def _smooth_variance(power: np.ndarray, gain: np.ndarray, n_images: np.ndarray) -> np.ndarray:
    """Variance per shell, drawn to the mean of its neighbours with the weight of ``PRIOR_IMAGES`` images; empty shells are filled in."""
    known = np.flatnonzero(gain > 0)
    if not len(known):
        return np.ones_like(power)
    raw = power[known] / (2 * gain[known])
    padded = np.concatenate([raw[:1], raw, raw[-1:]])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    own = n_images[known]
    variance = (own * raw + PRIOR_IMAGES * smooth) / (own + PRIOR_IMAGES)
    return np.interp(np.arange(len(power)), known, np.maximum(variance, 1e-12 * variance.max()))
