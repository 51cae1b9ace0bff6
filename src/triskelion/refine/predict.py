"""How well the poses of a domain can be known: the expected pose error of a mask, before anything is refined.

The Fisher matrix of the five pose parameters of an image is A = Re sum W conj(J) J^T, J the derivatives of the domain's projection m at the
consensus pose. With the prior's matrix Pr the covariance to be expected of the pose is (A + Pr)^-1.

I = 1/2 sum W |m|² is the log likelihood ratio (nat) that the right pose is expected to have over "there is no domain". For a half map multiplied
by its FSC, as references are, it holds although the map is noisy: of what such a filter leaves, the power equals the covariance with the truth.

The prior leaves room for N = sqrt(det(A + Pr) / det Pr) poses that the image can tell apart. The best of N wrong poses reaches about
-I + 2 sqrt(I ln N) by chance (the largest of N normal variables of mean -I and variance 2 I), the right one has I ± sqrt(2 I). So it wins with
probability Phi(sqrt(2) (sqrt(I) - sqrt(ln N))): half of the particles where the information is the logarithm of the number of poses.

A consensus blurs a domain that moves. Two answers are given:

- **from the map as it is**: what the first iteration has to go by. The domain's own FSC filters the map and sets the limit.
- **as sharp as the rest**: what refinement has to go by when it succeeds. The shells of the domain are raised to the power that the rest of the
  particle has per mass, and filter and limit are those of the rest.

Both are bounds, of perfect references near the truth. Whether refinement comes there, and how near, a rehearsal tells (``rehearsal``): the verdict
is its, as are the errors to be expected.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.special import ndtr

from triskelion.conventions import shell_to_resolution_A
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.shells import fourier_disc, shell_sum
from triskelion.fourier.slices import prepare_slices
from triskelion.fourier.transforms import volume_to_fourier
from triskelion.geometry.fulcrum import image_of_point
from triskelion.kernels.interface import FourierVolume, Kernels, WeightedImages
from triskelion.refine.alignment import LEAST_PRECISION
from triskelion.refine.consensus import Consensus, measure_consensus, rows_of_halves
from triskelion.refine.hinge_blur import FIRST_SHELL, estimate_hinge, find_sharp_part, measure_mass, measure_pose_blur, measure_shared_power
from triskelion.refine.prior import EXTENT_PER_SD, FLOOR_ROTATION_DEG, first_prior
from triskelion.refine.reference import filter_map, wiener_gain
from triskelion.refine.rehearsal import Rehearsal, RehearsedPoses, SharpDomain
from triskelion.refine.rest import rest_of_particle
from triskelion.refine.state import Inputs, Means
from triskelion.resolution.curves import FscCurves
from triskelion.resolution.fsc import compute_fsc_curves

LIMIT_MARGIN_SHELLS = 3  # beyond FSC = 0.143, as in refinement
FEW_WRONG, MANY_WRONG = 0.05, 0.12  # of the rehearsed poses; a refinement gets more wrong
AT_REST = 0.5  # of the mask: further out on its soft edge are neighbours, which stay where they are
LEAST_POWER_LEFT = 0.1  # of the rest by errors of its poses: beyond, a guess
WELL_KNOWN, HARDLY_KNOWN = 0.5, 0.75  # root mean square error over that which the prior expects


@dataclass(frozen=True)
class ExpectedErrors:
    """What is to be expected of the poses of n particles, against references of one quality.

    Attributes
    ----------
    fisher, prior : ndarray (n, 5, 5)
        A and Pr, in (rad, px): rotation about the axes of the map, image of the domain's centre.
    information_nat : ndarray (n,)
        I.
    limit_A : float
        Finest resolution used.
    """

    fisher: np.ndarray
    prior: np.ndarray
    information_nat: np.ndarray
    limit_A: float

    @cached_property
    def covariance(self) -> np.ndarray:
        """(A + Pr)^-1, shape (n, 5, 5)."""
        return np.linalg.inv(self.fisher + self.prior + LEAST_PRECISION)

    @property
    def rotation_sd_deg(self) -> np.ndarray:
        """Expected root mean square of the angle between found and true rotation, shape (n,)."""
        return _total_angle_deg(self.covariance)

    @property
    def rotation_sd_without_prior_deg(self) -> np.ndarray:
        """The same for poses found without a prior (Cramér-Rao bound), shape (n,)."""
        return _total_angle_deg(np.linalg.inv(self.fisher + LEAST_PRECISION))

    @property
    def prior_rotation_sd_deg(self) -> float:
        """Root mean square of the angle that the prior expects."""
        return _rms(_total_angle_deg(np.linalg.inv(self.prior + LEAST_PRECISION)))

    @property
    def axis_sd_deg(self) -> np.ndarray:
        """Root mean square over the particles of the standard deviation about the axes x, y, z of the map, shape (3,)."""
        return np.rad2deg(np.sqrt(np.einsum("nii->ni", self.covariance)[:, :3].mean(0)))

    @property
    def position_sd_px(self) -> np.ndarray:
        """Standard deviation per axis of the image of the domain's centre, shape (n,)."""
        return np.sqrt(np.einsum("nii->ni", self.covariance)[:, 3:].mean(1))

    @property
    def log_n_poses(self) -> np.ndarray:
        """Ln N, shape (n,)."""
        both = np.linalg.slogdet(self.fisher + self.prior + LEAST_PRECISION)[1]
        return 0.5 * (both - np.linalg.slogdet(self.prior + LEAST_PRECISION)[1])

    @property
    def share_right(self) -> float:
        """Expected share of the particles whose right pose wins over the best wrong one."""
        return float(ndtr(np.sqrt(2) * (np.sqrt(self.information_nat) - np.sqrt(self.log_n_poses))).mean())

    @property
    def share_of_prior(self) -> float:
        """Expected root mean square angle over that of the prior: near 1 the images say nothing."""
        return _rms(self.rotation_sd_deg) / self.prior_rotation_sd_deg


@dataclass(frozen=True)
class Prediction:
    """Bounds from the map as it is and with a domain as sharp as the rest, and what a refinement of simulated images came to.

    Attributes
    ----------
    as_it_is, as_the_rest : ExpectedErrors
    rehearsed : RehearsedPoses
        After the last iteration.
    """

    as_it_is: ExpectedErrors
    as_the_rest: ExpectedErrors
    rehearsed: RehearsedPoses

    @property
    def verdict(self) -> str:
        """``alignable`` where few of the rehearsed poses are wrong, ``not`` where many are or hardly anything was learnt, else ``barely``.

        Of a domain that hardly turns a rehearsal gets no pose wrong, whatever images say: there the bound tells what is learnt.
        """
        wrong, unknown = self.rehearsed.share_wrong, max(self.rehearsed.share_of_prior, self.as_the_rest.share_of_prior)
        if wrong > MANY_WRONG or unknown > HARDLY_KNOWN:
            return "not"
        return "alignable" if wrong <= FEW_WRONG and unknown <= WELL_KNOWN else "barely"


@dataclass(frozen=True)
class _Reference:
    """The domain of half a and of half b about its centre, and the last shell to use."""

    volumes: list[FourierVolume]
    limit_shell: int


def predict_pose_errors(inputs: Inputs, means: Means) -> Prediction:
    """Predict how well the poses of a domain can be known.

    Parameters
    ----------
    inputs : Inputs
        A few hundred particles are enough. Of the settings only extents and seed count: they give the prior.
    means : Means
        Nothing is put into its store.

    Raises
    ------
    InputError
        Mask and particle are the same: there is no rest to compare with. The half maps have the opposite contrast of the images.
    """
    start, domain = inputs.start, inputs.domain
    consensus = measure_consensus(inputs, means, "predict")
    rest_mask = start.particle_mask * (1 - domain.mask)
    if rest_mask.max() < 0.5:
        raise InputError("the mask covers the whole particle: nothing is left to compare the domain with; give the mask of one domain")
    own, of_rest = (_curves(inputs, consensus, mask) for mask in (domain.mask, rest_mask))
    references = (_as_it_is(inputs, consensus, own), _as_the_rest(inputs, consensus, own, of_rest, rest_mask))
    as_it_is, as_the_rest = (_expect(inputs, reference, consensus.sigma2, means.kernels) for reference in references)
    *_, rehearsed = Rehearsal(inputs, means, consensus, _sharpen_domain(inputs, consensus, of_rest, means.kernels)).rehearse()
    return Prediction(as_it_is, as_the_rest, rehearsed)


def _total_angle_deg(covariance: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.sqrt(np.einsum("nii->ni", covariance)[:, :3].sum(1)))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _curves(inputs: Inputs, consensus: Consensus, mask: np.ndarray) -> FscCurves:
    pixel_size_A = inputs.images.grid.pixel_size_A
    half_a, half_b = (Volume(half, pixel_size_A) for half in consensus.half_maps)
    return compute_fsc_curves(half_a, half_b, Mask(mask, pixel_size_A), inputs.settings.seed)


def _make_reference(inputs: Inputs, domains: list[np.ndarray], curves: FscCurves) -> _Reference:
    """Bring filtered domains to the origin; the limit is where ``curves`` end."""
    finest = int(inputs.images.disc.shell[-1])
    limit = int(np.clip(np.floor(curves.crossing().shell) + LIMIT_MARGIN_SHELLS, 2, finest))
    return _Reference([prepare_slices(inputs.domain.cut(domain, len(domain)), limit) for domain in domains], limit)


def _as_it_is(inputs: Inputs, consensus: Consensus, own: FscCurves) -> _Reference:
    """Filter, then cut out."""
    return _make_reference(inputs, [filter_map(half, wiener_gain(own)) * inputs.domain.mask for half in consensus.half_maps], own)


def _as_the_rest(inputs: Inputs, consensus: Consensus, own: FscCurves, of_rest: FscCurves, rest_mask: np.ndarray) -> _Reference:
    """Cut out, then raise every shell to the power that the filtered rest has per mass; none falls below that of the map as it is."""
    pixel_size_A, mask, raised = inputs.images.grid.pixel_size_A, inputs.domain.mask, []
    for half in consensus.half_maps:
        density = measure_mass(half, pixel_size_A)
        mass_ratio = (density * mask).sum(dtype=np.float64) / max((density * rest_mask).sum(dtype=np.float64), 1e-30)
        wanted = mass_ratio * _shell_power(filter_map(half, wiener_gain(of_rest)) * rest_mask)
        present = _shell_power(half * mask)
        raise_by = np.sqrt(np.divide(wanted, present, out=np.zeros_like(wanted), where=present > 0))
        raised.append(filter_map(half * mask, np.maximum(raise_by, wiener_gain(own))))
    return _make_reference(inputs, raised, of_rest)


def _sharpen_domain(inputs: Inputs, consensus: Consensus, of_rest: FscCurves, kernels: Kernels) -> SharpDomain:
    """The domain as sharp as the rest would be at its true poses, up to where the rest ends, from both halves, and how far it turns."""
    half_a, half_b = consensus.half_maps
    pixel_size_A, domain, average = inputs.images.grid.pixel_size_A, inputs.domain, (half_a + half_b) / 2
    rest = rest_of_particle(domain, inputs.start.particle_mask, pixel_size_A)
    sharp_part = find_sharp_part(consensus.half_maps, rest.mask, pixel_size_A, of_rest.resolution_A())
    to_rest, power = (measure_shared_power(consensus.half_maps, domain.mask, part, pixel_size_A) for part in (rest.mask, sharp_part))
    last_shell = int(np.clip(np.floor(of_rest.crossing().shell), 2, int(inputs.images.disc.shell[-1])))
    widest_deg = max(inputs.settings.rotation_extent_deg / EXTENT_PER_SD, FLOOR_ROTATION_DEG)
    mass = measure_mass(average, pixel_size_A)
    errors = _expect(replace(inputs, domain=rest), _as_it_is(replace(inputs, domain=rest), consensus, of_rest), consensus.sigma2, kernels)
    rotation_sd_deg, position_sd_A = _rms(errors.rotation_sd_without_prior_deg) / np.sqrt(3), _rms(errors.position_sd_px) * pixel_size_A
    of_poses = measure_pose_blur(mass * sharp_part, rest.center_xyz_px, pixel_size_A, rotation_sd_deg, position_sd_A)
    of_poses = np.interp(np.arange(len(power.found)), np.arange(len(of_poses)), np.maximum(of_poses, LEAST_POWER_LEFT))
    wanted = np.maximum(power.at_rest, power.found) / of_poses * (np.arange(len(of_poses)) <= last_shell + LIMIT_MARGIN_SHELLS)
    raise_by = np.sqrt(np.divide(wanted, power.with_noise, out=np.zeros_like(wanted), where=power.with_noise > 0))
    noise = (half_a - half_b) * np.float32(np.sqrt(0.5))
    sharp, inside = filter_map(average * domain.mask, raise_by), np.clip((domain.mask - AT_REST) / (1 - AT_REST), 0, 1)
    moving, at_rest = sharp * inside, sharp * (1 - inside)
    share = 1 / (1 + _fine_power(moving) / max(_fine_power(at_rest), 1e-30))
    hinge = estimate_hinge(to_rest, mass * domain.mask * inside, domain.fulcrum_xyz_px, pixel_size_A, last_shell, widest_deg, share)
    return SharpDomain(moving, at_rest, noise, hinge.rotation_sd_deg, (hinge.power_left * of_poses, of_poses))


def _fine_power(array: np.ndarray) -> float:
    """Power in the shells that tell of blur."""
    return float(_shell_power(array)[FIRST_SHELL:].sum())


def _shell_power(array: np.ndarray) -> np.ndarray:
    coefficients = volume_to_fourier(torch.from_numpy(array))
    return shell_sum(coefficients.real**2 + coefficients.imag**2, len(array), 3).numpy()


def _expect(inputs: Inputs, reference: _Reference, sigma2: np.ndarray, kernels: Kernels) -> ExpectedErrors:
    """Fisher matrices at the consensus poses: normal equations of images that are not looked at."""
    start, grid, n = inputs.start, inputs.images.grid, len(inputs.start.uid)
    rotations = start.consensus_rotations
    centers_px = image_of_point(rotations, start.consensus_shifts_px, inputs.domain.center_xyz_px)
    disc = fourier_disc(grid.box_px, reference.limit_shell)
    information, fisher = np.zeros(n), np.zeros((n, 5, 5))
    for half, volume in zip(rows_of_halves(start.half_set), reference.volumes, strict=True):
        for rows, block in inputs.images.blocks(half):
            weight = (block.power() * block.per_shell(1 / sigma2))[:, : len(disc)].contiguous()
            empty = WeightedImages(torch.zeros(weight.shape, dtype=torch.complex64), weight, block.scale)
            found = kernels.gauss_newton(volume, rotations[rows], centers_px[rows], empty, np.arange(len(rows)), disc)
            information[rows], fisher[rows] = -found.value, found.matrix  # without an image the value is -1/2 sum W |m|²
    prior = first_prior(start, inputs.domain, inputs.settings, grid.pixel_size_A, np.zeros((n, 2)))
    _, _, prior_matrix = prior.terms(np.arange(n), rotations, centers_px)
    return ExpectedErrors(fisher, prior_matrix, information, shell_to_resolution_A(reference.limit_shell, grid.box_px, grid.pixel_size_A))
