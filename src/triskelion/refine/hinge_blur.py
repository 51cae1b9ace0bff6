"""Hinge blur: how far a domain turns against the rest, told by how much its consensus is blurred.

Turns about the fulcrum by a standard deviation s about each of three axes move a point at the distance r from it by s r, across r. Amplitudes at the
frequency f fall to exp(-2 pi² f² s² r² sin²), the angle being the one between r and the wave, and so the power that half maps have in common falls to

    p + (1 - p) A(f s),    A(x) = < exp(-4 pi² x² r² (1 - c²)) >,    c from 0 to 1, r over the density of the domain,

p the share of the power in the mask that belongs to parts at rest: soft edges reach into the body. What the power would be without a blur is what the
rest has per mass. s is fitted to the shells, each weighted by how well its power is known. p is given: fitted too, it could stand for s. Of all
turns that explain the blur nearly as well as the best the smallest is taken, as other things blur as well.

Other domains may move too. What a domain is like when it is sharp is therefore told by the sharp part of the rest: the voxels about which the half
maps agree better, in one band of frequencies (Otsu's classes).
"""

from dataclasses import dataclass

import numpy as np
import torch

from triskelion.conventions import box_center_px, reverse_axes, shell_frequency_per_A
from triskelion.data.volume import Mask, Volume
from triskelion.fourier.filters import lowpass
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.masks.soft_edge import soft_edge
from triskelion.refine.domains import split_in_two
from triskelion.resolution.local import local_correlations

MASS_RESOLUTION_A = 20.0
FIRST_SHELL = 4  # below, the shape of the domain and not its blur is what makes it differ from the rest
DISTANCES, DIRECTIONS = 40, 41
STEP_DEG = 0.5
BAND_FACTOR = 1.5  # wavelength of the band over the resolution of the rest
EDGE_A = 20.0
AS_GOOD = 1.25  # misfit over that of the best
MOST_CERTAIN = 0.9  # quantile of the shells' weights that none exceeds: the model is not exact


@dataclass(frozen=True)
class SharedPower:
    """Power per shell that both half maps have in common, float64 (shells,).

    Attributes
    ----------
    found : ndarray
        Inside the mask of the domain.
    at_rest : ndarray
        What it would be, had the domain as much as the rest, or a part of it, has per mass.
    with_noise : ndarray
        Of the average of both half maps inside the mask.
    """

    found: np.ndarray
    at_rest: np.ndarray
    with_noise: np.ndarray


@dataclass(frozen=True)
class HingeBlur:
    """Standard deviation of the turns per axis, and the share of the power of what turns that is left of each shell, shape (shells,)."""

    rotation_sd_deg: float
    power_left: np.ndarray


def find_sharp_part(half_maps: tuple[np.ndarray, np.ndarray], rest_mask: np.ndarray, pixel_size_A: float, resolution_A: float) -> np.ndarray:
    """Return a soft mask of the better resolved part of the rest, whose resolution as a whole is given."""
    half_a, half_b = (Volume(half, pixel_size_A) for half in half_maps)
    band_A = np.array([BAND_FACTOR * resolution_A])
    agreement = next(local_correlations(half_a, half_b, Mask(rest_mask, pixel_size_A), band_A)).numpy()
    mass = measure_mass((half_maps[0] + half_maps[1]) / 2, pixel_size_A) * rest_mask
    inside = mass > 0
    sharp = inside & (agreement >= split_in_two(agreement[inside].astype(np.float64), mass[inside]))
    return soft_edge(sharp, EDGE_A / pixel_size_A) * rest_mask


def measure_shared_power(half_maps: tuple[np.ndarray, np.ndarray], mask: np.ndarray, rest_mask: np.ndarray, pixel_size_A: float) -> SharedPower:
    """Compare the power of a domain with that of the rest of the particle, or of a part of it; arrays (n, n, n)."""
    average = (half_maps[0] + half_maps[1]) / 2
    density = measure_mass(average, pixel_size_A)
    mass_ratio = (density * mask).sum(dtype=np.float64) / max((density * rest_mask).sum(dtype=np.float64), 1e-30)
    of_rest = np.maximum(_shared(*half_maps, rest_mask), 0)
    return SharedPower(np.maximum(_shared(*half_maps, mask), 0), mass_ratio * of_rest, _shared(average, average, mask))


def measure_mass(array: np.ndarray, pixel_size_A: float) -> np.ndarray:
    """Density that no blur changes, without what is below the solvent."""
    return np.maximum(lowpass(torch.from_numpy(array), pixel_size_A, MASS_RESOLUTION_A).numpy(), 0)


def estimate_hinge(
    power: SharedPower, mass: np.ndarray, fulcrum_xyz_px: np.ndarray, pixel_size_A: float, last_shell: int, most_deg: float, at_rest: float = 0.0
) -> HingeBlur:
    """Fit the turns of a domain to the power that it has lost.

    Parameters
    ----------
    power : SharedPower
    mass : ndarray (n, n, n)
        Density of the domain.
    fulcrum_xyz_px : ndarray (3,)
        From the box centre.
    pixel_size_A : float
    last_shell : int
        Where the map ends.
    most_deg : float
        Largest standard deviation; also the answer where no shell tells anything.
    at_rest : float
        Share of the power that belongs to parts at rest.
    """
    n = len(mass)
    frequency_per_A = shell_frequency_per_A(np.arange(len(power.found)), n, pixel_size_A)
    shells = np.arange(FIRST_SHELL, last_shell + 1)
    shells = shells[power.at_rest[shells] > 0]
    radius_A, share = _distances(mass, fulcrum_xyz_px, pixel_size_A)
    widths_deg = np.append(np.arange(STEP_DEG, most_deg, STEP_DEG), most_deg)
    left = [_left_after_turns(frequency_per_A * np.deg2rad(width), radius_A, share) for width in widths_deg]
    if not len(shells):
        return HingeBlur(most_deg, left[-1])
    found = power.found[shells] / power.at_rest[shells]
    weight = (shells * power.at_rest[shells] / power.with_noise[shells]) ** 2
    weight = np.minimum(weight, np.quantile(weight, MOST_CERTAIN))
    misfits = np.array([(weight * (found - at_rest - (1 - at_rest) * each[shells]) ** 2).sum() for each in left])
    best = int(np.argmax(misfits <= AS_GOOD * misfits.min()))
    return HingeBlur(float(widths_deg[best]), left[best])


def measure_pose_blur(mass: np.ndarray, center_xyz_px: np.ndarray, pixel_size_A: float, rotation_sd_deg: float, position_sd_A: float) -> np.ndarray:
    """Share of the power that errors of poses leave of every shell: of the rotation per axis, about a centre, and of its image per axis."""
    frequency_per_A = shell_frequency_per_A(np.arange(len(mass) // 2 + 1), len(mass), pixel_size_A)
    turned = _left_after_turns(frequency_per_A * np.deg2rad(rotation_sd_deg), *_distances(mass, center_xyz_px, pixel_size_A))
    return turned * np.exp(-4 * np.pi**2 * frequency_per_A**2 * position_sd_A**2)


def _shared(half_a: np.ndarray, half_b: np.ndarray, mask: np.ndarray) -> np.ndarray:
    a, b = (volume_to_fourier(torch.from_numpy(half * mask)) for half in (half_a, half_b))
    return shell_sum(a.real * b.real + a.imag * b.imag, len(mask), 3).numpy()


def _distances(mass: np.ndarray, fulcrum_xyz_px: np.ndarray, pixel_size_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances from the fulcrum (Å) and the share of the mass at each."""
    places = np.argwhere(mass > 0)
    radius_A = np.linalg.norm(places - box_center_px(len(mass)) - reverse_axes(fulcrum_xyz_px), axis=1) * pixel_size_A
    share, edges = np.histogram(radius_A, DISTANCES, weights=mass[tuple(places.T)].astype(np.float64))
    return (edges[1:] + edges[:-1]) / 2, share / max(share.sum(), 1e-30)


def _left_after_turns(turn_per_A: np.ndarray, radius_A: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A for frequencies times turns (rad / Å)."""
    across = 1 - np.linspace(0, 1, DIRECTIONS) ** 2
    exponent = 4 * np.pi**2 * turn_per_A[:, None, None] ** 2 * radius_A[:, None] ** 2 * across
    return np.exp(-exponent).mean(2) @ share
