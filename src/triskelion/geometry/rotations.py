"""Rotation matrices for computing, rotation vectors (rad) for tables, angles in degrees for people. All float64."""

import numpy as np
from scipy.spatial.transform import Rotation


def rotvec_to_matrix(rotvec_rad) -> np.ndarray:
    """Rotation vectors (..., 3) in rad -> matrices (..., 3, 3)."""
    rotvec = np.asarray(rotvec_rad, dtype=np.float64)
    return Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(*rotvec.shape[:-1], 3, 3)


def matrix_to_rotvec(matrices) -> np.ndarray:
    """Rotation matrices (..., 3, 3) -> rotation vectors (..., 3) in rad, of length at most pi."""
    matrices = np.asarray(matrices, dtype=np.float64)
    return Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec().reshape(*matrices.shape[:-2], 3)


def rotation_difference_deg(first, second) -> np.ndarray:
    """Angle (degrees) of the rotation between matrices (..., 3, 3) and (..., 3, 3)."""
    relative = np.swapaxes(np.asarray(first, dtype=np.float64), -1, -2) @ np.asarray(second, dtype=np.float64)
    return np.rad2deg(np.linalg.norm(matrix_to_rotvec(relative), axis=-1))


def random_rotations(n: int, generator: np.random.Generator) -> np.ndarray:
    """Draw ``n`` uniformly distributed rotation matrices (n, 3, 3)."""
    return Rotation.random(n, generator).as_matrix()
