"""Points of a map in the images: how a pose tied to one point (the fulcrum, a domain's centre) is tied to another.

A pose takes x to P(R x) + t. The image of point c is u = P(R c) + t; about c the pose is (R, u). All lengths are in one unit
(px or Å), points are counted from the box centre.
"""

import numpy as np


def image_of_point(rotations: np.ndarray, shifts: np.ndarray, point_xyz: np.ndarray) -> np.ndarray:
    """Image u = P(R c) + t of a point for poses (n, 3, 3), (n, 2): array (n, 2)."""
    return (rotations @ np.asarray(point_xyz, np.float64))[..., :2] + shifts


def shift_of_origin(rotations: np.ndarray, images: np.ndarray, point_xyz: np.ndarray) -> np.ndarray:
    """Shift t = u - P(R c) of the poses that take a point to ``images`` (n, 2): the inverse of ``image_of_point``."""
    return images - (rotations @ np.asarray(point_xyz, np.float64))[..., :2]


def rotate_about_fulcrum(rotations: np.ndarray, shifts: np.ndarray, new_rotations: np.ndarray, fulcrum_xyz: np.ndarray) -> np.ndarray:
    """Shifts t' = t + P((R - R') f) that keep the fulcrum where it is in the images when R becomes R'."""
    return shift_of_origin(new_rotations, image_of_point(rotations, shifts, fulcrum_xyz), fulcrum_xyz)


def cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """Matrices [v]x with [v]x w = v x w, shape (..., 3, 3)."""
    v = np.asarray(vectors, np.float64)
    zero = np.zeros(v.shape[:-1])
    rows = [[zero, -v[..., 2], v[..., 1]], [v[..., 2], zero, -v[..., 0]], [-v[..., 1], v[..., 0], zero]]
    return np.stack([np.stack(row, -1) for row in rows], -2)
