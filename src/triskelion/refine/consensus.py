"""Before the first iteration: grey scale, noise and background from the consensus."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.data.volume import Mask, Volume
from triskelion.fourier.filters import apply_shell_gain
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.forward import ImageSet, batches, phase_of_shift
from triskelion.imaging.noise import estimate_noise, image_noise
from triskelion.imaging.subtraction import subtract_projections
from triskelion.kernels.interface import FourierVolume, Kernels
from triskelion.refine.reference import Domain, background_slices
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import Start
from triskelion.resolution.fsc import compute_fsc_curves

HALVES = (HALF_A, HALF_B)


@dataclass(frozen=True)
class Consensus:
    """What the consensus gives.

    Attributes
    ----------
    half_maps : list of ndarray
        The half maps on the grey scale of the images.
    residual : Tensor, complex64 (n, m)
        Images without the background.
    sigma2 : ndarray (groups, shells)
    """

    half_maps: list[np.ndarray]
    residual: Tensor
    sigma2: np.ndarray


def prepare_consensus(
    images: ImageSet, start: Start, domain: Domain, subtract_background: bool, kernels: Kernels, shared: SharedRecord, seed: int
) -> Consensus:
    """Fit the grey scale of the half maps, estimate the noise about the consensus and subtract the background."""
    pixel_size_A = images.grid.pixel_size_A
    rows_of = [np.flatnonzero(start.half_set == half) for half in HALVES]
    last_shell = int(images.disc.shell[-1])

    def wiener_gain() -> np.ndarray:
        volumes = [Volume(half, pixel_size_A) for half in start.half_maps]
        curves = compute_fsc_curves(*volumes, Mask(start.particle_mask, pixel_size_A), seed)
        return np.clip(curves.curves[curves.headline], 0, 1)

    gain = torch.from_numpy(shared.settle("consensus_filter", 0, wiener_gain))
    filtered = [apply_shell_gain(torch.from_numpy(half), gain).numpy() for half in start.half_maps]
    raw_noise = shared.settle("image_noise", 0, lambda: image_noise(images))
    whole = [prepare_slices(half * start.particle_mask, last_shell) for half in filtered]
    scales = [fit_grey_scale(images, start, rows, volume, raw_noise, kernels) for rows, volume in zip(rows_of, whole, strict=True)]
    whole = [FourierVolume(volume.cube * scale, volume.padding) for volume, scale in zip(whole, scales, strict=True)]
    without_particle = _subtract_own_half(images, start, rows_of, whole, kernels)
    sigma2 = shared.settle("noise", 0, lambda: estimate_noise(images, lambda rows: without_particle[rows]))
    if not subtract_background:
        residual = images.coefficients
    else:
        rest = [background_slices(half * s, domain, start.particle_mask, last_shell) for half, s in zip(filtered, scales, strict=True)]
        residual = _subtract_own_half(images, start, rows_of, rest, kernels)
    return Consensus([half * np.float32(s) for half, s in zip(start.half_maps, scales, strict=True)], residual, sigma2)


def fit_grey_scale(images: ImageSet, start: Start, rows: np.ndarray, volume: FourierVolume, sigma2: np.ndarray, kernels: Kernels) -> float:
    """Factor by which the projections of a map fit its images best; maps that come from elsewhere have any scale.

    Least squares over the images ``rows`` at the consensus pose: Re sum conj(m) b / sum W |m|².
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
    return cross / power if power > 0 else 1.0


def _subtract_own_half(images: ImageSet, start: Start, rows_of: list[np.ndarray], volumes: list[FourierVolume], kernels: Kernels) -> Tensor:
    """Images minus projections of the volume of their own half at the consensus pose, complex64 (n, m)."""
    residual = torch.empty_like(images.coefficients)
    for rows, volume in zip(rows_of, volumes, strict=True):
        residual[rows] = subtract_projections(images, rows, volume, start.consensus_rotations, start.consensus_shifts_px, kernels.slice)
    return residual
