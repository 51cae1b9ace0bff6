"""Before the first iteration: grey scale and noise from the consensus, and the images packed without their background."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.imaging.comparison import compare_with_projections
from triskelion.imaging.forward import ImageSet
from triskelion.imaging.noise import SAMPLE, NoiseSums, pool_halves
from triskelion.imaging.packed import PackedImages
from triskelion.imaging.stream import spread_rows
from triskelion.imaging.subtraction import subtract_projections
from triskelion.imaging.window import choose_window_px, window_disc_shell
from triskelion.kernels.interface import FourierVolume, Kernels
from triskelion.ranks import gather_halves, gather_rows, halves_of, own_particles
from triskelion.refine.reference import settle_nonuniform_filter, wiener_gain
from triskelion.refine.state import Inputs, Means
from triskelion.resolution.fsc import compute_fsc_curves

RELIABLE_FSC = 0.8
CONTRARY_Z = -5.0  # a grey scale this many standard errors below 0 is no accident


@dataclass(frozen=True)
class Consensus:
    """What the consensus gives.

    Attributes
    ----------
    half_maps : tuple of ndarray (n, n, n)
        The half maps on the grey scale of the images, unfiltered.
    filtered : tuple of ndarray (n, n, n)
        The same, filtered voxel by voxel.
    sigma2 : ndarray (groups, shells)
    """

    half_maps: tuple[np.ndarray, np.ndarray]
    filtered: tuple[np.ndarray, np.ndarray]
    sigma2: np.ndarray


def rows_of_halves(half_set: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of half a and of half b."""
    return np.flatnonzero(half_set == HALF_A), np.flatnonzero(half_set == HALF_B)


def measure_consensus(inputs: Inputs, means: Means, stage: str) -> Consensus:
    """Fit the grey scale of the half maps and estimate the noise about the consensus, both on a sample of the images.

    Raises
    ------
    InputError
        The half maps have the opposite contrast of the images.
    """
    images, start = inputs.images, inputs.start
    pixel_size_A, last_shell = images.grid.pixel_size_A, int(images.disc.shell[-1])

    def consensus_gain() -> np.ndarray:
        half_a, half_b = (Volume(half, pixel_size_A) for half in start.half_maps)
        return wiener_gain(compute_fsc_curves(half_a, half_b, Mask(start.particle_mask, pixel_size_A)))

    gain = means.shared.settle_by_first(f"{stage}.consensus_filter", consensus_gain)
    raw_noise = settle_image_noise(inputs, means)
    reliable = _reliable_noise(raw_noise, gain)
    scales = {}
    for half in halves_of(means.ranks):
        # unfiltered: a filter makes the map too small, and the fit would make up for it where nothing was filtered
        volume = prepare_slices(start.half_maps[half] * start.particle_mask, last_shell)
        scales[half] = fit_grey_scale(inputs, _sample_of_half(inputs, half), volume, reliable, means)
    scales = gather_halves(means.ranks, scales)
    half_a, half_b = (half * np.float32(scale) for half, scale in zip(start.half_maps, scales, strict=True))
    # the background is projected from these: what is blurred or solvent must not bring its noise into the images
    nonuniform = settle_nonuniform_filter(means.shared, f"{stage}.consensus_cut_of_voxel", (half_a, half_b), images.grid, 2 * pixel_size_A)
    filtered_a, filtered_b = nonuniform.apply(half_a), nonuniform.apply(half_b)

    def consensus_noise() -> np.ndarray:
        volumes = {half: prepare_slices((filtered_a, filtered_b)[half] * start.particle_mask, last_shell) for half in halves_of(means.ranks)}

        def residual(half: int, rows: np.ndarray, block: ImageSet) -> Tensor:
            poses = start.consensus_rotations[rows], start.consensus_shifts_px[rows]
            return subtract_projections(block, volumes[half], *poses, means.kernels.slice)

        return _sample_noise(inputs, means, residual)

    sigma2 = means.shared.settle(f"{stage}.noise.0", consensus_noise)
    return Consensus((half_a, half_b), (filtered_a, filtered_b), sigma2)


def settle_image_noise(inputs: Inputs, means: Means) -> np.ndarray:
    """Power of the images (groups, shells) of a sample of both half-sets, once for each grid."""
    name = f"image_noise.{inputs.images.grid.box_px}"
    return means.shared.settle_once(name, lambda: _sample_noise(inputs, means, lambda half, rows, block: block.coefficients))


def _sample_of_half(inputs: Inputs, half: int) -> np.ndarray:
    """Rows of a half-set that are enough for a curve."""
    return spread_rows(rows_of_halves(inputs.start.half_set)[half], inputs.start.uid, SAMPLE // 2)


def _sample_noise(inputs: Inputs, means: Means, residual: Callable[[int, np.ndarray, ImageSet], Tensor]) -> np.ndarray:
    """Variance (groups, shells) of what ``residual`` (half, rows, block) leaves of the images of a sample; every rank takes its own."""
    images, start = inputs.images, inputs.start
    own = own_particles(means.ranks, start.half_set, start.uid)
    sums = [NoiseSums(len(images.particles.optics), images.disc) for _ in (HALF_A, HALF_B)]
    for half in halves_of(means.ranks):
        sample = _sample_of_half(inputs, half)
        for rows, block in images.blocks(sample[own[sample]]):
            sums[half].add(block, residual(half, rows, block))
    return pool_halves(sums, means.ranks).variance()


def _reliable_noise(sigma2: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Noise that leaves only shells to the fit in which the half maps agree: noise of a map makes it seem too large."""
    reliable = gain[: sigma2.shape[1]] >= RELIABLE_FSC
    return np.where(reliable, sigma2, np.inf) if reliable[1:].any() else sigma2


def fit_grey_scale(inputs: Inputs, rows: np.ndarray, volume: FourierVolume, sigma2: np.ndarray, means: Means) -> np.ndarray:
    """Factor, shape (), by which the projections of a half map fit its images best; maps that come from elsewhere have any scale.

    Least squares over the images ``rows`` at the consensus pose: Re sum conj(m) b / sum W |m|², with standard error 1 / sqrt(sum W |m|²).

    Raises
    ------
    InputError
        It is clearly negative.
    """
    start = inputs.start
    own, sums = own_particles(means.ranks, start.half_set, start.uid), torch.zeros(2, dtype=torch.float64)
    for part, images in inputs.images.blocks(rows[own[rows]]):
        poses = start.consensus_rotations[part], start.consensus_shifts_px[part]
        sums += torch.tensor([float(of.sum()) for of in compare_with_projections(images, volume, *poses, sigma2, means.kernels)], dtype=torch.float64)
    means.ranks.add_in_half(sums)
    cross, power = sums.tolist()
    if cross < CONTRARY_Z * np.sqrt(power):
        raise InputError(
            "the half maps are dark where the images are bright: import the particles again with the other contrast, or invert the half maps"
        )
    return np.array(cross / power if power > 0 else 1.0)


def background_volume(inputs: Inputs, filtered: np.ndarray) -> FourierVolume:
    """Cut the rest of the particle out of a filtered half map and transform it."""
    rest = filtered * inputs.start.particle_mask * (1 - inputs.domain.mask)
    return prepare_slices(rest, int(inputs.images.disc.shell[-1]))


def remove_background(inputs: Inputs, rows: np.ndarray, block: ImageSet, background: FourierVolume | None, kernels: Kernels) -> Tensor:
    """Coefficients of a block, the images ``rows``, without the projections of the background at their consensus poses."""
    if background is None:
        return block.coefficients
    poses = inputs.start.consensus_rotations[rows], inputs.start.consensus_shifts_px[rows]
    return subtract_projections(block, background, *poses, kernels.slice)


def choose_window(inputs: Inputs) -> int:
    """Edge of the domain's window; the whole box where the settings want none, or where it would save too little."""
    domain, settings, grid = inputs.domain, inputs.settings, inputs.images.grid
    if not settings.use_window:
        return grid.box_px
    lever_px, shift_px = float(np.linalg.norm(domain.lever_xyz_px)), settings.shift_extent_A / grid.pixel_size_A
    return choose_window_px(grid.box_px, domain.radius_px, lever_px, settings.rotation_extent_deg, shift_px)


def window_disc(disc: FourierDisc, window_px: int, last_shell: int) -> FourierDisc:
    """Disc of a window up to the frequency of ``last_shell`` of the whole image."""
    return fourier_disc(window_px, window_disc_shell(disc, window_px, last_shell))


def pack_images(inputs: Inputs, consensus: Consensus, disc: FourierDisc, means: Means, stage: str, advance: Callable[[int], None]) -> PackedImages:
    """Read all images that are this rank's once, take their background out and pack them in the windows of ``disc``."""
    images, start = inputs.images, inputs.start
    to_window = images.disc.box_px / disc.box_px
    shells, window_shells = np.arange(consensus.sigma2.shape[1]), np.arange(int(disc.shell[-1]) + 1) * to_window
    sigma2 = np.stack([np.interp(window_shells, shells, of_group) for of_group in consensus.sigma2])
    own = own_particles(means.ranks, start.half_set, start.uid)
    packed = PackedImages.empty(means.store, stage, images.particles["optics_group"], sigma2, disc, own)
    centers_px = image_of_point(start.consensus_rotations, start.consensus_shifts_px, inputs.domain.center_xyz_px)
    all_rows = rows_of_halves(start.half_set)
    for half in halves_of(means.ranks):
        background = background_volume(inputs, consensus.filtered[half]) if inputs.settings.subtract_background else None
        for rows, block in images.blocks(all_rows[half][own[all_rows[half]]], advance):
            residual = remove_background(inputs, rows, block, background, means.kernels)
            packed.put(rows, block, residual, consensus.sigma2, centers_px[rows])
    gather_rows(means.ranks, own, packed.offsets_px, packed.scale)
    return packed
