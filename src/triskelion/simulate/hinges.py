"""Domains that hinge on the body: how far each turns in each particle, and the pose it then has."""

from collections.abc import Sequence

import numpy as np

from triskelion.data.particles import Particles
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.simulate.experiment import Purpose, random_stream


def draw_hinges(hinge_sd_deg: Sequence[float], n_particles: int, seed: int) -> np.ndarray:
    """Draw the rotation of every domain against the body.

    Parameters
    ----------
    hinge_sd_deg : sequence of float, one per domain
        Standard deviation about each of the three axes.
    n_particles, seed : int

    Returns
    -------
    ndarray, float64, shape (n_particles, n_domains, 3, 3)
    """
    sd_rad = np.deg2rad(np.asarray(hinge_sd_deg, dtype=np.float64))[:, None]
    draws = [random_stream(seed, Purpose.HINGE, particle).standard_normal((len(sd_rad), 3)) for particle in range(n_particles)]
    return rotvec_to_matrix(sd_rad * np.array(draws))


def hinge_poses(body: Particles, hinges: np.ndarray, fulcrum_A: np.ndarray) -> Particles:
    """Return the particles with the poses of a domain that has turned about its fulcrum.

    The image of a point x of the domain is P(R (H (x - f) + f)) + t, which is the pose R H with the shift t + P R (f - H f).

    Parameters
    ----------
    body : Particles
        With the poses (R, t) of the body.
    hinges : ndarray, shape (n, 3, 3)
        H of each particle.
    fulcrum_A : ndarray, shape (3,)
        f, from the box centre.
    """
    rotations = rotvec_to_matrix(body["rotvec_rad"])
    moved_A = np.einsum("nij,nj->ni", rotations[:, :2], fulcrum_A - hinges @ fulcrum_A)
    return body.with_columns(rotvec_rad=matrix_to_rotvec(rotations @ hinges), shift_A=body["shift_A"] + moved_A)
