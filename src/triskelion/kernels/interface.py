"""The five operations everything rests on, and what they work on. ``reference``, ``cpu`` and ``cuda`` implement them equally.

A pose is a rotation R and the image u of the origin: a coefficient k = (kx, ky, 0) of an image with relative scale s is

    m(k) = exp(-2 pi i s k.u / n) V(s R^T k),

V the transform of the map. b and W are the images weighted for a likelihood (value = Re sum conj(m) b
- 1/2 sum W |m|^2, in nats).
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from triskelion.kernels.climb import ClimbedPoses, ClimbRules, PoseRestraint, Starts


class Disc(Protocol):
    """Coefficients of an image (``fourier.shells.FourierDisc``)."""

    @property
    def box_px(self) -> int:
        """Edge of the image."""
        ...

    @property
    def kx(self) -> np.ndarray:
        """First index, 0 or more, shape (m,)."""
        ...

    @property
    def ky(self) -> np.ndarray:
        """Second index, shape (m,)."""
        ...

    @property
    def raster(self) -> np.ndarray:
        """The coefficients line by line, shape (m,)."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class FourierVolume:
    """The oversampled transform of a map, cut to the radius that is needed, half of it (kx >= 0).

    Attributes
    ----------
    cube : Tensor, complex64, shape (2 e + 1, 2 e + 1, e + 1)
        Coefficient (kx, ky, kz) / padding at [kz + e, ky + e, kx].
    padding : int
        Oversampling factor.
    """

    cube: Tensor
    padding: int

    @property
    def extent(self) -> int:
        """Largest index e on an axis of the cube."""
        return self.cube.shape[2] - 1

    @property
    def largest_radius(self) -> float:
        """Largest |k| (in units of 1 / box) that may be asked for."""
        return (self.extent - 1) / self.padding


@dataclass
class BackProjection:
    """Sums of inserted coefficients and of their weights, on the grid of a FourierVolume.

    Attributes
    ----------
    values : Tensor, complex128, shape (2 e + 1, 2 e + 1, e + 1)
    weights : Tensor, float64, same shape
    padding : int
    """

    values: Tensor
    weights: Tensor
    padding: int

    @classmethod
    def empty(cls, last_shell: int, padding: int = 2) -> "BackProjection":
        """Make one that takes coefficients up to radius ``last_shell`` + 1/2."""
        e = cube_extent(last_shell + 0.5, padding)
        shape = (2 * e + 1, 2 * e + 1, e + 1)
        return cls(torch.zeros(shape, dtype=torch.complex128), torch.zeros(shape, dtype=torch.float64), padding)

    @property
    def n_bytes(self) -> int:
        """Memory that the sums take."""
        return self.values.nbytes + self.weights.nbytes

    def clear(self) -> None:
        """Set all sums to 0."""
        self.values.zero_()
        self.weights.zero_()

    def add(self, other: "BackProjection") -> None:
        """Add other sums to these."""
        self.values += other.values
        self.weights += other.weights

    def subtract(self, other: "BackProjection") -> None:
        """Take other sums out of these; equal sums may differ by a rounding, which must not make weights negative."""
        self.values -= other.values
        self.weights.sub_(other.weights).clamp_(min=0)

    @property
    def largest_radius(self) -> float:
        """Largest |k| (in units of 1 / box) that may be inserted."""
        return (self.values.shape[2] - 2) / self.padding


@dataclass(frozen=True)
class WeightedImages:
    """Images as the likelihood needs them, on a disc ordered by radius.

    Attributes
    ----------
    b : Tensor, complex64, shape (n, m)
        s C (X - B) / sigma2.
    weight : Tensor, float32, shape (n, m)
        s^2 C^2 / sigma2.
    scale : ndarray, float64, shape (n,)
        Pixel size of the reference over that of the image (at equal box): frequency k of the image is s k of the map.
    """

    b: Tensor
    weight: Tensor
    scale: np.ndarray


class NormalEquations(NamedTuple):
    """Value (nats), gradient and Gauss-Newton matrix in (rotation about x, y, z in rad; shift x, y in px)."""

    value: np.ndarray  # (n,)
    gradient: np.ndarray  # (n, 5)
    matrix: np.ndarray  # (n, 5, 5)


class PoseGrid(NamedTuple):
    """Poses to score: each particle's rotations, the shift that goes with each, and moves in the image that all have in common."""

    rotations: np.ndarray  # (n, r, 3, 3)
    shifts_px: np.ndarray  # (n, r, 2)
    moves_px: np.ndarray  # (s, 2)


class Kernels(Protocol):
    """What every back-end offers. Tensors may lie on the host: what is used more than once is moved beforehand. Arrays are on the host."""

    def move_volume(self, volume: FourierVolume) -> FourierVolume:
        """Return the same volume on the device; slices of it lie there too."""
        ...

    def move_images(self, images: WeightedImages) -> WeightedImages:
        """Return the same images on the device."""
        ...

    def slice(self, volume: FourierVolume, rotations: np.ndarray, scale: np.ndarray, disc: Disc) -> Tensor:
        """Central slices: complex64 (n, m) for rotations (n, 3, 3) and scales (n,)."""
        ...

    def insert(
        self, sums: BackProjection, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc
    ) -> None:
        """Add b and W of the images ``rows`` at poses (n, 3, 3), (n, 2): the adjoint of ``slice``, b brought back to the origin by -u."""
        ...

    def gauss_newton(
        self, volume: FourierVolume, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc
    ) -> NormalEquations:
        """Log likelihood of the images ``rows`` at poses (n, 3, 3), (n, 2), with its derivatives in R exp([w]) and u."""
        ...

    def score_grid(self, volume: FourierVolume, grid: PoseGrid, images: WeightedImages, rows: np.ndarray, disc: Disc) -> np.ndarray:
        """Log likelihoods (n, r, s) of the images ``rows`` at every rotation and every move of a grid."""
        ...

    def climb(
        self, volume: FourierVolume, images: WeightedImages, starts: Starts, restraint: PoseRestraint, rules: ClimbRules, disc: Disc
    ) -> ClimbedPoses:
        """Climb from every start to the nearest optimum of the log posterior, by Levenberg-Marquardt (``kernels.climb``)."""
        ...


def cube_extent(largest_radius: float, padding: int) -> int:
    """Extent e of a cube that can be interpolated up to ``largest_radius``."""
    return int(np.ceil(largest_radius * padding)) + 1


def check_radius(grid: FourierVolume | BackProjection, disc: Disc, scale: np.ndarray) -> None:
    """Raise ValueError when a disc reaches beyond the cube: a defect of the caller, and out of bounds in the kernels."""
    outer = float(np.hypot(disc.kx[-1], disc.ky[-1])) * float(np.max(scale, initial=0.0))
    if outer > grid.largest_radius + 1e-6:
        raise ValueError(f"the disc reaches radius {outer:.2f}, the cube {grid.largest_radius:.2f}")
