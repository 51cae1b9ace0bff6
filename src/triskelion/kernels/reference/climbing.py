"""Levenberg-Marquardt climbs (``kernels.climb``) as a plain loop in double precision: what back-ends are held to."""

from collections.abc import Callable

import numpy as np

from triskelion.geometry.fulcrum import cross_matrix, image_of_point, shift_of_origin
from triskelion.kernels.climb import ClimbedPoses, ClimbRules, PoseRestraint, Starts
from triskelion.kernels.interface import Disc, FourierVolume, NormalEquations, WeightedImages
from triskelion.kernels.reference.sums import gauss_newton


def climb(volume: FourierVolume, images: WeightedImages, starts: Starts, restraint: PoseRestraint, rules: ClimbRules, disc: Disc) -> ClimbedPoses:
    """See ``Kernels.climb``: from every start, one after the other."""

    def evaluate(row: int, rotation: np.ndarray, shift: np.ndarray) -> NormalEquations:
        likelihood = gauss_newton(volume, rotation[None], shift[None], images, np.array([row]), disc)
        value, gradient, matrix = find_prior_terms(restraint, row, rotation, shift)
        matrix = matrix + likelihood.matrix[0] + np.diag(restraint.least_precision)
        return NormalEquations(value + likelihood.value[0], gradient + likelihood.gradient[0], matrix)

    n = len(starts.rows)
    climbed = ClimbedPoses(np.empty((n, 3, 3)), np.empty((n, 2)), np.empty(n), np.empty((n, 5)), np.empty((n, 5, 5)))
    for number, start in enumerate(zip(*starts, strict=True)):
        for found, end in zip(climbed, _climb_one(evaluate, restraint, rules, *start), strict=True):
            found[number] = end
    return climbed


def _climb_one(evaluate: Callable, restraint: PoseRestraint, rules: ClimbRules, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple:
    here, damping = evaluate(row, rotation, shift), rules.damping_start
    for _ in range(rules.evaluations):
        if 0.5 * here.gradient @ np.linalg.solve(here.matrix, here.gradient) < rules.least_gain:
            break
        step = np.linalg.solve(here.matrix + damping * np.diag(np.diag(here.matrix)), here.gradient)
        step *= min(_find_shrink(step[:3], rules.longest_turn_rad), _find_shrink(step[3:], rules.longest_shift_px))
        pose = clip_pose(restraint, row, rotation @ rotvec_to_matrix(step[:3]), shift + step[3:])
        there = evaluate(row, *pose)
        if there.value > here.value:
            (rotation, shift), here = pose, there
            damping *= rules.damping_down
        else:
            damping *= rules.damping_up
    return rotation, shift, *here


def find_deviation(restraint: PoseRestraint, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """delta_r (rad) and delta_s (px)."""
    turn = matrix_to_rotvec(restraint.consensus_rotations[row].T @ rotation)
    return turn, image_of_point(rotation, shift, restraint.lever_xyz_px) - restraint.consensus_images_px[row]


def clip_pose(restraint: PoseRestraint, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move a pose outside the extents to the nearest pose inside."""
    turn, move = find_deviation(restraint, row, rotation, shift)
    rotation = restraint.consensus_rotations[row] @ rotvec_to_matrix(turn * _find_shrink(turn, restraint.rotation_extent_rad))
    image = restraint.consensus_images_px[row] + move * _find_shrink(move, restraint.shift_extent_px)
    return rotation, shift_of_origin(rotation, image, restraint.lever_xyz_px)


def _find_shrink(vector: np.ndarray, longest: float) -> float:
    return min(1.0, longest / max(float(np.linalg.norm(vector)), 1e-12))


def find_prior_terms(restraint: PoseRestraint, row: int, rotation: np.ndarray, shift: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log density, its gradient (5,) and the Gauss-Newton matrix (5, 5) of its negative."""
    turn, move = find_deviation(restraint, row, rotation, shift)
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
