"""How far refined poses of a domain are from the truth, once the frame of the refined map is taken out."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from triskelion.data.particles import Particles, join_by_uid
from triskelion.errors import InputError
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix

LOST_BEYOND_DEG = 8.0  # a pose this far off adds noise rather than detail
INLIER_DEG = 15.0
INLIER_MEDIANS = 3.0


@dataclass(frozen=True)
class PoseScore:
    """Errors of the poses of the particles that are in both tables.

    Attributes
    ----------
    angle_deg : ndarray, shape (n,)
        Angle between estimated and true orientation.
    position_A : ndarray, shape (n,)
        Distance in the image between the estimated and the true place of the domain's centre.
    """

    angle_deg: np.ndarray
    position_A: np.ndarray

    @property
    def figures(self) -> dict[str, float]:
        """The errors in a few numbers."""
        return {
            "n": len(self.angle_deg),
            "angle_median_deg": float(np.median(self.angle_deg)),
            "angle_rms_deg": float(np.sqrt(np.mean(self.angle_deg**2))),
            "angle_p90_deg": float(np.percentile(self.angle_deg, 90)),
            "over_8deg_percent": float(100 * np.mean(self.angle_deg > LOST_BEYOND_DEG)),
            "position_median_A": float(np.median(self.position_A)),
            "position_p90_A": float(np.percentile(self.position_A, 90)),
        }


def score_poses(estimated: Particles, truth: Particles, center_A: np.ndarray) -> PoseScore:
    """Compare poses with the truth, after one rotation and one offset for all particles (a refined map may sit anywhere).

    Parameters
    ----------
    estimated, truth : Particles
        Matched by uid.
    center_A : ndarray, shape (3,)
        Centre of the domain, from the box centre.

    Raises
    ------
    InputError
        When the tables have no particle in common.
    """
    rows_estimated, rows_truth = join_by_uid(estimated, truth)
    if len(rows_truth) == 0:
        raise InputError("the poses and the truth have no particle in common: score the particles of this simulation")
    rotations = rotvec_to_matrix(estimated["rotvec_rad"][rows_estimated])
    true_rotations = rotvec_to_matrix(truth["rotvec_rad"][rows_truth])
    aligned = rotations @ _find_common_rotation(rotations, true_rotations)
    place_A = (aligned @ center_A)[:, :2] + estimated["shift_A"][rows_estimated]
    true_place_A = (true_rotations @ center_A)[:, :2] + truth["shift_A"][rows_truth]
    residual_A = _remove_common_offset(rotations, true_place_A - place_A)
    return PoseScore(rotation_difference_deg(aligned, true_rotations), np.linalg.norm(residual_A, axis=1))


def _find_common_rotation(rotations: np.ndarray, true_rotations: np.ndarray) -> np.ndarray:
    """Return G (3, 3) for which R G is nearest to the truth, not counting particles more than 15° off."""
    common = Rotation.from_matrix(np.swapaxes(rotations, 1, 2) @ true_rotations).mean().as_matrix()
    for _ in range(20):
        left = matrix_to_rotvec(np.swapaxes(rotations @ common, 1, 2) @ true_rotations)
        inliers = np.linalg.norm(left, axis=1) < np.deg2rad(INLIER_DEG)
        if not inliers.any():
            break
        common = common @ rotvec_to_matrix(left[inliers].mean(axis=0))
    return common


def _remove_common_offset(rotations: np.ndarray, residual_A: np.ndarray) -> np.ndarray:
    """Subtract from residuals (n, 2) the images of one offset in space, fitted without particles more than 3 medians off."""
    projections = rotations[:, :2]
    inliers = np.ones(len(residual_A), dtype=bool)
    for _ in range(6):
        offset_A = np.linalg.lstsq(projections[inliers].reshape(-1, 3), residual_A[inliers].reshape(-1), rcond=None)[0]
        left = residual_A - projections @ offset_A
        distance = np.linalg.norm(left, axis=1)
        inliers = distance < INLIER_MEDIANS * np.median(distance) + 1e-9
    return left
