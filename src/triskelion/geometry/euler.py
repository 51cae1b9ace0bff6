"""The Euler angles and pose vectors of other programs <-> rotation matrices R of x_image = P(R x) + t. They are converted here only."""

import numpy as np

from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix

# Below this sine of the tilt only rot + psi (or rot - psi) is defined; rot is then 0, as RELION writes it.
GIMBAL_SINE = 1e-15


def relion_to_matrix(angles_deg) -> np.ndarray:
    """RELION's angles -> rotation matrices.

    Parameters
    ----------
    angles_deg : array_like, shape (..., 3)
        rlnAngleRot, rlnAngleTilt, rlnAnglePsi in degrees.

    Returns
    -------
    ndarray, shape (..., 3, 3)
        R = Z(psi) Y(tilt) Z(rot), where Z(a) turns the coordinate axes (not the object) by a about z, Y about y.
    """
    rot, tilt, psi = np.moveaxis(np.deg2rad(np.asarray(angles_deg, dtype=np.float64)), -1, 0)
    return _turn_axes_about_z(psi) @ _turn_axes_about_y(tilt) @ _turn_axes_about_z(rot)


def matrix_to_relion(matrices) -> np.ndarray:
    """Rotation matrices (..., 3, 3) -> RELION's rot, tilt, psi (..., 3) in degrees.

    tilt lies in [0, 180], rot and psi in [-180, 180]; at tilt 0 and 180, where only one of them is defined, rot is 0.
    The three together give the matrix back to float64 precision however close the tilt is to a pole.
    """
    r = np.asarray(matrices, dtype=np.float64)
    sine = np.hypot(r[..., 2, 0], r[..., 2, 1])
    at_pole = sine < GIMBAL_SINE
    tilt = np.where(at_pole, np.where(r[..., 2, 2] > 0, 0.0, np.pi), np.arctan2(sine, r[..., 2, 2]))
    rot = np.where(at_pole, 0.0, np.arctan2(r[..., 2, 1], r[..., 2, 0]))
    # The axis that neither Z(rot) nor Y(tilt) moves shows psi well even where the third column vanishes.
    sine_psi = r[..., 0, 1] * np.cos(rot) - r[..., 0, 0] * np.sin(rot)
    cosine_psi = r[..., 1, 1] * np.cos(rot) - r[..., 1, 0] * np.sin(rot)
    return np.rad2deg(np.stack([rot, tilt, np.arctan2(sine_psi, cosine_psi)], axis=-1))


def cryosparc_pose_to_matrix(pose_rad) -> np.ndarray:
    """CryoSPARC's alignments3D/pose (..., 3), rotation vectors in rad -> R = exp(pose)^T, shape (..., 3, 3)."""
    return np.swapaxes(rotvec_to_matrix(pose_rad), -1, -2)


def matrix_to_cryosparc_pose(matrices) -> np.ndarray:
    """Rotation matrices (..., 3, 3) -> CryoSPARC's alignments3D/pose (..., 3) in rad."""
    return matrix_to_rotvec(np.swapaxes(np.asarray(matrices, dtype=np.float64), -1, -2))


def _turn_axes_about_z(angle_rad: np.ndarray) -> np.ndarray:
    c, s, zero, one = np.cos(angle_rad), np.sin(angle_rad), np.zeros_like(angle_rad), np.ones_like(angle_rad)
    return _matrices(((c, s, zero), (-s, c, zero), (zero, zero, one)))


def _turn_axes_about_y(angle_rad: np.ndarray) -> np.ndarray:
    c, s, zero, one = np.cos(angle_rad), np.sin(angle_rad), np.zeros_like(angle_rad), np.ones_like(angle_rad)
    return _matrices(((c, zero, -s), (zero, one, zero), (s, zero, c)))


def _matrices(rows) -> np.ndarray:
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
