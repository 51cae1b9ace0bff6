"""The one rotation by which two sets of poses of the same images differ: the frames of their maps may be turned against each other."""

import numpy as np
from scipy.spatial.transform import Rotation

from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix

INLIER_DEG = 15.0
ROUNDS = 20


def find_common_rotation(rotations: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return G (3, 3) for which R G is nearest to the others, both (n, 3, 3), not counting particles more than 15° off."""
    common = Rotation.from_matrix(np.swapaxes(rotations, 1, 2) @ others).mean().as_matrix()
    for _ in range(ROUNDS):
        left = matrix_to_rotvec(np.swapaxes(rotations @ common, 1, 2) @ others)
        inliers = np.linalg.norm(left, axis=1) < np.deg2rad(INLIER_DEG)
        if not inliers.any():
            break
        common = common @ rotvec_to_matrix(left[inliers].mean(axis=0))
    return common


def pose_agreement_deg(rotations: np.ndarray, others: np.ndarray) -> float:
    """Return the median angle between two sets of poses (n, 3, 3), once the common rotation is taken out."""
    return float(np.median(rotation_difference_deg(rotations @ find_common_rotation(rotations, others), others)))
