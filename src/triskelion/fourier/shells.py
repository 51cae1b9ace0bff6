"""Shells of Fourier space: their indices on half grids, sums over them, and the disc of a half plane ordered by radius."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from triskelion.conventions import shell_of_radius


def _signed(box_px: int) -> np.ndarray:
    return np.fft.fftfreq(box_px, 1 / box_px)


@cache
def shell_indices(box_px: int, dimensions: int) -> Tensor:
    """Shell of every coefficient of a half grid, int64 (n, n // 2 + 1) or (n, n, n // 2 + 1)."""
    half = np.arange(box_px // 2 + 1.0)
    axes = np.meshgrid(*[_signed(box_px)] * (dimensions - 1), half, indexing="ij")
    return torch.from_numpy(shell_of_radius(np.sqrt(sum(a**2 for a in axes))))


@cache
def conjugate_counts(box_px: int, dimensions: int) -> Tensor:
    """How often each coefficient of a half grid stands in the full grid (1 or 2), float64."""
    counts = torch.full((box_px,) * (dimensions - 1) + (box_px // 2 + 1,), 2.0, dtype=torch.float64)
    counts[..., 0] = 1
    if box_px % 2 == 0:
        counts[..., -1] = 1
    return counts


def shell_sum(values: Tensor, box_px: int, dimensions: int) -> Tensor:
    """Sum a half grid over the shells of the full grid, float64 (n // 2 + 1,); shells beyond n // 2 are left out."""
    shells = shell_indices(box_px, dimensions).reshape(-1)
    weighted = (values.to(torch.float64) * conjugate_counts(box_px, dimensions)).reshape(-1)
    total = torch.zeros(int(shells.max()) + 1, dtype=torch.float64).index_add_(0, shells, weighted)
    return total[: box_px // 2 + 1]


@dataclass(frozen=True, eq=False)
class FourierDisc:
    """The independent coefficients of an image within a radius, ordered by radius: a resolution limit is a prefix.

    The mean (k = 0) and one of each conjugate pair on the line kx = 0 are left out, so every coefficient counts once in a
    likelihood.

    Attributes
    ----------
    box_px : int
    kx, ky : ndarray, int32, shape (m,)
        Indices in units of 1 / box, kx >= 0.
    shell : ndarray, int64, shape (m,)
    raster : ndarray, int32, shape (m,)
        The same coefficients line by line (ky, then kx): neighbours in this order are neighbours in a volume.
    """

    box_px: int
    kx: np.ndarray
    ky: np.ndarray
    shell: np.ndarray
    raster: np.ndarray

    def __len__(self) -> int:
        return len(self.kx)

    def prefix(self, last_shell: int) -> int:
        """Return the number of coefficients in shells up to and including ``last_shell``."""
        return int(np.searchsorted(self.shell, last_shell, side="right"))

    def gather(self, half_plane: Tensor) -> Tensor:
        """Pick the disc (..., m) out of half planes (..., n, n // 2 + 1)."""
        index = torch.from_numpy((self.ky % self.box_px).astype(np.int64) * (self.box_px // 2 + 1) + self.kx)
        return half_plane.flatten(-2)[..., index]

    def scatter(self, disc: Tensor) -> Tensor:
        """Put the disc (..., m) into half planes (..., n, n // 2 + 1) whose other coefficients are 0; conjugates are filled in."""
        n, half = self.box_px, self.box_px // 2 + 1
        plane = torch.zeros((*disc.shape[:-1], n * half), dtype=disc.dtype)
        plane[..., torch.from_numpy((self.ky % n).astype(np.int64) * half + self.kx)] = disc
        line = torch.from_numpy(np.flatnonzero(self.kx == 0))
        mirrored = torch.from_numpy(((-self.ky[self.kx == 0]) % n).astype(np.int64) * half)
        plane[..., mirrored] = disc[..., line].conj() if disc.is_complex() else disc[..., line]
        return plane.unflatten(-1, (n, half))


@cache
def fourier_disc(box_px: int, last_shell: int | None = None) -> FourierDisc:
    """Return the disc of shells 1 .. ``last_shell`` (default: all shells below Nyquist, ``(n - 1) // 2``)."""
    last = (box_px - 1) // 2 if last_shell is None else min(last_shell, (box_px - 1) // 2)
    ky, kx = np.meshgrid(np.arange(-last, last + 1), np.arange(last + 1), indexing="ij")
    radius = np.hypot(kx, ky)
    shell = shell_of_radius(radius)
    keep = (shell >= 1) & (shell <= last) & ((kx > 0) | (ky > 0))
    order = np.argsort(radius[keep], kind="stable")
    kx, ky, shell = kx[keep][order].astype(np.int32), ky[keep][order].astype(np.int32), shell[keep][order]
    return FourierDisc(box_px, kx, ky, shell, np.lexsort((kx, ky)).astype(np.int32))
