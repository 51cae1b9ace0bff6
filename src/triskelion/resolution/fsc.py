"""Fourier shell correlation of two half maps: without mask, with automatic masks, with the user's, and corrected for the mask.

Masks: spherical; loose and tight, both about the voxels above 50 % of the maximum of the average map low-passed to 20 Å (or 4 px): loose is 1 up
to 25 Å from them and 0 at 40 Å, tight 1 up to 6 Å and 0 at 12 Å, but never less than 1 and 3 px: of real ribosomes at 12 Å/px, 6 and 12 Å make a
mask without an edge, whose random-phase FSC is 0.5 where 3 px bring it below 0.1. The user's mask is taken as it is.
"""

import numpy as np
import torch
from torch import Tensor

from triskelion.conventions import shell_frequency_per_A
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.masks.automatic import near_far_masks, smooth_base, spherical_mask
from triskelion.resolution.crossing import find_crossing
from triskelion.resolution.curves import CORRECTED_OF, CURVE_NAMES, FSC_THRESHOLD, FscCurves
from triskelion.resolution.noise_substitution import correct_fsc, randomize_map_phases

BASE_FRACTION = 0.5
LOOSE_NEAR_FAR_A = (25.0, 40.0)
TIGHT_NEAR_FAR_A = (6.0, 12.0)
TIGHT_LEAST_PX = (1.0, 3.0)


def correlate_shells(first: Tensor, second: Tensor, box_px: int, dimensions: int = 3) -> np.ndarray:
    """Return the correlation of two transforms per shell.

    Parameters
    ----------
    first, second : Tensor, complex, shape (n, n, n // 2 + 1) or (n, n // 2 + 1)
    box_px : int
    dimensions : int
        3 for maps, 2 for images.

    Returns
    -------
    ndarray, float64, shape (n // 2 + 1,)
        0 where one of the two has no power.
    """
    product = first.real * second.real + first.imag * second.imag
    powers = [part.real**2 + part.imag**2 for part in (first, second)]
    numerator, power_a, power_b = (shell_sum(values, box_px, dimensions).numpy() for values in (product, *powers))
    norm = np.sqrt(power_a * power_b)
    return np.divide(numerator, norm, out=np.zeros_like(norm), where=norm > 0)


def fsc(first: Volume, second: Volume, mask: Mask | None = None) -> np.ndarray:
    """Return the Fourier shell correlation of two maps, both multiplied by ``mask`` where one is given, float64 (n // 2 + 1,).

    Raises
    ------
    InputError
        If maps and mask are not on one grid.
    """
    require_same_grid(first, second, "the first map", "the second map")
    if mask is not None:
        require_same_grid(first, mask, "the map", "the mask")
    weight = 1 if mask is None else mask.array
    return _fsc_of_arrays(first.array * weight, second.array * weight)


def _fsc_of_arrays(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return correlate_shells(volume_to_fourier(torch.from_numpy(first)), volume_to_fourier(torch.from_numpy(second)), first.shape[0])


def average_map(half_a: Volume, half_b: Volume) -> Volume:
    """Return the mean of two half maps."""
    return Volume((half_a.array + half_b.array) / 2, half_a.pixel_size_A)


def tight_mask(half_a: Volume, half_b: Volume) -> Mask:
    """Return the mask of the tight FSC curve."""
    return _loose_and_tight_masks(half_a, half_b)[1]


def _loose_and_tight_masks(half_a: Volume, half_b: Volume) -> list[Mask]:
    base = smooth_base(average_map(half_a, half_b), BASE_FRACTION)
    return near_far_masks(base, half_a.pixel_size_A, LOOSE_NEAR_FAR_A, tight_near_far_A(half_a.pixel_size_A))


def tight_near_far_A(pixel_size_A: float) -> tuple[float, float]:
    """Return where the edge of a tight mask begins and ends, from its base."""
    near_A, far_A = (max(length_A, least_px * pixel_size_A) for length_A, least_px in zip(TIGHT_NEAR_FAR_A, TIGHT_LEAST_PX))
    return near_A, far_A


def compute_fsc_curves(half_a: Volume, half_b: Volume, user_mask: Mask | None = None, seed: int = 0, tight: Mask | None = None) -> FscCurves:
    """Return all FSC curves of two half maps.

    Phases are randomised from the shell on where the unmasked FSC drops below 0.143; where it never does, the corrected curves
    are the masked ones.

    Parameters
    ----------
    half_a, half_b : Volume
        Unfiltered half maps.
    user_mask : Mask, optional
        Adds the curves ``user`` and ``user_corrected``, the latter being the headline.
    seed : int
        Of the random phases.
    tight : Mask, optional
        Instead of the automatic one, for the curves ``tight`` and ``corrected``.

    Raises
    ------
    InputError
        If the maps and the mask are not on one grid, or if the maps have no positive density.
    """
    require_same_grid(half_a, half_b, "half map a", "half map b")
    if user_mask is not None:
        require_same_grid(half_a, user_mask, "half map a", "the mask")
    box_px, pixel_size_A = half_a.box_px, half_a.pixel_size_A
    loose, automatic = _loose_and_tight_masks(half_a, half_b)
    tight = tight or automatic
    fourier_a, fourier_b = (volume_to_fourier(torch.from_numpy(half.array)) for half in (half_a, half_b))
    curves = {
        "none": correlate_shells(fourier_a, fourier_b, box_px),
        "spherical": fsc(half_a, half_b, spherical_mask(box_px, pixel_size_A)),
        "loose": fsc(half_a, half_b, loose),
        "tight": fsc(half_a, half_b, tight),
    }
    first_shell = find_crossing(curves["none"], FSC_THRESHOLD).first_below
    masks = {"tight": tight}
    if user_mask is not None:
        masks["user"] = user_mask
        curves["user"] = fsc(half_a, half_b, user_mask)
    randomized = {} if first_shell is None else _randomized_fsc([fourier_a, fourier_b], masks, first_shell, seed)
    for name in masks:
        corrected = curves[name] if first_shell is None else correct_fsc(curves[name], randomized[name], first_shell)
        curves[CORRECTED_OF[name]] = corrected
    frequency = shell_frequency_per_A(np.arange(box_px // 2 + 1), box_px, pixel_size_A)
    ordered = {name: curves[name] for name in CURVE_NAMES if name in curves}
    return FscCurves(box_px, pixel_size_A, frequency, ordered, randomized, first_shell)


def _randomized_fsc(transforms: list[Tensor], masks: dict[str, Mask], first_shell: int, seed: int) -> dict[str, np.ndarray]:
    box_px = transforms[0].shape[0]
    random = [randomize_map_phases(part, box_px, first_shell, 2 * seed + half).numpy() for half, part in enumerate(transforms)]
    return {name: _fsc_of_arrays(random[0] * mask.array, random[1] * mask.array) for name, mask in masks.items()}
