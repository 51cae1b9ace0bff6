"""Before the first iteration: grey scale, noise and background from the consensus."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.forward import ImageSet, batches, phase_of_shift
from triskelion.imaging.noise import NoiseSums, image_noise
from triskelion.imaging.subtraction import subtract_projections
from triskelion.kernels.interface import FourierVolume, Kernels
from triskelion.refine.reference import Domain, background_slices, filter_map, wiener_gain
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import Start
from triskelion.resolution.fsc import compute_fsc_curves

RELIABLE_FSC = 0.8
CONTRARY_Z = -5.0  # a grey scale this many standard errors below 0 is no accident


@dataclass(frozen=True)
class Consensus:
    """What the consensus gives.

    Attributes
    ----------
    half_maps : tuple of ndarray
        The half maps on the grey scale of the images.
    residual : Tensor, complex64 (n, m)
        Images without the background.
    sigma2 : ndarray (groups, shells)
    """

    half_maps: tuple[np.ndarray, np.ndarray]
    residual: Tensor
    sigma2: np.ndarray


def rows_of_halves(half_set: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of half a and of half b."""
    return np.flatnonzero(half_set == HALF_A), np.flatnonzero(half_set == HALF_B)


def prepare_consensus(
    images: ImageSet, start: Start, domain: Domain, subtract_background: bool, kernels: Kernels, shared: SharedRecord, stage: str
) -> Consensus:
    """Fit the grey scale of the half maps, estimate the noise about the consensus and subtract the background.

    Raises
    ------
    InputError
        The half maps have the opposite contrast of the images.
    """
    pixel_size_A, last_shell = images.grid.pixel_size_A, int(images.disc.shell[-1])
    halves, consensus_poses = rows_of_halves(start.half_set), (start.consensus_rotations, start.consensus_shifts_px)

    def consensus_gain() -> np.ndarray:
        half_a, half_b = (Volume(half, pixel_size_A) for half in start.half_maps)
        return wiener_gain(compute_fsc_curves(half_a, half_b, Mask(start.particle_mask, pixel_size_A)))

    gain = shared.settle(f"{stage}.consensus_filter", consensus_gain)
    filtered = [filter_map(half, gain) for half in start.half_maps]
    raw_noise = shared.settle(f"{stage}.image_noise", lambda: image_noise(images))
    # unfiltered: a filter makes the map too small, and the fit would make up for it where nothing was filtered
    unfiltered = [prepare_slices(half * start.particle_mask, last_shell) for half in start.half_maps]
    scales = [
        fit_grey_scale(images, start, rows, volume, _reliable_noise(raw_noise, gain), kernels)
        for rows, volume in zip(halves, unfiltered, strict=True)
    ]
    whole = [prepare_slices(half * start.particle_mask * np.float32(scale), last_shell) for half, scale in zip(filtered, scales, strict=True)]

    def consensus_noise() -> np.ndarray:
        sums = NoiseSums(images)
        for rows, volume in zip(halves, whole, strict=True):
            for part in batches(rows):
                sums.add(part, subtract_projections(images, part, volume, *consensus_poses, kernels.slice))
        return sums.variance()

    sigma2 = shared.settle(f"{stage}.noise.0", consensus_noise)
    residual = images.coefficients
    if subtract_background:
        rest = [background_slices(half * scale, domain, start.particle_mask, last_shell) for half, scale in zip(filtered, scales, strict=True)]
        residual = torch.empty_like(images.coefficients)
        for rows, volume in zip(halves, rest, strict=True):
            residual[rows] = subtract_projections(images, rows, volume, *consensus_poses, kernels.slice)
    half_a, half_b = (half * np.float32(scale) for half, scale in zip(start.half_maps, scales, strict=True))
    return Consensus((half_a, half_b), residual, sigma2)


def _reliable_noise(sigma2: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Noise that leaves only shells to the fit in which the half maps agree: noise of a map makes it seem too large."""
    reliable = gain[: sigma2.shape[1]] >= RELIABLE_FSC
    return np.where(reliable, sigma2, np.inf) if reliable[1:].any() else sigma2


def fit_grey_scale(images: ImageSet, start: Start, rows: np.ndarray, volume: FourierVolume, sigma2: np.ndarray, kernels: Kernels) -> float:
    """Factor by which the projections of a map fit its images best; maps that come from elsewhere have any scale.

    Least squares over the images ``rows`` at the consensus pose: Re sum conj(m) b / sum W |m|², with standard error 1 / sqrt(sum W |m|²).

    Raises
    ------
    InputError
        It is clearly negative.
    """
    inverse = torch.from_numpy(1 / sigma2)[:, images.disc.shell].to(torch.float32)
    cross = power = 0.0
    for part in batches(rows):
        scale = images.scale[part]
        model = kernels.slice(volume, start.consensus_rotations[part], scale, images.disc)
        model = model * phase_of_shift(images.disc, start.consensus_shifts_px[part], scale)
        weight = inverse[images.group[part]]
        cross += float((model.conj() * images.coefficients[part] * images.matched(part) * weight).real.sum(dtype=torch.float64))
        contrast2 = torch.from_numpy((images.contrast[part] ** 2).astype(np.float32))[:, None]
        power += float(((model.abs() * images.ctf[part]) ** 2 * weight * contrast2).sum(dtype=torch.float64))
    if cross < CONTRARY_Z * np.sqrt(power):
        raise InputError(
            "the half maps are dark where the images are bright: import the particles again with the other contrast, or invert the half maps"
        )
    return cross / power if power > 0 else 1.0
