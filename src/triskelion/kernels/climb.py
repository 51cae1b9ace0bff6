"""What a climb to the nearest optimum of a pose's posterior needs, and the plain loop that back-ends are held to.

Levenberg-Marquardt on likelihood plus prior: R <- R exp([w]), u <- u + du with (w, du) = (A + lambda diag A)^-1 g, g and A gradient and
Gauss-Newton matrix of the log posterior. The prior is Gaussian about the fulcrum f, whose image is u_f = u + P R (f - c): with
delta_r = log(R_c^T R) and delta_s = u_f - u_f(consensus), log p = -1/2 delta_r^T S_r^-1 delta_r - 1/2 delta_s^T S_s^-1 delta_s. A step moves the
deviations by [[J^-1(delta_r), 0], [-P R [f - c]x, 1]], J the right Jacobian of SO(3). After each step, deviations are cut to the extents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from triskelion.geometry.fulcrum import cross_matrix, image_of_point, shift_of_origin
from triskelion.kernels import reference
from triskelion.kernels.interface import Disc, FourierVolume, NormalEquations, WeightedImages


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


def climb(volume: FourierVolume, images: WeightedImages, starts: Starts, restraint: PoseRestraint, rules: ClimbRules, disc: Disc) -> ClimbedPoses:
    """Climb from every start, one after the other, in double precision: obvious rather than fast."""

    def evaluate(row: int, rotation: np.ndarray, shift: np.ndarray) -> NormalEquations:
        likelihood = reference.gauss_newton(volume, rotation[None], shift[None], images, np.array([row]), disc)
        value, gradient, matrix = _prior_terms(restraint, row, rotation, shift)
        matrix = matrix + likelihood.matrix[0] + np.diag(restraint.least_precision)
        return NormalEquations(value + likelihood.value[0], gradient + likelihood.gradient[0], matrix)

    ends = [_climb_one(evaluate, restraint, rules, *start) for start in zip(*starts, strict=True)]
    return ClimbedPoses(*(np.array(column) for column in zip(*ends, strict=True)))


def _climb_one(evaluate: Callable, restraint: PoseRestraint, rules: ClimbRules, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple:
    here, damping = evaluate(row, rotation, shift), rules.damping_start
    for _ in range(rules.evaluations):
        if 0.5 * here.gradient @ np.linalg.solve(here.matrix, here.gradient) < rules.least_gain:
            break
        step = np.linalg.solve(here.matrix + damping * np.diag(np.diag(here.matrix)), here.gradient)
        step *= min(_shrink(step[:3], rules.longest_turn_rad), _shrink(step[3:], rules.longest_shift_px))
        pose = _clip(restraint, row, rotation @ rotvec_to_matrix(step[:3]), shift + step[3:])
        there = evaluate(row, *pose)
        if there.value > here.value:
            (rotation, shift), here = pose, there
            damping *= rules.damping_down
        else:
            damping *= rules.damping_up
    return rotation, shift, *here


def _deviation(restraint: PoseRestraint, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn = matrix_to_rotvec(restraint.consensus_rotations[row].T @ rotation)
    return turn, image_of_point(rotation, shift, restraint.lever_xyz_px) - restraint.consensus_images_px[row]


def _clip(restraint: PoseRestraint, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn, move = _deviation(restraint, row, rotation, shift)
    rotation = restraint.consensus_rotations[row] @ rotvec_to_matrix(turn * _shrink(turn, restraint.rotation_extent_rad))
    image = restraint.consensus_images_px[row] + move * _shrink(move, restraint.shift_extent_px)
    return rotation, shift_of_origin(rotation, image, restraint.lever_xyz_px)


def _shrink(vector: np.ndarray, longest: float) -> float:
    return min(1.0, longest / max(float(np.linalg.norm(vector)), 1e-12))


def _prior_terms(restraint: PoseRestraint, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log density, its gradient (5,) and the Gauss-Newton matrix (5, 5) of its negative."""
    turn, move = _deviation(restraint, row, rotation, shift)
    deviation = np.concatenate([turn, move])
    precision, slope = np.zeros((5, 5)), np.eye(5)
    precision[:3, :3], precision[3:, 3:] = restraint.rotation_precision, restraint.shift_precision * np.eye(2)
    slope[:3, :3] = _inverse_right_jacobian(turn)
    slope[3:, :3] = -(rotation @ cross_matrix(restraint.lever_xyz_px))[:2]
    pulled = precision @ deviation
    return -0.5 * float(deviation @ pulled), -slope.T @ pulled, slope.T @ precision @ slope


def _inverse_right_jacobian(turn: np.ndarray) -> np.ndarray:
    """J^-1(v) = 1 + [v]/2 + (1/t² - cot(t/2) / (2 t)) [v]², t = |v| (Sola et al. 2018, arXiv 1812.01537, eq. 144)."""
    t, cross = max(float(np.linalg.norm(turn)), 1e-4), cross_matrix(turn)
    return np.eye(3) + cross / 2 + (1 / t**2 - 1 / (2 * t * np.tan(t / 2))) * (cross @ cross)


def rotvec_to_matrix(rotvec_rad: np.ndarray) -> np.ndarray:
    """Rotation vector (3,) -> matrix (Rodrigues). Here and below without scipy, which a machine with a GPU may lack."""
    t, cross = max(float(np.linalg.norm(rotvec_rad)), 1e-12), cross_matrix(rotvec_rad)
    return np.eye(3) + np.sin(t) / t * cross + 2 * (np.sin(t / 2) / t) ** 2 * (cross @ cross)


def matrix_to_rotvec(matrix: np.ndarray) -> np.ndarray:
    """Matrix -> rotation vector (3,): its quaternion is an eigenvector (Bar-Itzhack 2000, doi 10.2514/2.4654)."""
    odd = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    even = matrix + matrix.T - np.trace(matrix) * np.eye(3)
    x, y, z, w = np.linalg.eigh(np.block([[even, odd[:, None]], [odd[None], np.trace(matrix).reshape(1, 1)]]))[1][:, -1]
    axis, length = np.copysign(1.0, w) * np.array([x, y, z]), float(np.hypot(np.hypot(x, y), z))
    return 2 * np.arctan2(length, abs(w)) / max(length, 1e-30) * axis
