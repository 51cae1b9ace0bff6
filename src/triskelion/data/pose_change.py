"""Pose change: how far the poses of the same particles are from what they were."""

import numpy as np

from triskelion.data.particles import Particles
from triskelion.errors import InputError
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import PointGroup, nearest_symmetry_mate


def at_consensus(particles: Particles) -> Particles:
    """Return the particles at their consensus poses."""
    return particles.with_columns(rotvec_rad=particles["consensus_rotvec_rad"], shift_A=particles["consensus_shift_A"])


def measure_pose_change(
    now: Particles, before: Particles, point_A: np.ndarray | None = None, group: PointGroup | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the angle of R' Rᵀ (°) and how far the image of a point moved (Å), float64 (n,) each.

    Parameters
    ----------
    now, before : Particles
        The same particles in the same order.
    point_A : ndarray, shape (3,), optional
        From the box centre (x, y, z): the fulcrum; the box centre itself by default.
    group : PointGroup, optional
        Poses of before are taken at the symmetric mates nearest to those of now.

    Raises
    ------
    InputError
        The two tables hold different particles.
    """
    if not np.array_equal(now["uid"], before["uid"]):
        raise InputError("pose changes were asked for of two tables that hold different particles: join them by uid first")
    point = np.zeros(3) if point_A is None else point_A
    turned, given = (rotvec_to_matrix(each["rotvec_rad"]) for each in (now, before))
    given = given if group is None else nearest_symmetry_mate(given, turned, group)
    moved = image_of_point(turned, now["shift_A"], point) - image_of_point(given, before["shift_A"], point)
    return rotation_difference_deg(given, turned), np.linalg.norm(moved, axis=1)
