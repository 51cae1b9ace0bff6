"""How far refined poses of a domain are from the truth, once the frame of the refined map is taken out."""

from dataclasses import dataclass

import numpy as np

from triskelion.data.particles import Particles, join_by_uid
from triskelion.errors import InputError
from triskelion.geometry.common_rotation import find_common_rotation
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix

LOST_BEYOND_DEG = 8.0  # a pose this far off adds noise rather than detail
INLIER_MEDIANS = 3.0


@dataclass(frozen=True)
class PoseScore:
    """Errors of the poses of the particles that are in both tables, in the order of their uid.

    Attributes
    ----------
    turn_rad : ndarray, shape (n, 3)
        Rotation vector, in the frame of the refined map, by which the truth is turned: R_true = R exp(turn), up to the common rotation.
    offset_A : ndarray, shape (n, 2)
        From the estimated to the true place of the domain's centre in the image.
    """

    turn_rad: np.ndarray
    offset_A: np.ndarray

    @property
    def angle_deg(self) -> np.ndarray:
        """Angles (n,) between estimated and true orientation."""
        return np.rad2deg(np.linalg.norm(self.turn_rad, axis=1))

    @property
    def position_A(self) -> np.ndarray:
        """Distances (n,) in the image between the estimated and the true place of the domain's centre."""
        return np.linalg.norm(self.offset_A, axis=1)

    def squared_distance(self, covariance_rad_A: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distances (n,) of the truth, given posterior covariances (n, 5, 5) in the same order: chi² of 5 degrees where right."""
        error = np.concatenate([self.turn_rad, self.offset_A], axis=1)
        return np.einsum("ni,nij,nj->n", error, np.linalg.inv(covariance_rad_A), error)

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
    common = find_common_rotation(rotations, true_rotations)
    aligned = rotations @ common
    place_A = (aligned @ center_A)[:, :2] + estimated["shift_A"][rows_estimated]
    true_place_A = (true_rotations @ center_A)[:, :2] + truth["shift_A"][rows_truth]
    turn_rad = matrix_to_rotvec(np.swapaxes(rotations, 1, 2) @ true_rotations @ common.T)
    return PoseScore(turn_rad, _remove_common_offset(rotations, true_place_A - place_A))


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
