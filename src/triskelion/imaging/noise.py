"""The noise model: sigma2(k), the variance per real component of the noise, per optics group and shell.

sigma2 = half the shell mean of |n|². Only then is the log likelihood in nats and the Gauss-Newton matrix the Fisher matrix.
Images that come multiplied by their CTF have noise C n: there sigma2 = half sum |C n|² / sum C².
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from triskelion.imaging.forward import ImageSet, batches

PRIOR_IMAGES = 50  # neighbouring shells count as much as this many images of the shell itself


def estimate_noise(images: ImageSet, residual_of: Callable[[np.ndarray], Tensor]) -> np.ndarray:
    """Estimate sigma2 from residuals.

    Parameters
    ----------
    images : ImageSet
    residual_of : callable
        Row numbers (r,) -> residuals X - s C (B + domain), complex64 (r, m).

    Returns
    -------
    ndarray, float64, shape (groups, shells), shell 0 first
    """
    n_groups, shells = int(images.group.max()) + 1, images.disc.shell
    power, gain = (np.zeros((n_groups, int(shells[-1]) + 1)) for _ in range(2))
    for rows in batches(np.arange(len(images))):
        residual, ctf = residual_of(rows), images.ctf[rows]
        squared = residual.real**2 + residual.imag**2
        noise_gain = torch.where(torch.from_numpy(images.premultiplied[rows])[:, None], ctf * ctf, (ctf != 0).to(ctf.dtype))
        for group in np.unique(images.group[rows]):
            members = torch.from_numpy(images.group[rows] == group)
            power[group] += np.bincount(shells, squared[members].sum(0, dtype=torch.float64).numpy(), minlength=power.shape[1])
            gain[group] += np.bincount(shells, noise_gain[members].sum(0, dtype=torch.float64).numpy(), minlength=power.shape[1])
    per_image = np.maximum(np.bincount(shells, minlength=power.shape[1]), 1)
    return np.stack([_smooth_variance(p, g, g / per_image) for p, g in zip(power, gain, strict=True)])


def image_noise(images: ImageSet) -> np.ndarray:
    """Estimate sigma2 (groups, shells) taking images as pure noise: all that a reconstruction without a model has to go by."""
    return estimate_noise(images, lambda rows: images.coefficients[rows])


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
