"""The non-uniform filter: each voxel low-passed where its own half maps stop agreeing, found by cross-validation between them.

A filtered half map is to predict the other half map, unfiltered, about each voxel. With h_i the Butterworth filter of the i-th cut, from coarse
to fine, the error of a voxel y and the error of a cut at voxel x are

    e_i(y) = |h_i m_A - m_B|² + |h_i m_B - m_A|²,    E_i(x) = sum over j = 1 .. i of sum over y of w_j(y - x) (e_j(y) - e_(j-1)(y))

with windows w_j of sum 1 and radius AWF times the j-th cut (Å). The cut with the least E_i is taken, the same for both halves. After Punjani,
Zhang & Fleet (2020) Nat Methods 17, 1214-1221; with one window for all, E_i is the sum of w e_i but for what no cut changes. Judged each in a
window of its own, cuts would be compared by errors of different surroundings: a wide window that reaches into the solvent has less to predict, and
wins for that. So neighbouring cuts are compared in one window, that of the finer, and these steps are added up: squared errors against the truth
are 5 to 22 % less (docs/concepts/nonuniform.md).

The window is the biweight (1 - r²/radius²)²: compact and smooth. Box and window are periodic, so transforms give the sums exactly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triskelion.data.volume import check_grid
from triskelion.errors import InputError
from triskelion.fourier.filters import butterworth_gain
from triskelion.fourier.local_average import average_in_window, multiply_real, transform, transform_back

COARSEST_A = 30.0
CUT_RATIO = 1.15  # between neighbouring cuts; half as many or twice as many change nothing
WINDOW_FACTOR = 2.0  # AWF
SMOOTHING = 1.0  # radius over which the choice is averaged, over the finest cut
ROUNDING = 1e-6  # of the largest error: a cut that gains no more than transforms round is no better

HalfMaps = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class NonuniformFilter:
    """A low-pass whose cut differs from voxel to voxel.

    Attributes
    ----------
    pixel_size_A : float
    cuts_A : ndarray, shape (cuts,)
        From coarse to fine.
    position : ndarray, float32, shape (n, n, n)
        Which of them a voxel takes; between whole numbers, a mixture of two neighbours.
    """

    pixel_size_A: float
    cuts_A: np.ndarray
    position: np.ndarray

    @property
    def cut_A(self) -> np.ndarray:
        """Cut of every voxel, float32 (n, n, n)."""
        return np.exp(np.interp(self.position, np.arange(len(self.cuts_A)), np.log(self.cuts_A))).astype(np.float32)

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Filter a map (n, n, n) on the same grid, float32; for instance a half map, or one made from a part of its images.

        Raises
        ------
        InputError
            If the map is no finite cube of this box.
        """
        _check_maps(self.pixel_size_A, self.position, array)
        position, lowpass = torch.from_numpy(self.position), _Lowpass(_to_tensor(array), self.pixel_size_A)
        filtered, share = torch.zeros_like(position), torch.empty_like(position)
        for number, cut_A in enumerate(self.cuts_A):
            torch.sub(position, number, out=share).abs_().neg_().add_(1).clamp_(min=0)
            filtered.addcmul_(share, lowpass.at(lowpass.gain(cut_A)))
        return filtered.numpy()


def choose_cuts(finest_A: float, coarsest_A: float = COARSEST_A) -> np.ndarray:
    """Return cuts (Å) in even ratios from coarse to fine, both ends among them; where the finest is no finer than the coarsest, it alone.

    Raises
    ------
    InputError
        If the finest cut is not positive.
    """
    if not finest_A > 0:
        raise InputError(f"the finest cut is {finest_A:g} Å, wanted a positive length")
    steps = max(math.ceil(math.log(coarsest_A / finest_A) / math.log(CUT_RATIO)), 0)
    return np.geomspace(coarsest_A, finest_A, steps + 1) if steps else np.array([finest_A])


def fit_nonuniform_filter(
    half_maps: HalfMaps, pixel_size_A: float, cuts_A: np.ndarray, mask: np.ndarray | None = None, window_factor: float = WINDOW_FACTOR
) -> NonuniformFilter:
    """Find the cut of each voxel by cross-validation between two half maps; exchanging them changes nothing.

    The choice is averaged over a small window, and mixes neighbouring cuts: where the choice changes from voxel to voxel it would leave seams.

    Parameters
    ----------
    half_maps : tuple of ndarray, shape (n, n, n)
        Unfiltered, unmasked.
    pixel_size_A : float
    cuts_A : ndarray, shape (cuts,)
        From coarse to fine (``choose_cuts``).
    mask : ndarray, shape (n, n, n), optional
        Where it is 0 the coarsest cut is taken. Elsewhere it changes nothing.
    window_factor : float
        AWF: radius of a window over its cut.

    Raises
    ------
    InputError
        If maps and mask are no finite cubes of one box, or cuts do not run from coarse to fine.
    """
    _check_maps(pixel_size_A, *half_maps, *(() if mask is None else (mask,)))
    cuts_A = np.asarray(cuts_A, dtype=np.float64)
    if not (cuts_A.ndim == 1 and len(cuts_A) and (cuts_A > 0).all() and (np.diff(cuts_A) < 0).all()):
        raise InputError(f"the cuts are {cuts_A} Å, wanted positive lengths from coarse to fine: make them with choose_cuts")
    errors = cross_validation_errors(half_maps, pixel_size_A, cuts_A, window_factor)
    least = next(errors).clone()
    choice = torch.zeros_like(least)
    for number, error in enumerate(errors, start=1):
        # where maps hold nothing (corners, beyond a window) no cut gains more than transforms round, and the coarsest stays
        choice.masked_fill_(error < least - ROUNDING * error.abs().amax(), number)
        torch.minimum(least, error, out=least)
    position = average_in_window(choice, SMOOTHING * cuts_A[-1] / pixel_size_A).clamp_(0, len(cuts_A) - 1)
    if mask is not None:
        position[torch.from_numpy(np.asarray(mask)) == 0] = 0
    return NonuniformFilter(pixel_size_A, cuts_A, position.numpy())


def cross_validation_errors(half_maps: HalfMaps, pixel_size_A: float, cuts_A: np.ndarray, window_factor: float = WINDOW_FACTOR) -> Iterator[Tensor]:
    """Yield E_i of every cut, coarse to fine, float32 (n, n, n): that of the first is 0, later ones may be negative."""
    half_a, half_b = (_to_tensor(half) for half in half_maps)
    lowpasses = [_Lowpass(half, pixel_size_A) for half in (half_a, half_b)]
    total, before = torch.zeros_like(half_a), None
    for cut_A in cuts_A:
        gain = lowpasses[0].gain(cut_A)
        residual_a, residual_b = (lowpass.at(gain).sub_(other) for lowpass, other in zip(lowpasses, (half_b, half_a)))
        error = residual_a.square_().add_(residual_b.square_())  # the same to the last bit with the halves exchanged
        if before is not None:
            steps = before.neg_().add_(error)
            total = total + average_in_window(steps, window_factor * cut_A / pixel_size_A)
        yield total
        before = error


class _Lowpass:
    """A map whose transform is made once, low-passed at one cut after the other."""

    def __init__(self, array: Tensor, pixel_size_A: float):
        n = self.box_px = len(array)
        self.coefficients = transform(array)
        self.low = torch.empty_like(self.coefficients)  # fresh memory for each cut would take longer than the product
        # gains are the same in all octants of Fourier space, and taken to their power in one
        radius_px = torch.arange(n // 2 + 1, dtype=torch.float32)
        squared = radius_px**2
        self.frequency_per_A = (squared[:, None, None] + squared[:, None] + squared).sqrt_().div_(n * pixel_size_A)
        self.octant_row = torch.fft.fftfreq(n, 1 / n).abs_().round_().long()

    def gain(self, cut_A: float) -> Tensor:
        return butterworth_gain(self.frequency_per_A, 1 / cut_A)[self.octant_row][:, self.octant_row]

    def at(self, gain: Tensor) -> Tensor:
        multiply_real(self.coefficients, gain, self.low)
        return transform_back(self.low, self.box_px)


def _to_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.require(array, np.float32, ["C_CONTIGUOUS", "WRITEABLE"]))


def _check_maps(pixel_size_A: float, *arrays: np.ndarray) -> None:
    for array in arrays:
        check_grid(array, pixel_size_A, "map")
        if array.shape != arrays[0].shape:
            raise InputError(f"maps of {len(arrays[0])} and {len(array)} px, wanted one box: crop or pad with volume_tools")
