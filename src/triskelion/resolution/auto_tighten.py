"""The mask of the tight FSC curve, tightened as long as that pays: auto-tightening.

A tighter mask leaves out noise of the solvent, until it cuts signal, or its own shape correlates the halves. Both show in the FSC that is
corrected for the mask (noise substitution); the masked one would grow for ever, and is not looked at.
"""

import numpy as np
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.masks.automatic import near_far_masks, smooth_base
from triskelion.resolution.crossing import find_crossing
from triskelion.resolution.curves import FSC_THRESHOLD, count_lost_shells
from triskelion.resolution.fsc import BASE_FRACTION, average_map, fsc, tight_mask, tight_near_far_A
from triskelion.resolution.noise_substitution import SHELLS_LEFT_OUT, correct_fsc, randomize_map_phases

FRACTIONS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the maximum of the map low-passed to 20 Å: from the widest base to the tightest
STANDARD_ERRORS = 2  # by which 0.143 must stand out of the FSC of random phases: in small masks it is reached by chance
EQUAL_SHELLS = 0.1  # a tighter mask must do better by more: crossings of one map in several masks differ by chance, and the best flatters


def tighten_mask(half_a: Volume, half_b: Volume, seed: int = 0) -> Mask:
    """Return the widest mask whose corrected FSC crosses 0.143 as late as the best one's, to a tenth of a shell.

    Masks under which the corrected curve lies far below the masked one (too tight) do not stand for election, nor do masks under which random
    phases come near 0.143, but for the automatic one. That one is taken where none is left, or where the unmasked FSC never drops.
    """
    first_shell = find_crossing(fsc(half_a, half_b), FSC_THRESHOLD).first_below
    if first_shell is None:
        return tight_mask(half_a, half_b)
    average, pixel_size_A = average_map(half_a, half_b), half_a.pixel_size_A
    random_a, random_b = (_randomize(half, first_shell, 2 * seed + place) for place, half in enumerate((half_a, half_b)))
    masks, crossings = [], []
    for fraction in FRACTIONS:
        mask = near_far_masks(smooth_base(average, fraction), pixel_size_A, tight_near_far_A(pixel_size_A))[0]
        masked, randomized = fsc(half_a, half_b, mask), fsc(random_a, random_b, mask)
        corrected = correct_fsc(masked, randomized, first_shell)
        is_too_tight = count_lost_shells(masked, corrected, first_shell).too_many
        if not is_too_tight and (fraction == BASE_FRACTION or _stands_out(randomized[first_shell + SHELLS_LEFT_OUT :])):
            masks.append(mask)
            crossings.append(find_crossing(corrected, FSC_THRESHOLD).shell)
    if not masks:
        return tight_mask(half_a, half_b)
    return masks[int(np.argmax(np.array(crossings) >= max(crossings) - EQUAL_SHELLS))]


def _stands_out(randomized: np.ndarray) -> bool:
    """Say whether 0.143 stands out of the FSC of random phases (shells,), if there is any."""
    return not len(randomized) or STANDARD_ERRORS * float(np.sqrt(np.mean(randomized**2))) < FSC_THRESHOLD


def _randomize(half: Volume, first_shell: int, seed: int) -> Volume:
    random = randomize_map_phases(volume_to_fourier(torch.from_numpy(half.array)), half.box_px, first_shell, seed)
    return Volume(random.numpy(), half.pixel_size_A)
