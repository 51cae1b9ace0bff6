"""Directions of equal area on the sphere, and rotations that look along them: grids of the whole rotation group.

Pixel centres of HEALPix in its ring order, after Gorski et al. 2005 (ApJ 622, 759), equations 2 to 9.
"""

import numpy as np

from triskelion.geometry.euler import relion_to_matrix
from triskelion.geometry.symmetry import PointGroup, is_in_asymmetric_unit

FINER = 3  # grid that says which directions border on an asymmetric unit


def healpix_directions(n_side: int) -> np.ndarray:
    """Unit vectors (12 n_side², 3), ring by ring from the north pole; each stands for an equal area."""
    rings = []
    for ring in range(1, 4 * n_side):
        from_pole = min(ring, 4 * n_side - ring)
        if from_pole < n_side:
            count, first, z = 4 * from_pole, 0.5, 1 - from_pole**2 / (3 * n_side**2)
            z = z if ring == from_pole else -z
        else:
            count, first, z = 4 * n_side, 0.5 * ((ring - n_side + 1) % 2), 4 / 3 - 2 * ring / (3 * n_side)
        azimuth_rad = 2 * np.pi / count * (np.arange(count) + first)
        sine = np.sqrt(1 - z * z)
        rings.append(np.stack([sine * np.cos(azimuth_rad), sine * np.sin(azimuth_rad), np.full(count, z)], axis=1))
    return np.concatenate(rings)


def n_side_of_step(step_deg: float) -> int:
    """Coarsest n_side whose directions are at most about ``step_deg`` apart: the edge of a square of a direction's area."""
    area_rad2 = np.deg2rad(step_deg) ** 2
    return max(int(np.ceil(np.sqrt(4 * np.pi / (12 * area_rad2)) - 1e-2)), 1)


def directions_of_unit(n_side: int, group: PointGroup) -> np.ndarray:
    """Directions that cover an asymmetric unit of ``group``: those that are the nearest to one of its points, also from beyond its border."""
    directions = healpix_directions(n_side)
    if len(group) == 1:
        return directions
    points = healpix_directions(FINER * n_side)
    nearest = (points[is_in_asymmetric_unit(points, group)] @ directions.T).argmax(1)
    return directions[np.unique(nearest)]


def rotations_along(directions: np.ndarray, n_in_plane: int) -> np.ndarray:
    """Rotations that look along directions (d, 3), each at in-plane angles psi = 0, 180/p, ... below 180 degrees.

    Returns
    -------
    ndarray, shape (d, p, 3, 3)
        R with R^T z the direction. The other half of the circle is Z(180) R, whose images are those of R after half a turn.
    """
    x, y, z = np.moveaxis(np.asarray(directions, np.float64), -1, 0)
    rot_deg, tilt_deg = np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arctan2(np.hypot(x, y), z))
    psi_deg = 180 / n_in_plane * np.arange(n_in_plane)
    angles_deg = np.stack(np.broadcast_arrays(rot_deg[:, None], tilt_deg[:, None], psi_deg), axis=-1)
    return relion_to_matrix(angles_deg)


def cover_rotations(step_deg: float, group: PointGroup) -> np.ndarray:
    """Rotations about ``step_deg`` apart that, with their half turns in the plane, stand for all that differ under ``group``, shape (r, 3, 3)."""
    directions = directions_of_unit(n_side_of_step(step_deg), group)
    return rotations_along(directions, int(np.ceil(180 / step_deg - 1e-6))).reshape(-1, 3, 3)
