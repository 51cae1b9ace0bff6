"""Particle subtraction: taking the rest of the particle, at its consensus pose, out of the images.

What is taken out is s C phase(t) Slice(R, (1 - M) P V): M the mask of the domain that stays, P a loose mask of the whole particle,
V the own half map. 1 - M and M add up to one, so nothing is taken twice and nothing is left.

On the fly that is done with coefficients on the grid of the map. For a stack of subtracted images it is done in the pixels of the files:
every optics group keeps its pixel size, its box and its odd aberrations, and what the map does not reach stays what it was.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from triskelion.data.particles import HALF_A, HALF_B, OpticsGroup
from triskelion.fourier.complex_product import multiply
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.fourier.transforms import fourier_to_image
from triskelion.imaging.aberrations import check_supported, demodulation_phase
from triskelion.imaging.ctf import compute_ctf
from triskelion.imaging.forward import Grid, ImageSet, batch_size, batches, phase_of_shift
from triskelion.imaging.stream import ImageStream
from triskelion.kernels.interface import FourierVolume

Slicer = Callable[..., Tensor]
SAME_SIZE = 1e-6  # relative difference of pixel sizes that is rounding


def predict_images(images: ImageSet, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, slice_volume: Slicer) -> Tensor:
    """Noise-free images s C phase(u) Slice(R, V) of a block, complex64 (n, m), at its poses (n, 3, 3), (n, 2)."""
    slices = slice_volume(volume, rotations, images.scale, images.disc)
    return images.transfer() * multiply(slices, phase_of_shift(images.disc, shifts_px, images.scale))


def subtract_projections(images: ImageSet, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, slice_volume: Slicer) -> Tensor:
    """Return a block of images minus the projections of ``volume``, complex64 (n, m)."""
    return images.coefficients - predict_images(images, volume, rotations, shifts_px, slice_volume)


@dataclass(frozen=True)
class PixelSubtraction:
    """Projections of a map per half-set as they lie in the files.

    Attributes
    ----------
    images : ImageStream
        With the contrast to be used.
    volumes : tuple of FourierVolume
        What is taken out of half a, of half b, on the grid of the stream.
    rotations, shifts_px : ndarray (p, 3, 3), (p, 2)
        Poses to project at, px of the stream's grid.
    slice_volume : callable
        The kernel ``slice``.
    """

    images: ImageStream
    volumes: tuple[FourierVolume, FourierVolume]
    rotations: np.ndarray
    shifts_px: np.ndarray
    slice_volume: Slicer

    def blocks(self, rows: np.ndarray, advance: Callable[[int], None] = lambda steps: None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield rows of one optics group block by block, with their images and what is to be taken out, both (n, box, box).

        The next block is read while the last one is worked on; ``advance`` is told how many images were worked on.
        """
        if not len(rows):
            return
        box_px = self.images.particles.optics[int(self.images.particles["optics_group"][rows[0]])].box_px
        parts = batches(np.asarray(rows), batch_size(box_px**2))
        with ThreadPoolExecutor(max_workers=1) as reader:
            coming = reader.submit(self.images.source.read, parts[0])
            for part, following in zip_longest(parts, parts[1:]):
                pixels = coming.result()
                if following is not None:
                    coming = reader.submit(self.images.source.read, following)
                yield part, pixels, self.project(part)
                advance(len(part))

    def project(self, rows: np.ndarray) -> np.ndarray:
        """Return what is to be taken out of the images ``rows``, all of one optics group: float32 (n, box, box)."""
        particles = self.images.particles
        group = particles.optics[int(particles["optics_group"][rows[0]])]
        check_supported([group])
        half_set = particles["half_set"][rows]
        projected = torch.empty((len(rows), group.box_px, group.box_px))
        for half, volume in zip((HALF_A, HALF_B), self.volumes, strict=True):
            members = np.flatnonzero(half_set == half)
            if len(members):
                projected[members] = self._project_group(rows[members], group, volume)
        return projected.numpy()

    def _project_group(self, rows: np.ndarray, group: OpticsGroup, volume: FourierVolume) -> Tensor:
        grid, particles = self.images.grid, self.images.particles
        disc, ratio = own_disc(group, grid, int(self.images.disc.shell[-1]))
        one = np.ones(len(rows))
        # values stay when pixels change: what an ortho transform of another box with other pixels makes of that
        density = grid.box_px / group.box_px * (grid.pixel_size_A / group.pixel_size_A) ** 2
        slices = self.slice_volume(volume, self.rotations[rows], ratio * one, disc)
        slices = multiply(slices, phase_of_shift(disc, self.shifts_px[rows] * (grid.pixel_size_A / group.pixel_size_A), one))
        ctf = compute_ctf(particles, rows, group.box_px, group.pixel_size_A, disc.kx, disc.ky)
        slices *= ctf * ctf if group.ctf_premultiplied else ctf
        demodulation = demodulation_phase(group, group.box_px, group.pixel_size_A, disc.kx, disc.ky)
        if demodulation is not None:
            slices = multiply(slices, demodulation.conj().resolve_conj())
        slices *= torch.from_numpy((particles["contrast"][rows] * density).astype(np.float32))[:, None]
        return fourier_to_image(disc.scatter(slices), group.box_px)


def own_disc(group: OpticsGroup, grid: Grid, last_shell: int) -> tuple[FourierDisc, float]:
    """Coefficients of a group's own images that a map on ``grid``, known to ``last_shell``, says something of.

    Returns
    -------
    disc : FourierDisc
        Of the group's box.
    ratio : float
        Index of a frequency on the grid of the map over its index in the image.
    """
    if group.box_px == grid.box_px and abs(group.pixel_size_A - grid.pixel_size_A) < SAME_SIZE * grid.pixel_size_A:
        ratio = 1.0
    else:
        ratio = grid.box_px * grid.pixel_size_A / (group.box_px * group.pixel_size_A)
    return fourier_disc(group.box_px, math.floor((last_shell + 0.5) / ratio - 0.5)), ratio
