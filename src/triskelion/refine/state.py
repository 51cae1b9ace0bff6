"""What a local refinement is told, starts from and leaves after each iteration."""

from dataclasses import dataclass

import numpy as np

from triskelion.data.images import ArrayStore
from triskelion.imaging.stream import ImageStream
from triskelion.kernels.interface import Kernels
from triskelion.ranks import Ranks
from triskelion.refine.domain import Domain
from triskelion.refine.shared import SharedRecord
from triskelion.resolution.curves import FscCurves


@dataclass(frozen=True)
class Settings:
    """What a person may choose: the parameters of the job, lengths in Å."""

    rotation_extent_deg: float = 30.0
    shift_extent_A: float = 10.0
    initial_lowpass_A: float = 12.0
    max_align_resolution_A: float | None = None
    use_prior: bool = True
    coarse_starts: bool = True
    marginalize: bool = True
    subtract_background: bool = True
    particle_scale: bool = False  # contrast of each particle against the whole particle, estimated before the first iteration
    recenter: bool = False  # the prior and the extents follow the poses from iteration to iteration
    dynamic_mask: bool = False  # of the references, made anew from the map in each iteration, inside the domain's mask
    use_window: bool = True
    finest_kept_A: float | None = None  # finer coefficients are not packed
    nonuniform: bool = True  # references are filtered voxel by voxel
    n_folds: int = 5  # into which each half-set is dealt; a reference is made of all but one
    max_iterations: int = 15
    seed: int = 0


@dataclass(frozen=True)
class Start:
    """What a local refinement starts from.

    Attributes
    ----------
    uid, half_set : ndarray (p,)
    rotations, shifts_px : ndarray (p, 3, 3), (p, 2)
        Poses to start from, about the box centre.
    consensus_rotations, consensus_shifts_px : ndarray
        Poses at which the background is projected and about which the prior is.
    half_maps : tuple of ndarray (n, n, n)
        Half a, half b of the whole particle.
    particle_mask : ndarray (n, n, n)
        Loose mask of the whole particle.
    """

    uid: np.ndarray
    half_set: np.ndarray
    rotations: np.ndarray
    shifts_px: np.ndarray
    consensus_rotations: np.ndarray
    consensus_shifts_px: np.ndarray
    half_maps: tuple[np.ndarray, np.ndarray]
    particle_mask: np.ndarray

    @property
    def is_at_consensus(self) -> np.ndarray:
        """Whether a pose is the consensus pose, bool (p,): each for itself, as half a must not depend on half b."""
        same_rotation = np.isclose(self.rotations, self.consensus_rotations, atol=1e-6).all(axis=(1, 2))
        return np.logical_and(same_rotation, np.isclose(self.shifts_px, self.consensus_shifts_px, atol=1e-4).all(axis=1))


@dataclass(frozen=True)
class Inputs:
    """What is refined, from where, and as what.

    Attributes
    ----------
    images : ImageStream
    start : Start
    domain : Domain
    settings : Settings
    """

    images: ImageStream
    start: Start
    domain: Domain
    settings: Settings


@dataclass(frozen=True)
class Means:
    """What a refinement works with.

    Attributes
    ----------
    kernels : Kernels
    shared : SharedRecord
        Give one with a recording to replay the shared quantities of another run.
    store : ArrayStore
        Room for packed images.
    """

    kernels: Kernels
    shared: SharedRecord
    store: ArrayStore

    @property
    def ranks(self) -> Ranks:
        """The processes that refine together."""
        return self.shared.ranks


@dataclass(frozen=True)
class IterationResult:
    """What an iteration leaves, for plots, outputs and the next iteration.

    Attributes
    ----------
    number : int
        1-based.
    half_maps : tuple of ndarray (n, n, n)
        Half a, half b in the domain's window: background subtracted, unfiltered.
    curves : FscCurves
        With the user's mask.
    rotations, shifts_px : ndarray (p, 3, 3), (p, 2)
        Current poses about the box centre.
    turn_deg, shift_A : ndarray (p,)
        Change from the consensus; the shift is that of the fulcrum's image.
    rotation_sd_deg, position_sd_A : ndarray (p,)
        Posterior standard deviations, root mean square over axes; the position is that of the domain's centre.
    covariance : ndarray (p, 5, 5)
        Posterior covariance of (rotation about x, y, z of the map, rad; position of the domain's centre in the image, px).
    log_posterior : ndarray (p,)
        Nat, against the reference the iteration began with.
    refined : ndarray, int
        Rows that were refined: all, or a part of them while batches grow.
    median_step_deg, median_step_A : float
        Change since the iteration before.
    precision : ndarray (p,)
        Mean of C²/sigma2 of each particle.
    sigma2, previous_sigma2 : ndarray (groups, shells)
        Noise after and during the iteration.
    limit_A : float
        Finest resolution used in alignment.
    prior_rotation_sd_deg, prior_shift_sd_A : float
        Widths of the prior per axis that were used.
    converged : bool
    """

    number: int
    half_maps: tuple[np.ndarray, np.ndarray]
    curves: FscCurves
    rotations: np.ndarray
    shifts_px: np.ndarray
    turn_deg: np.ndarray
    shift_A: np.ndarray
    rotation_sd_deg: np.ndarray
    position_sd_A: np.ndarray
    covariance: np.ndarray
    log_posterior: np.ndarray
    refined: np.ndarray
    median_step_deg: float
    median_step_A: float
    precision: np.ndarray
    sigma2: np.ndarray
    previous_sigma2: np.ndarray
    limit_A: float
    prior_rotation_sd_deg: float
    prior_shift_sd_A: float
    converged: bool
