"""What a climb to the nearest optimum of a pose's posterior needs, and what comes of it; every back-end has its own loop.

Levenberg-Marquardt on likelihood plus prior: R <- R exp([w]), u <- u + du with (w, du) = (A + lambda diag A)^-1 g, g and A gradient and
Gauss-Newton matrix of the log posterior. The prior is Gaussian about the fulcrum f, whose image is u_f = u + P R (f - c): with
delta_r = log(R_c^T R) and delta_s = u_f - u_f(consensus), log p = -1/2 delta_r^T S_r^-1 delta_r - 1/2 delta_s^T S_s^-1 delta_s. A step moves the
deviations by [[J^-1(delta_r), 0], [-P R [f - c]x, 1]], J the right Jacobian of SO(3). After each step, deviations are cut to the extents.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Starts(NamedTuple):
    """Poses to climb from; several may belong to one image."""

    rows: np.ndarray  # (c,) of the images
    rotations: np.ndarray  # (c, 3, 3)
    shifts_px: np.ndarray  # (c, 2)


@dataclass(frozen=True)
class PoseRestraint:
    """What holds the poses of all images beside the images themselves.

    Attributes
    ----------
    consensus_rotations : ndarray (n, 3, 3)
    consensus_images_px : ndarray (n, 2)
        Image of the fulcrum at the consensus pose.
    lever_xyz_px : ndarray (3,)
        From the origin of the poses to the fulcrum, f - c.
    rotation_precision : ndarray (3, 3)
        S_r^-1 in rad^-2, in the axes of the map; 0 without a prior.
    shift_precision : float
        S_s^-1 of an axis in px^-2; 0 without a prior.
    least_precision : ndarray (5,)
        Added to the diagonal of A (rad^-2, px^-2), so that a pose of which nothing is known does not make it singular.
    rotation_extent_rad, shift_extent_px : float
        Longest deviations of the rotation and of the fulcrum's image.
    """

    consensus_rotations: np.ndarray
    consensus_images_px: np.ndarray
    lever_xyz_px: np.ndarray
    rotation_precision: np.ndarray
    shift_precision: float
    least_precision: np.ndarray
    rotation_extent_rad: float
    shift_extent_px: float


@dataclass(frozen=True)
class ClimbRules:
    """When a climb ends, and how it steps: damping falls on success and rises on failure, steps are cut to the longest."""

    evaluations: int
    least_gain: float  # nat that a step must promise
    damping_start: float
    damping_down: float
    damping_up: float
    longest_turn_rad: float
    longest_shift_px: float


class ClimbedPoses(NamedTuple):
    """Where climbs ended, with the log posterior (nat) there, in the coordinates of ``NormalEquations``."""

    rotations: np.ndarray  # (c, 3, 3)
    shifts_px: np.ndarray  # (c, 2)
    value: np.ndarray  # (c,)
    gradient: np.ndarray  # (c, 5)
    matrix: np.ndarray  # (c, 5, 5)
