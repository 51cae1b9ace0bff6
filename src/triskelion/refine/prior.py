"""The Gaussian prior on a domain's pose: its rotation from the consensus and the shift of its fulcrum in the image.

Poses are tied to the domain's centre c: u is the image of c. The prior is about the fulcrum f, whose image is
u_f = u + P R (f - c). With delta_r = log(R_c^T R) and delta_s = u_f - u_f(consensus),

    log p = -1/2 delta_r^T S_r^-1 delta_r - 1/2 delta_s^T S_s^-1 delta_s,

and a step (w, du), R <- R exp([w]), moves them by D (w, du), D = [[J^-1(delta_r), 0], [-P R [f - c]x, 1]], J the right Jacobian of
SO(3). Gradient and matrix are those of -log p in Gauss-Newton form.
"""

from dataclasses import dataclass, replace

import numpy as np

from triskelion.geometry.fulcrum import cross_matrix, image_of_point, shift_of_origin
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.refine.domain import Domain
from triskelion.refine.state import Settings, Start

FLOOR_ROTATION_DEG = 2.0
FLOOR_SHIFT_A = 0.5
EXTENT_PER_SD = 2.5
START_SHIFT_SD_A = 2.5
HELD_ROTATION_SD_RAD, HELD_SHIFT_SD_PX = 1e-4, 1e-2  # where the extent is 0: no width to speak of


@dataclass(frozen=True)
class PosePrior:
    """Prior of all particles.

    Attributes
    ----------
    consensus_rotations : ndarray (n, 3, 3)
    consensus_images : ndarray (n, 2)
        Image (px) of the fulcrum at the consensus pose.
    lever_xyz_px : ndarray (3,)
        f - c.
    rotation_covariance : ndarray (3, 3)
        rad², in the axes of the map.
    shift_variance_px2 : float
        Per axis; infinite covariances (no prior) are given as such.
    """

    consensus_rotations: np.ndarray
    consensus_images: np.ndarray
    lever_xyz_px: np.ndarray
    rotation_covariance: np.ndarray
    shift_variance_px2: float

    def with_widths(self, rotation_covariance: np.ndarray, shift_variance_px2: float) -> "PosePrior":
        """Return the same prior with other widths."""
        return replace(self, rotation_covariance=rotation_covariance, shift_variance_px2=shift_variance_px2)

    @property
    def rotation_sd_deg(self) -> float:
        """Root mean square width per axis in degrees (infinite without a prior)."""
        return float(np.rad2deg(np.sqrt(np.trace(self.rotation_covariance) / 3)))

    def take(self, rows: np.ndarray) -> "PosePrior":
        """Return the prior of some particles, numbered anew."""
        return replace(self, consensus_rotations=self.consensus_rotations[rows], consensus_images=self.consensus_images[rows])

    def about(self, rotations: np.ndarray, shifts_px: np.ndarray) -> "PosePrior":
        """Return the same prior about other poses."""
        return replace(self, consensus_rotations=rotations.copy(), consensus_images=image_of_point(rotations, shifts_px, self.lever_xyz_px))

    def deviation(self, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """delta_r (r, 3) in rad and delta_s (r, 2) in px of poses about the centre."""
        turn = matrix_to_rotvec(np.swapaxes(self.consensus_rotations[rows], -1, -2) @ rotations)
        return turn, image_of_point(rotations, shifts_px, self.lever_xyz_px) - self.consensus_images[rows]

    def pose_at(self, rows: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Poses about the centre with these deviations: the inverse of ``deviation``."""
        rotations = self.consensus_rotations[rows] @ rotvec_to_matrix(turn)
        return rotations, shift_of_origin(rotations, self.consensus_images[rows] + shift, self.lever_xyz_px)

    def log_density(self, turns: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Log density, up to a constant, at all pairs of deviations (r, 3), (s, 2): array (r, s)."""
        by_turn = np.einsum("ri,ij,rj->r", turns, self.rotation_precision, turns)
        by_move = (moves**2).sum(-1) / self.shift_variance_px2
        return -0.5 * (by_turn[:, None] + by_move[None, :])

    def terms(self, rows: np.ndarray, rotations: np.ndarray, shifts_px: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log density (r,), its gradient (r, 5) and the Gauss-Newton matrix (r, 5, 5) of its negative, in (rad, px)."""
        turn, shift = self.deviation(rows, rotations, shifts_px)
        deviation = np.concatenate([turn, shift], axis=1)
        precision = np.zeros((5, 5))
        precision[:3, :3] = self.rotation_precision
        precision[3:, 3:] = np.eye(2) / self.shift_variance_px2
        slope = np.zeros((len(rows), 5, 5))
        slope[:, :3, :3] = _inverse_right_jacobian(turn)
        slope[:, 3:, :3] = -(rotations @ cross_matrix(self.lever_xyz_px))[:, :2]
        slope[:, 3:, 3:] = np.eye(2)
        pulled = deviation @ precision
        value = -0.5 * (pulled * deviation).sum(1)
        gradient = -np.einsum("nij,ni->nj", slope, pulled)
        return value, gradient, np.swapaxes(slope, 1, 2) @ precision @ slope

    @property
    def rotation_precision(self) -> np.ndarray:
        """Inverse of the rotation covariance, rad^-2; 0 without a prior."""
        return np.zeros((3, 3)) if not np.isfinite(np.diag(self.rotation_covariance)).all() else np.linalg.inv(self.rotation_covariance)


def first_prior(start: Start, domain: Domain, settings: Settings, pixel_size_A: float, offsets_px: np.ndarray) -> PosePrior:
    """Prior about the consensus whose widths follow from the search extents; infinitely wide where none is wanted.

    Positions are counted from ``offsets_px`` (n, 2), the middles of the windows.
    Where only one of the two is searched, the other is held: a prior without width keeps steps and draws from using it.
    """
    rotation_sd = np.deg2rad(max(settings.rotation_extent_deg / EXTENT_PER_SD, FLOOR_ROTATION_DEG)) if settings.use_prior else np.inf
    # the consensus itself is taken to be off by a pixel
    widest_px = settings.shift_extent_A / pixel_size_A / EXTENT_PER_SD
    shift_sd = max(min(np.hypot(START_SHIFT_SD_A / pixel_size_A, 1.0), widest_px), FLOOR_SHIFT_A / pixel_size_A) if settings.use_prior else np.inf
    if settings.rotation_extent_deg == 0 < settings.shift_extent_A:
        rotation_sd = HELD_ROTATION_SD_RAD
    if settings.shift_extent_A == 0 < settings.rotation_extent_deg:
        shift_sd = HELD_SHIFT_SD_PX
    images = image_of_point(start.consensus_rotations, start.consensus_shifts_px, domain.fulcrum_xyz_px) - offsets_px
    covariance = np.diag(np.full(3, float(rotation_sd) ** 2))
    return PosePrior(start.consensus_rotations, images, domain.lever_xyz_px, covariance, float(shift_sd) ** 2)


def _inverse_right_jacobian(turn: np.ndarray) -> np.ndarray:
    """J^-1(v) = 1 + [v]/2 + (1/t² - (1 + cos t) / (2 t sin t)) [v]², t = |v| (Sola et al. 2018, arXiv 1812.01537, eq. 144)."""
    t = np.maximum(np.linalg.norm(turn, axis=-1), 1e-4)[:, None, None]
    cross = cross_matrix(turn)
    return np.eye(3) + cross / 2 + (1 / t**2 - (1 + np.cos(t)) / (2 * t * np.sin(t))) * (cross @ cross)


def estimate_widths(
    prior: PosePrior, rotations: np.ndarray, shifts_px: np.ndarray, covariances: np.ndarray, pixel_size_A: float
) -> tuple[np.ndarray, float]:
    """Widths of the prior from aligned poses: robust second moments of the deviations plus the mean posterior covariance.

    Second moments are those of the particles within three robust standard deviations, corrected for that cut (a factor 1.0 / 0.973 of a
    normal variable); posterior covariances (n, 5, 5) are about the centre and are carried to the fulcrum.
    """
    rows = np.arange(len(rotations))
    turn, shift = prior.deviation(rows, rotations, shifts_px)
    spread = np.zeros((len(rows), 5, 5))
    spread[:, :3, :3] = np.eye(3)
    spread[:, 3:, :3] = -(rotations @ cross_matrix(prior.lever_xyz_px))[:, :2]
    spread[:, 3:, 3:] = np.eye(2)
    posterior = np.median(spread @ covariances @ np.swapaxes(spread, 1, 2), axis=0)
    # a posterior as wide as the prior knows nothing: do not let it count twice
    rotation = robust_second_moment(turn) + posterior[:3, :3]
    move = float(np.trace(robust_second_moment(shift)) / 2 + np.trace(posterior[3:, 3:]) / 2)
    floor = np.deg2rad(FLOOR_ROTATION_DEG) ** 2
    values, vectors = np.linalg.eigh(rotation)
    rotation = (vectors * np.maximum(values, floor)) @ vectors.T
    return rotation, max(move, (FLOOR_SHIFT_A / pixel_size_A) ** 2)


def robust_second_moment(vectors: np.ndarray) -> np.ndarray:
    """Second moments (k, k) of vectors (n, k) within three robust standard deviations of 0, corrected for that cut."""
    scale = np.median(np.abs(vectors), axis=0) / 0.6745
    keep = (np.abs(vectors) <= 3 * np.maximum(scale, 1e-12)).all(axis=1)
    chosen = vectors[keep]
    return chosen.T @ chosen / max(len(chosen), 1) / 0.973
