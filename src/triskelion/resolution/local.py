"""Local resolution: where the half maps stop agreeing about each voxel.

For band after band of spatial frequency, coarse to fine, both half maps are band-passed, a_k and b_k, and correlated in a window w_k about each
voxel x, inside the particle's mask M:

    FSC_k(x) = <a_k b_k> / sqrt(<a_k²> <b_k²>),    <u>(x) = sum over y of w_k(y - x) M(y) u(y)

The resolution of a voxel is where its curve first drops below the threshold. Bands have one relative width and windows a radius in proportion to
the wavelength, so that every correlation is made of about as many independent values (150 to 200) and a threshold means the same at all resolutions.
The mask weights products and is not multiplied with the maps: it correlates no noise, and the solvent beside a surface does not count.

A band is worked on in a grid of its own, no finer than it needs, which makes all coarse bands together as dear as one or two of the finest.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.fourier.local_average import average_with_gain, multiply_real, transform, transform_back, window_gain

COARSEST_A = 40.0
COARSEST_PX = 8.0  # where pixels are so large that 40 Å is next to Nyquist
BAND_RATIO = 1.15  # of wavelengths from one band to the next, which is also the width of each at half its height
WINDOW_FACTOR = 2.5  # radius of a window over the wavelength
GRID_MARGIN = 1.45  # Nyquist of a band's grid over its centre: products of what lies beyond would be taken for slow changes
LEAST_BOX_PX = 16


def measure_local_resolution(half_a: Volume, half_b: Volume, mask: Mask, threshold: float = 0.5, window_factor: float = WINDOW_FACTOR) -> Volume:
    """Return the resolution (Å) of every voxel.

    It lies between 40 Å (8 px where that is more) for voxels that do not agree even there, as also where the mask is 0, and Nyquist.

    Parameters
    ----------
    half_a, half_b : Volume
        Unfiltered, unmasked half maps.
    mask : Mask
        Of the particle.
    threshold : float
        FSC at which the resolution is read.
    window_factor : float
        Radius of the window over the wavelength.

    Raises
    ------
    InputError
        Maps and mask are not on one grid, or the threshold is not between 0 and 1.
    """
    require_same_grid(half_a, half_b, "half map a", "half map b")
    require_same_grid(half_a, mask, "the half maps", "the mask")
    if not 0 < threshold < 1:
        raise InputError(f"the FSC threshold is {threshold:g}, wanted a number between 0 and 1, as 0.5 or 0.143")
    cuts_A, n = choose_bands(half_a.pixel_size_A), half_a.box_px
    frequency_per_A, inside = 1 / cuts_A, torch.from_numpy(mask.array) > 0
    found = torch.full((n, n, n), frequency_per_A[0])
    agrees, before = inside.clone(), torch.ones((n, n, n))
    for number, curve in enumerate(local_correlations(half_a, half_b, mask, cuts_A, window_factor)):
        drops = agrees & (curve < threshold)
        if number:
            step = frequency_per_A[number] - frequency_per_A[number - 1]
            found[drops] = frequency_per_A[number - 1] + step * (before[drops] - threshold) / (before[drops] - curve[drops])
        agrees &= ~drops
        if not agrees.any():
            break
        before = curve
    found[agrees] = frequency_per_A[-1]
    return Volume((1 / found).numpy(), half_a.pixel_size_A)


def choose_bands(pixel_size_A: float) -> np.ndarray:
    """Return the wavelengths (Å) at the centres of the bands, in even ratios from coarse to Nyquist."""
    coarsest_A, nyquist_A = max(COARSEST_A, COARSEST_PX * pixel_size_A), 2 * pixel_size_A
    return np.geomspace(coarsest_A, nyquist_A, math.ceil(math.log(coarsest_A / nyquist_A) / math.log(BAND_RATIO)) + 1)


def local_correlations(half_a: Volume, half_b: Volume, mask: Mask, cuts_A: np.ndarray, window_factor: float = WINDOW_FACTOR) -> Iterator[Tensor]:
    """Yield the correlation of every band about each voxel, float32 (n, n, n)."""
    n, length_A = half_a.box_px, half_a.box_px * half_a.pixel_size_A
    halves = [transform(torch.from_numpy(half.array)) for half in (half_a, half_b)]
    inside = transform(torch.from_numpy(mask.array))
    for cut_A in cuts_A:
        m = min(n, max(LEAST_BOX_PX, 2 * math.ceil(GRID_MARGIN * length_A / cut_A)))
        gain = _band_gain(m, length_A / cut_A)
        band_a, band_b = (_to_grid(half, n, m, gain) for half in halves)
        weight = _to_grid(inside, n, m).clamp_(0, 1)
        window = window_gain(m, window_factor * cut_A * m / length_A)
        covariance, power_a, power_b = (average_with_gain(weight * product, window) for product in (band_a * band_b, band_a**2, band_b**2))
        norm = (power_a.clamp_(min=0) * power_b.clamp_(min=0)).sqrt_()
        # beyond the reach of windows there is nothing but what transforms round
        correlation = torch.where(norm > 1e-5 * norm.amax(), covariance / norm, torch.zeros(()))
        yield _interpolate(correlation, n)


def _band_gain(box_px: int, center_shell: float) -> Tensor:
    """Return a band-pass about a shell: a raised cosine of the logarithm of frequency, 0 at the centres of the neighbouring bands."""
    rows, columns = torch.fft.fftfreq(box_px, 1 / box_px), torch.arange(box_px // 2 + 1, dtype=torch.float32)
    shell = (rows[:, None, None] ** 2 + rows[:, None] ** 2 + columns**2).sqrt_()
    away = (shell.clamp_(min=1e-3) / center_shell).log_().div_(math.log(BAND_RATIO)).abs_().clamp_(max=1)
    return (away * (math.pi / 2)).cos_().square_()


def _to_grid(coefficients: Tensor, n: int, m: int, gain: Tensor | None = None) -> Tensor:
    """Return a map, times ``gain``, on the grid of m voxels that has the same corner voxel and the same field of view as one of n."""
    if m < n:
        rows = (torch.fft.fftfreq(m, 1 / m).round().long()) % n
        coefficients = coefficients[rows][:, rows][..., : m // 2 + 1]
    if gain is not None:
        passed = torch.empty_like(coefficients)
        multiply_real(coefficients, gain, passed)
        coefficients = passed
    return transform_back(coefficients, m).mul_((m / n) ** 3)


def _interpolate(values: Tensor, n: int) -> Tensor:
    """Return a periodic map (m, m, m) at the voxels of a grid (n, n, n) with the same corner voxel, by straight lines along each axis."""
    m = len(values)
    if m == n:
        return values
    place = torch.arange(n) * (m / n)
    lower = place.floor().long()
    share = place - lower
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = n
        values = torch.lerp(values.index_select(axis, lower), values.index_select(axis, (lower + 1) % m), share.view(shape))
    return values
