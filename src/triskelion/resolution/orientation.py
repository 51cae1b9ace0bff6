"""From which directions a particle was seen, and how well that determines each direction of its transform.

cFAR: half angle 20° as in CryoSPARC. Sampling compensation: Baldwin & Lyumkis, Prog. Biophys. Mol. Biol. 150 (2020) 160-183.
"""

from dataclasses import dataclass

import numpy as np
import torch

from triskelion.data.volume import Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.fourier.shells import conjugate_counts, shell_indices
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.resolution.fsc import fsc

CONE_HALF_ANGLE_DEG = 20.0
SLICE_HALF_WIDTH_DEG = 3.0
FEWEST_COEFFICIENTS = 10


def half_sphere_directions(n: int) -> np.ndarray:
    """Return ``n`` evenly spread unit vectors (n, 3) with z > 0, on a Fibonacci spiral."""
    index = np.arange(n) + 0.5
    z = 1 - index / n
    azimuth = np.pi * (1 + np.sqrt(5)) * index
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], axis=1)


def viewing_directions(rotations: np.ndarray) -> np.ndarray:
    """Return the unit vectors (n, 3), in the frame of the map, along which particles with rotations (n, 3, 3) were projected.

    x_image = P R x, so the direction is the third row of R.
    """
    return np.asarray(rotations, dtype=np.float64)[:, 2]


def direction_angles_deg(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return azimuth (-180 to 180) and elevation (-90 to 90) in degrees of unit vectors (n, 3)."""
    x, y, z = np.moveaxis(np.asarray(directions, dtype=np.float64), -1, 0)
    return np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arcsin(np.clip(z, -1, 1)))


def posterior_precision(
    rotations: np.ndarray, particle_precision: np.ndarray, directions: np.ndarray, half_width_deg: float = SLICE_HALF_WIDTH_DEG
) -> np.ndarray:
    """Return how much the particles say about each direction of the map's transform.

    The sum of the precisions of the particles whose central slice contains the direction: their viewing direction is at right angles
    to it, within ``half_width_deg``. It is divided by the share of uniformly spread views that would do so, sin(half width), so that uniform views
    give the sum over all particles whatever the width.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
    particle_precision : ndarray, shape (n,)
        Sum (or mean) of C² / sigma2 over the frequencies of interest, one number per particle.
    directions : ndarray, shape (m, 3)
        Unit vectors.
    half_width_deg : float

    Returns
    -------
    ndarray, float64, shape (m,)
    """
    if len(rotations) != len(particle_precision):
        raise InputError(f"{len(rotations)} rotations came with {len(particle_precision)} precisions, wanted one each")
    views = viewing_directions(rotations).astype(np.float32)
    weights = np.asarray(particle_precision, dtype=np.float64)
    width = np.sin(np.deg2rad(half_width_deg))
    total = np.zeros(len(directions))
    for start in range(0, len(views), 20_000):
        part = slice(start, start + 20_000)
        seen = np.abs(views[part] @ np.asarray(directions, dtype=np.float32).T) <= width
        total += weights[part] @ seen
    return total / width


def sampling_compensation(precision: np.ndarray) -> float:
    """Return SCF*, harmonic over arithmetic mean of the precision of evenly spread directions (m,): 1 for even views, 8 / pi² = 0.81 for side views.

    Where directions are not seen at all the harmonic mean would be 0 however few they are: it is taken over those that are seen, times their share.
    """
    precision = np.asarray(precision, dtype=np.float64)
    seen = precision[precision > 0]
    if not len(seen):
        raise InputError("no direction is determined at all: the precision is 0 everywhere; there must be particles with signal")
    return float(len(seen) / len(precision) / (np.mean(1 / seen) * seen.mean()))


@dataclass(frozen=True, eq=False)
class ConicalFsc:
    """FSC of two half maps in cones about many directions.

    Attributes
    ----------
    directions_xyz : ndarray, float64, shape (m, 3)
        Axes of the cones, on the half sphere.
    curves : ndarray, float64, shape (m, n // 2 + 1)
    whole : ndarray, float64, shape (n // 2 + 1,)
        FSC of whole shells.
    """

    directions_xyz: np.ndarray
    curves: np.ndarray
    whole: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """Area under each curve (m,): the sum over shells 1 to n // 2; 0 where it would be negative."""
        return np.maximum(self.curves[:, 1:].sum(1), 0)

    @property
    def area_ratio(self) -> float:
        """cFAR, the smallest over the largest area; below 0.5 the map is anisotropic."""
        areas = self.areas
        return float(areas.min() / areas.max()) if areas.max() > 0 else 0.0


def compute_conical_fsc(half_a: Volume, half_b: Volume, n_directions: int = 128, half_angle_deg: float = CONE_HALF_ANGLE_DEG) -> ConicalFsc:
    """Return the FSC of the coefficients within ``half_angle_deg`` of many axes, both ends of a cone.

    Shells with fewer than 10 coefficients in the cone take the FSC of the whole shell.

    Parameters
    ----------
    half_a, half_b : Volume
    n_directions : int
        Cone axes, evenly spread over the half-sphere.
    half_angle_deg : float
    """
    require_same_grid(half_a, half_b, "half map a", "half map b")
    box_px = half_a.box_px
    whole = fsc(half_a, half_b)
    terms, unit, shells = _cone_terms(half_a, half_b)
    cos_limit = np.cos(np.deg2rad(half_angle_deg))
    directions = half_sphere_directions(n_directions)
    curves = []
    for axis in directions.astype(np.float32):
        inside = np.flatnonzero(np.abs(unit @ axis) >= cos_limit)
        count, product, power_a, power_b = (np.bincount(shells[inside], term[inside], box_px // 2 + 1) for term in terms)
        norm = np.sqrt(power_a * power_b)
        curves.append(np.divide(product, norm, out=whole.copy(), where=(count >= FEWEST_COEFFICIENTS) & (norm > 0)))
    return ConicalFsc(directions, np.stack(curves), whole)


def _cone_terms(half_a: Volume, half_b: Volume) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return count, product and powers of each coefficient, its direction (m, 3) and its shell."""
    box_px = half_a.box_px
    first, second = (volume_to_fourier(torch.from_numpy(half.array)).numpy() for half in (half_a, half_b))
    all_shells = shell_indices(box_px, 3).numpy()
    chosen = (all_shells >= 1) & (all_shells <= box_px // 2)
    counts = conjugate_counts(box_px, 3).numpy()[chosen]
    z, y, x = np.nonzero(chosen)
    signed = lambda k: np.where(k > (box_px - 1) // 2, k - box_px, k)
    vectors = np.stack([x, signed(y), signed(z)], axis=1).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    a, b = first[chosen], second[chosen]
    terms = [counts, counts * np.real(a.conj() * b), counts * np.abs(a) ** 2, counts * np.abs(b) ** 2]
    return terms, unit, all_shells[chosen]
