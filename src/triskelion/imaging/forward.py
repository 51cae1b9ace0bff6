"""The image model X = s C phase(u) Slice(R, V) + n on a disc of Fourier coefficients, and the images brought onto that disc.

Every optics group is brought to the reference grid: Fourier-rescaled to a whole number of pixels that spans the same length, cut or
padded to the reference box, and what is left of the difference in pixel size becomes a scale of its frequencies.
Images that come multiplied by their CTF are X' = C X: they carry C² where others carry C (engine: W is the same for both).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from triskelion.data.images import ImageSource
from triskelion.data.particles import OpticsGroup, Particles
from triskelion.fourier.complex_product import multiply
from triskelion.fourier.resample import crop_or_pad, rescale_images
from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.transforms import image_to_fourier
from triskelion.imaging.aberrations import check_supported, demodulation_phase
from triskelion.imaging.ctf import compute_ctf
from triskelion.kernels.interface import WeightedImages

BATCH_COEFFICIENTS = 2**22  # of the images that are worked on at once
WHOLE_PX = 1e-4  # so much less than a whole pixel is rounding of the pixel sizes


@dataclass(frozen=True)
class Grid:
    """Box and pixel size of the reference: what a map of this job has."""

    box_px: int
    pixel_size_A: float


def reference_grid(particles: Particles, box_px: int | None = None) -> Grid:
    """Grid of the maps of a data set: that of its first optics group, or as many pixels as are given in the same field of view."""
    first = particles.optics[0]
    if box_px is None or box_px == first.box_px:
        return Grid(first.box_px, first.pixel_size_A)
    return Grid(box_px, first.box_px * first.pixel_size_A / box_px)


@dataclass(frozen=True)
class ImageSet:
    """The images of a particle table as Fourier coefficients on one disc.

    Attributes
    ----------
    coefficients : Tensor, complex64, shape (n, m)
        X (X' where premultiplied), odd aberrations removed; 0 where the image has no information.
    ctf : Tensor, float32, shape (n, m)
        C; 0 where the image has no information.
    contrast, scale : ndarray, float64, shape (n,)
        s, and frequency of the map over frequency of the image.
    premultiplied : ndarray, bool, shape (n,)
    group : ndarray, int64, shape (n,)
        Optics group.
    disc : FourierDisc
    grid : Grid
    """

    coefficients: Tensor
    ctf: Tensor
    contrast: np.ndarray
    scale: np.ndarray
    premultiplied: np.ndarray
    group: np.ndarray
    disc: FourierDisc
    grid: Grid

    def __len__(self) -> int:
        return len(self.contrast)

    def take(self, rows: np.ndarray) -> "ImageSet":
        """Return some of the images, numbered anew."""
        per_image = ("coefficients", "ctf", "contrast", "scale", "premultiplied", "group")
        return replace(self, **{name: getattr(self, name)[rows] for name in per_image})

    def transfer(self) -> Tensor:
        """What a slice is multiplied by to become an image: s C, or s C² where premultiplied, float32 (n, m)."""
        squared = torch.from_numpy(self.premultiplied)[:, None]
        return torch.where(squared, self.ctf * self.ctf, self.ctf) * self._contrast()

    def matched(self) -> Tensor:
        """What an image is multiplied by before it is compared with slices: s C, or s where premultiplied, float32 (n, m)."""
        done = torch.from_numpy(self.premultiplied)[:, None]
        # where the disc holds no information C = 0 stands for "nothing known"
        return torch.where(done, (self.ctf != 0).to(self.ctf.dtype), self.ctf) * self._contrast()

    def power(self) -> Tensor:
        """s² C², float32 (n, m)."""
        return (self.ctf * self._contrast()) ** 2

    def per_shell(self, values: np.ndarray) -> Tensor:
        """Values (groups, shells) at the coefficients of each image, float32 (n, m)."""
        return torch.from_numpy(values[:, self.disc.shell].astype(np.float32))[self.group]

    def weighted(self, residual: Tensor, sigma2: np.ndarray) -> WeightedImages:
        """b and W of the likelihood from X - B (n, m) and the noise variance (groups, shells)."""
        inverse = self.per_shell(1 / sigma2)
        return WeightedImages(residual * (self.matched() * inverse), self.power() * inverse, self.scale)

    def _contrast(self) -> Tensor:
        return torch.from_numpy(self.contrast.astype(np.float32))[:, None]


def batch_size(n_coefficients: int) -> int:
    """Return how many images of so many coefficients are worked on at once."""
    return int(np.clip(BATCH_COEFFICIENTS // n_coefficients, 32, 1024))


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut row numbers into pieces."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def phase_of_shift(disc: FourierDisc, shifts_px: np.ndarray, scale: np.ndarray) -> Tensor:
    """exp(-2 pi i s k.u / n), complex64 (n, m): moves images by +u (px of the reference)."""
    step = torch.from_numpy(np.asarray(shifts_px, np.float64) * (np.asarray(scale) * -2 * np.pi / disc.box_px)[:, None])
    last = int(disc.kx.max())
    one = torch.ones((), dtype=torch.float64)
    table_x = torch.polar(one, step[:, :1] * torch.arange(last + 1)).to(torch.complex64)
    table_y = torch.polar(one, step[:, 1:] * torch.arange(-last, last + 1)).to(torch.complex64)
    return multiply(table_x[:, disc.kx], table_y[:, disc.ky + last])


def load_images(
    particles: Particles,
    source: ImageSource,
    grid: Grid,
    disc: FourierDisc,
    rows: np.ndarray | None = None,
    advance: Callable[[int], None] = lambda steps: None,
) -> ImageSet:
    """Read the images of ``rows`` (default: all) and bring them onto the disc; the rows of the result are numbered anew.

    Raises
    ------
    InputError
        Where optics are not supported.
    DataError
        Where an image cannot be read.
    """
    check_supported(particles.optics)
    rows = np.arange(len(particles)) if rows is None else np.asarray(rows)
    groups = particles["optics_group"][rows]
    coefficients = torch.empty((len(rows), len(disc)), dtype=torch.complex64)
    scale = np.ones(len(rows))
    for index in np.unique(groups):
        group, members = particles.optics[index], np.flatnonzero(groups == index)
        rescaled_px, group_scale = _common_box(group, grid)
        scale[members] = group_scale
        known = torch.from_numpy(_has_information(group, rescaled_px, disc))
        phase = demodulation_phase(group, grid.box_px, grid.pixel_size_A / group_scale, disc.kx, disc.ky)
        for part in batches(members, batch_size(group.box_px**2)):
            # values stay when pixels change, but a sum over pixels of 1 / s the width of the reference's holds s² times as many
            images = rescale_images(torch.from_numpy(source.read(rows[part])), rescaled_px) / group_scale**2
            plane = disc.gather(image_to_fourier(crop_or_pad(images, grid.box_px, dimensions=2)))
            coefficients[part] = (plane if phase is None else multiply(plane, phase)) * known
            advance(len(part))
    ctf = compute_known_ctf(particles, grid, disc, rows)
    premultiplied = np.array([g.ctf_premultiplied for g in particles.optics])[groups]
    return ImageSet(coefficients, ctf, particles["contrast"][rows], scale, premultiplied, groups, disc, grid)


def compute_known_ctf(particles: Particles, grid: Grid, disc: FourierDisc, rows: np.ndarray) -> Tensor:
    """Return C of the images ``rows`` on the disc, float32 (n, m), 0 where an image has no information; the images are not read."""
    groups = particles["optics_group"][rows]
    ctf = torch.empty((len(rows), len(disc)), dtype=torch.float32)
    for index in np.unique(groups):
        group, members = particles.optics[index], np.flatnonzero(groups == index)
        rescaled_px, group_scale = _common_box(group, grid)
        known = torch.from_numpy(_has_information(group, rescaled_px, disc))
        ctf[members] = compute_ctf(particles, rows[members], grid.box_px, grid.pixel_size_A / group_scale, disc.kx, disc.ky) * known
    return ctf


def _common_box(group: OpticsGroup, grid: Grid) -> tuple[int, float]:
    """Box (px) to which a group is rescaled, and the scale of its frequencies that is left: 1 or a little less.

    Pixels are never made finer than those of the reference: no frequency of an image lies beyond those that its maps have.
    """
    if group.box_px == grid.box_px and abs(group.pixel_size_A - grid.pixel_size_A) < 1e-6 * grid.pixel_size_A:
        return group.box_px, 1.0
    extent_A = group.box_px * group.pixel_size_A
    rescaled_px = math.floor(extent_A / grid.pixel_size_A + WHOLE_PX)
    return rescaled_px, grid.pixel_size_A * rescaled_px / extent_A


def _has_information(group: OpticsGroup, rescaled_px: int, disc: FourierDisc) -> np.ndarray:
    """Coefficients below the Nyquist frequency of the file's own pixels."""
    radius = np.hypot(disc.kx, disc.ky)
    own_nyquist = min(group.box_px, rescaled_px) / 2 * disc.box_px / rescaled_px
    return radius < own_nyquist
