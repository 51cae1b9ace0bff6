"""Two poses of a particle far from each other, both peaks: is one of them better, or is it a draw?

A reference holds noise beside the signal. With m and m' its projections at the two poses and D² = sum W |m' - m|², the gain in log likelihood from
one to the other has the standard deviation D. Where both show the same signal, as symmetric mates do, D² is what the noise of the reference makes of
it, and the gain is 0 on average: a draw, in which a particle stays where it is. If the luckier of many mates were taken each time, images would be
laid where they fit the noise of the map, and the map would grow on it.
"""

import numpy as np
import torch

from triskelion.fourier.shells import FourierDisc, shell_sum
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.imaging.comparison import measure_distance2
from triskelion.refine.alignment import Candidates, Posterior

BETTER_NAT = 1.0  # that a search has to gain: less is a climb ended early
ELSEWHERE_DEG = 10.0  # so far away lies another basin
SAME_PER_NOISE = 2.0  # projections are the same if D² is less than so many times what noise makes of it
CLEAR_SD = 3.0  # standard deviations that a draw hardly ever gains, whichever of many mates was luckiest


def compare_basins(
    posterior: Posterior, here: Candidates, found: Candidates, disc: FourierDisc, map_noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compare a pose of each particle with another one of the same particles, both climbed on ``disc``.

    Parameters
    ----------
    map_noise : ndarray (shells,)
        ``measure_map_noise`` of the reference.

    Returns
    -------
    better : ndarray, bool (n,)
        Whether ``found`` is better; in another basin, by more than in a draw.
    elsewhere : ndarray, bool (n,)
        Whether it lies in another basin.
    """
    better = found.value > here.value + BETTER_NAT
    elsewhere = rotation_difference_deg(here.rotations, found.rotations) > ELSEWHERE_DEG
    doubtful = np.flatnonzero(better & elsewhere)
    if len(doubtful):
        one, other = here.take(doubtful), found.take(doubtful)
        poses = (one.rotations, one.shifts_px), (other.rotations, other.shifts_px)
        distance2 = measure_distance2(posterior.images, one.rows, posterior.volume, poses, disc, posterior.kernels)
        weight = posterior.images.weight[one.rows, : len(disc)].cpu().numpy()
        same = distance2 < SAME_PER_NOISE * (weight @ map_noise[disc.shell])
        better[doubtful] = ~same | (other.value - one.value > CLEAR_SD * np.sqrt(distance2))
    return better, elsewhere


def measure_map_noise(half_a: np.ndarray, half_b: np.ndarray) -> np.ndarray:
    """Mean square per shell of what two projections of one signal differ by, from two maps (n, n, n) with noise of their own."""
    coefficients = volume_to_fourier(torch.from_numpy(half_a - half_b))
    power = coefficients.real**2 + coefficients.imag**2
    n = len(half_a)  # a slice of a map is sqrt(n) times its own transform
    return (n * shell_sum(power, n, 3) / shell_sum(torch.ones_like(power), n, 3)).numpy()
