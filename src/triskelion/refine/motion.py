"""How domains move: hinge axes, amplitudes and correlations between domains, from the poses of several local refinements.

The turn of a domain in a particle is log(R_0^T R), R the pose that the images alone ask for (no prior: ``refine.fulcrum.remove_prior``), R_0 that of
what it moves against: the consensus, or the body refined by itself. It is the motion plus an error whose covariance C is known. So

    covariance of the motion = second moments of the turns - C,

for all domains at once, with robust second moments and the median C. An error of R_0 is in the turns of all domains alike: where the body's poses
have a covariance of their own, it is subtracted from every block, else what is left of it looks like motion that domains have in common.

Turns are counted from the median of each half-set: a refined map may sit turned against the consensus, each half by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.refine.frames import move_map
from triskelion.refine.prior import robust_second_moment

FEWEST_PARTICLES = 50
N_BOOTSTRAP = 100
KNOWN_SD = 2.0  # a variance this many of its standard deviations above 0 is a motion
CORRELATED_SD, LEAST_CORRELATION = 3.5, 0.1  # beyond both, a correlation is more than chance and worth a word


@dataclass(frozen=True)
class FreePoses:
    """Poses of one domain that the images alone ask for.

    Attributes
    ----------
    uid : ndarray (n,)
    rotations : ndarray (n, 3, 3)
    covariance : ndarray (n, 3, 3)
        Of the errors of R exp([w]), rad².
    """

    uid: np.ndarray
    rotations: np.ndarray
    covariance: np.ndarray

    def take(self, rows: np.ndarray) -> "FreePoses":
        """Return the poses of some rows."""
        return FreePoses(self.uid[rows], self.rotations[rows], self.covariance[rows])


@dataclass(frozen=True)
class DomainTurns:
    """Turns of one domain against what it moves against, with the covariances of their errors.

    Attributes
    ----------
    uid : ndarray (n,)
    turns_rad : ndarray (n, 3)
    by_domain_rad2, by_reference_rad2 : ndarray (n, 3, 3)
        Covariance of the error of the domain's pose, and of that of the reference, which domains have in common; 0 where it is not known.
    """

    uid: np.ndarray
    turns_rad: np.ndarray
    by_domain_rad2: np.ndarray
    by_reference_rad2: np.ndarray

    def take(self, rows: np.ndarray) -> "DomainTurns":
        """Return the turns of some rows."""
        return DomainTurns(self.uid[rows], self.turns_rad[rows], self.by_domain_rad2[rows], self.by_reference_rad2[rows])


@dataclass(frozen=True)
class DomainMotion:
    """The hinge of one domain.

    Attributes
    ----------
    axes : ndarray (3, 3)
        Rows: principal axes in the frame of the map, that of the largest motion first.
    amplitude_deg, amplitude_sd_deg : ndarray (3,)
        Standard deviation of the motion about each axis, noise removed, 0 at least; and how well it is known.
    noise_deg : ndarray (3,)
        Standard deviation of the error of a turn about each axis.
    turns_deg : ndarray (n, 3)
        Turns about the axes, noise and all.
    """

    axes: np.ndarray
    amplitude_deg: np.ndarray
    amplitude_sd_deg: np.ndarray
    noise_deg: np.ndarray
    turns_deg: np.ndarray


@dataclass(frozen=True)
class Motion:
    """What several domains do.

    Attributes
    ----------
    uid : ndarray (n,)
        Particles in which all domains have a pose.
    domains : tuple of DomainMotion
    correlation, correlation_sd : ndarray (3 d, 3 d)
        Between the motions about the principal axes of all domains, noise removed; NaN where there is no motion to speak of.
    """

    uid: np.ndarray
    domains: tuple[DomainMotion, ...]
    correlation: np.ndarray
    correlation_sd: np.ndarray

    def strongest(self, first: int, second: int) -> tuple[float, float]:
        """Return the largest correlation in size between two domains, and its standard deviation; NaN where there is none."""
        block = np.s_[3 * first : 3 * first + 3, 3 * second : 3 * second + 3]
        values, sd = self.correlation[block], self.correlation_sd[block]
        if np.isnan(values).all():
            return np.nan, np.nan
        place = np.unravel_index(np.nanargmax(np.abs(values)), values.shape)
        return float(values[place]), float(sd[place])


def measure_turns(domain: FreePoses, reference: FreePoses, half_set: np.ndarray) -> DomainTurns:
    """Return the turns of a domain against a reference with the same particles in the same order.

    Parameters
    ----------
    domain, reference : FreePoses
    half_set : ndarray (n,)
    """
    turns = matrix_to_rotvec(np.swapaxes(reference.rotations, 1, 2) @ domain.rotations)
    for half in (HALF_A, HALF_B):
        rows = half_set == half
        if rows.any():
            turns[rows] -= np.median(turns[rows], axis=0)
    # the reference's error turns the domain with it; seen in the domain's axes that is the same to first order in the turn
    return DomainTurns(domain.uid, turns, domain.covariance, reference.covariance)


def estimate_motion(domains: Sequence[DomainTurns], seed: int = 0) -> Motion:
    """Estimate axes, amplitudes and correlations of all domains; ``seed`` is that of the bootstrap.

    Raises
    ------
    InputError
        There are fewer than 50 particles in which all domains have a pose.
    """
    uid = reduce(np.intersect1d, [domain.uid for domain in domains])
    if len(uid) < FEWEST_PARTICLES:
        raise InputError(f"{len(uid)} particles have a pose in all domains, too few for a motion: give refinements of the same particles, 50 or more")
    domains = [domain.take(np.intersect1d(domain.uid, uid, return_indices=True)[1]) for domain in domains]
    turns = np.concatenate([domain.turns_rad for domain in domains], axis=1)
    noise = _joint_noise(domains)
    covariance = robust_second_moment(turns) - noise
    frame = np.zeros_like(covariance)  # rows: principal axes of all domains
    for block in _blocks(len(domains)):
        frame[block, block] = np.linalg.eigh(covariance[block, block])[1].T[::-1]
    return _in_principal_axes(uid, frame, turns, noise, seed)


def _blocks(n_domains: int) -> list[slice]:
    return [slice(3 * number, 3 * number + 3) for number in range(n_domains)]


def _joint_noise(domains: Sequence[DomainTurns]) -> np.ndarray:
    """Covariance (3 d, 3 d) of the errors of the turns: a block a domain, and that of the reference in all blocks."""
    n = len(domains)
    noise = np.kron(np.ones((n, n)), np.median(domains[0].by_reference_rad2, axis=0))
    for block, domain in zip(_blocks(n), domains, strict=True):
        noise[block, block] += np.median(domain.by_domain_rad2, axis=0)
    return noise


def _in_principal_axes(uid: np.ndarray, frame: np.ndarray, turns: np.ndarray, noise: np.ndarray, seed: int) -> Motion:
    along = turns @ frame.T
    rotated = robust_second_moment(along) - frame @ noise @ frame.T
    variance = np.diag(rotated).copy()
    generator = np.random.default_rng([seed, len(uid)])
    drawn = (along[generator.integers(len(along), size=len(along))] for _ in range(N_BOOTSTRAP))
    moment_sd = np.std([robust_second_moment(sample) for sample in drawn], axis=0)
    variance_sd = np.diag(moment_sd)
    known = variance > KNOWN_SD * variance_sd
    size = np.sqrt(np.where(known, variance, np.nan))
    correlation, correlation_sd = rotated / np.outer(size, size), moment_sd / np.outer(size, size)
    amplitude = np.sqrt(np.maximum(variance, 0))
    spread = (np.sqrt(np.maximum(variance + variance_sd, 0)) - np.sqrt(np.maximum(variance - variance_sd, 0))) / 2
    by_noise = np.sqrt(np.diag(frame @ noise @ frame.T))
    sizes_deg = [np.rad2deg(values) for values in (amplitude, spread, by_noise)]
    domains = []
    for block in _blocks(len(frame) // 3):
        amplitude_deg, amplitude_sd_deg, noise_deg = (values[block] for values in sizes_deg)
        domains.append(DomainMotion(frame[block, block], amplitude_deg, amplitude_sd_deg, noise_deg, np.rad2deg(along[:, block])))
    return Motion(uid, tuple(domains), np.clip(correlation, -1, 1), correlation_sd)


def is_correlated(correlation: float, sd: float) -> bool:
    """Whether a correlation is more than chance, and large enough to matter."""
    return bool(abs(correlation) > max(CORRELATED_SD * sd, LEAST_CORRELATION))


def motion_frames(volume: Volume, mask: Mask, fulcrum_xyz_px: np.ndarray, axis: np.ndarray, angles_deg: Sequence[float]) -> Iterator[Volume]:
    """Yield a map for every angle: the domain turned about an axis (3,) through its fulcrum (3,), px from the box centre; the rest stays.

    What the mask takes of a map is turned and added to what it leaves, so that at 0° the map is what it was.
    """
    rest, domain = volume.array * (1 - mask.array), volume.array * mask.array
    for angle_deg in angles_deg:
        turn = rotvec_to_matrix(np.deg2rad(angle_deg) * np.asarray(axis))
        moved = domain if angle_deg == 0 else move_map(domain, turn, fulcrum_xyz_px - turn @ fulcrum_xyz_px)
        yield Volume(rest + moved, volume.pixel_size_A)
