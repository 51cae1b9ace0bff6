"""Images packed for iterations: windowed, matched and whitened once, weighted anew with each noise model.

Kept per coefficient are beta = s C (X - B) / sigma and P = s² C² (s (X' - s C² B) / sigma and the same P for images that come multiplied by
their CTF), sigma² the noise at the time of packing. The likelihood's b and W follow from them for any later noise, and both are of order 1,
so that half precision holds them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.data.images import ArrayStore
from triskelion.fourier.shells import FourierDisc
from triskelion.imaging.forward import ImageSet
from triskelion.imaging.noise import PowerSums, smooth_variance
from triskelion.imaging.window import window_matched, window_power
from triskelion.kernels.interface import WeightedImages


@dataclass(frozen=True)
class PackedImages:
    """The images of a table, or of a part of it, in their windows.

    Attributes
    ----------
    place : ndarray, int (n,)
        Where ``matched`` and ``power`` hold the image of a row; -1 where they do not.
    matched : Tensor, float32 or float16, shape (held, m, 2)
        beta, real and imaginary part.
    power : Tensor, same type, shape (held, m)
        P.
    offsets_px : ndarray, float64 (n, 2)
        Where the middle of each window lies in its image, px of the reference from the box centre.
    scale : ndarray, float64 (n,)
        Frequency of the map over frequency of the image.
    group : ndarray, int64 (n,)
        Optics group.
    sigma2 : ndarray, float64 (groups, shells of the window)
        Noise at the time of packing.
    disc : FourierDisc
        Of the window.
    rescaled : ndarray, float64 (n,)
        Contrast over that at the time of packing.
    """

    place: np.ndarray
    matched: Tensor
    power: Tensor
    offsets_px: np.ndarray
    scale: np.ndarray
    group: np.ndarray
    sigma2: np.ndarray
    disc: FourierDisc
    rescaled: np.ndarray

    @classmethod
    def empty(
        cls, store: ArrayStore, name: str, group: np.ndarray, sigma2: np.ndarray, disc: FourierDisc, held: np.ndarray | None = None
    ) -> "PackedImages":
        """Make room in ``store`` for the images of all particles, or of those ``held`` (bool, one for each).

        ``sigma2`` (groups, shells of ``disc``) is the noise to whiten with.
        """
        n, m = len(group), len(disc)
        held = np.ones(n, bool) if held is None else held
        place, n_held = np.where(held, np.cumsum(held) - 1, -1), int(held.sum())
        matched = torch.from_numpy(store.empty(f"{name}_matched", (n_held, m, 2)))
        power = torch.from_numpy(store.empty(f"{name}_power", (n_held, m)))
        return cls(place, matched, power, np.zeros((n, 2)), np.ones(n), group, sigma2, disc, np.ones(n))

    def put(self, rows: np.ndarray, images: ImageSet, residual: Tensor, sigma2: np.ndarray, centers_px: np.ndarray) -> None:
        """Pack a block.

        Parameters
        ----------
        rows : ndarray, int (r,)
        images : ImageSet
            The block's images.
        residual : Tensor, complex64 (r, m)
            Images without their background.
        sigma2 : ndarray (groups, shells of the whole image)
            The noise ``self.sigma2`` on the shells of the whole image.
        centers_px : ndarray (r, 2)
            Image of the domain's centre, px of the reference.
        """
        whitened = residual * (images.matched() * images.per_shell(1 / np.sqrt(sigma2)))
        whole_px = np.rint(centers_px * images.scale[:, None])  # in px of the image itself
        beta = window_matched(whitened, images.disc, whole_px, self.disc)
        self.matched[self.place[rows]] = torch.view_as_real(beta).to(self.matched.dtype)
        self.power[self.place[rows]] = window_power(images.power(), images.disc, self.disc).to(self.power.dtype)
        self.offsets_px[rows] = whole_px / images.scale[:, None]
        self.scale[rows] = images.scale

    def __len__(self) -> int:
        return len(self.group)

    def weighted(self, rows: np.ndarray, sigma2: np.ndarray) -> WeightedImages:
        """b and W of ``rows`` for the noise ``sigma2`` (groups, shells of the window); rows of the result are numbered anew."""
        contrast = torch.from_numpy(self.rescaled[rows].astype(np.float32))[:, None]
        per_shell = np.sqrt(self.sigma2) / sigma2
        here = self.place[rows]
        b = torch.view_as_complex(self.matched[here].to(torch.float32)) * (self._of_rows(per_shell, rows) * contrast)
        return WeightedImages(b, self.power[here].to(torch.float32) * (self._of_rows(1 / sigma2, rows) * contrast**2), self.scale[rows])

    def to_whole_shells(self, sigma2: np.ndarray, first: np.ndarray, box_px: int) -> np.ndarray:
        """Noise on the shells of the whole images (box ``box_px``): ``first`` (groups, shells there), changed as ``sigma2`` has since packing."""
        shells = np.arange(first.shape[1]) * self.disc.box_px / box_px
        known = np.arange(sigma2.shape[1])
        change = sigma2 / self.sigma2
        return first * np.stack([np.interp(shells, known, of_group) for of_group in change])

    def _of_rows(self, per_shell: np.ndarray, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(per_shell[:, self.disc.shell].astype(np.float32))[self.group[rows]]


class PackedNoise(PowerSums):
    """Collects the power of what a model leaves of packed images: sigma2 = half sum |b - W m|² / sum W, in units of the noise in b and W.

    Parameters
    ----------
    images : PackedImages
    sigma2 : ndarray (groups, shells)
        Noise that ``b`` and ``W`` were weighted with.
    """

    def __init__(self, images: PackedImages, sigma2: np.ndarray):
        super().__init__(sigma2.shape)
        self._images, self._sigma2 = images, sigma2

    def add(self, rows: np.ndarray, weighted: WeightedImages, model: Tensor) -> None:
        """Add the images ``rows``, weighted, and what they should be without their CTF, complex64 (r, m)."""
        left = weighted.b - weighted.weight * model
        squared, shells = left.real**2 + left.imag**2, self._images.disc.shell
        for group in np.unique(self._images.group[rows]):
            members = torch.from_numpy(self._images.group[rows] == group)
            for total, values in ((self._power, squared), (self._gain, weighted.weight)):
                per_coefficient = values[members].sum(0, dtype=torch.float64).numpy()
                total[group] += np.bincount(shells, per_coefficient, minlength=total.shape[1])

    def variance(self) -> np.ndarray:
        """Return sigma2, float64 (groups, shells), shell 0 first."""
        of_group = np.bincount(self._images.group, minlength=len(self._sigma2))
        # |b - W m|² is on average 2 W times the noise in units of the old
        found = (
            smooth_variance(power * sigma2, weight, np.where(weight > 0, count, 0))
            for power, weight, sigma2, count in zip(self._power, self._gain, self._sigma2, of_group, strict=True)
        )
        return np.stack(list(found))
