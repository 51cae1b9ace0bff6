"""A rehearsal: the refinement of a domain on simulated images, before anything is refined.

A Fisher matrix tells how well poses can be known from a perfect reference, near the truth. What keeps refinement from that are references made of
noisy images at poses with errors, optima elsewhere, and posteriors that are no normal distributions. All of this is in a refinement of images whose
truth is known:

- the truth is the domain of the consensus with its shells raised to the power that the rest has per mass (``hinge_blur``), and would have without
  the errors of its own poses (from the Fisher matrix of the rest);
- images are its projections at the defocus and with the noise of some particles, at poses drawn about their consensus: turned about the fulcrum by
  as much as the blur of the consensus tells. What lies far out on the soft edge of the mask belongs to its neighbours: it is in the images too, at
  the consensus poses, and holds the poses that are found back from where the domain is;
- references are the truth, blurred, with the noise of a half map added. The blur is at first that of the consensus, then what poses drawn from the
  posteriors of the iteration before leave of every shell (the mean of Re conj(m) m_true, in units of |m|²), of the domain and of the neighbours, and
  the noise is the difference of the two half maps, less what such draws average out.

Everything else, search, filters, limits, widths of the prior, and when it ends, is that of ``LocalRefinement``. A few hundred particles stand for
all: their poses tell what the map of all would be like, and need not be enough to make one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from triskelion.data.particles import HALF_A
from triskelion.fourier.complex_product import multiply
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.common_rotation import find_common_rotation
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.imaging.forward import batches, phase_of_shift
from triskelion.imaging.packed import PackedImages
from triskelion.imaging.window import window_power
from triskelion.kernels.interface import FourierVolume
from triskelion.refine.alignment import posterior_covariance
from triskelion.refine.back_projection import PoseCloud
from triskelion.refine.consensus import Consensus, choose_window, window_disc
from triskelion.refine.local import LocalRefinement
from triskelion.refine.prior import PosePrior, first_prior
from triskelion.refine.reference import filter_map
from triskelion.refine.refinement import Refinement
from triskelion.refine.search import SearchExtent
from triskelion.refine.state import Inputs, Means
from triskelion.refine.stopping import Progress, has_converged

WRONG_DEG = 8.0  # an angle from which on a pose is not inaccurate but wrong
LEAST_LEFT = 0.02
SHIFT_SD_A = 1.0  # of the fulcrum's image: what turns about a point leaves it where it is
BLOCK = 500


@dataclass(frozen=True)
class RehearsedPoses:
    """Errors of simulated poses.

    Attributes
    ----------
    angle_deg : ndarray (n,)
        Between found and true rotation.
    position_px : ndarray (n,)
        Between found and true image of the domain's centre.
    hinge_sd_deg : float
        Standard deviation per axis of the turns that were simulated.
    first_prior_sd_deg, prior_sd_deg : float
        Width of the prior per axis that follows from the extents, and that which refinement came to.
    """

    angle_deg: np.ndarray
    position_px: np.ndarray
    hinge_sd_deg: float
    first_prior_sd_deg: float
    prior_sd_deg: float

    @property
    def right(self) -> np.ndarray:
        """Which poses are less than 8° off, bool (n,)."""
        return self.angle_deg < WRONG_DEG

    @property
    def share_wrong(self) -> float:
        """Share of the others."""
        return float((~self.right).mean())

    @property
    def rotation_rms_deg(self) -> float:
        """Root mean square angle of the poses that are not wrong; nan where all are."""
        return float(np.sqrt((self.angle_deg[self.right] ** 2).mean())) if self.right.any() else float("nan")

    @property
    def share_of_prior(self) -> float:
        """Root mean square angle of all poses over that which the first prior expects: near 1 refinement finds nothing."""
        return float(np.sqrt((self.angle_deg**2).mean() / 3)) / self.first_prior_sd_deg


@dataclass(frozen=True)
class SharpDomain:
    """What is simulated.

    Attributes
    ----------
    moving, at_rest : ndarray (n, n, n)
        The domain as sharp as the rest, in the box of the half maps, and what the soft edge of its mask holds of its neighbours.
    noise : ndarray (n, n, n)
        Of a half map.
    hinge_sd_deg : float
        Standard deviation of its turns per axis.
    power_left : tuple of ndarray (shells,)
        Share of the power of every shell that is left in the consensus, of each of the two.
    """

    moving: np.ndarray
    at_rest: np.ndarray
    noise: np.ndarray
    hinge_sd_deg: float
    power_left: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Part:
    """What is simulated of one part: map and its slices, true poses, and what is left of the shells of the window."""

    truth: np.ndarray
    slices: FourierVolume
    rotations: np.ndarray
    centers_px: np.ndarray
    left: np.ndarray


class Rehearsal(LocalRefinement):
    """Refines simulated images of a domain; the real ones are asked for their CTFs only.

    Parameters
    ----------
    inputs : Inputs
        A few hundred particles.
    means : Means
    consensus : Consensus
        Its noise is that of the simulated images.
    domain : SharpDomain
    """

    def __init__(self, inputs: Inputs, means: Means, consensus: Consensus, domain: SharpDomain):
        start, settings, whole = inputs.start, inputs.settings, inputs.images
        inputs = replace(inputs, start=replace(start, rotations=start.consensus_rotations, shifts_px=start.consensus_shifts_px))
        disc = window_disc(whole.disc, choose_window(inputs), int(whole.disc.shell[-1]))
        sigma2 = _noise_in_window(consensus, whole.disc.box_px, disc.box_px, int(disc.shell[-1]))
        images = PackedImages.empty(means.store, "rehearsal", whole.particles["optics_group"], sigma2, disc)
        _pack_transfer(inputs, images)
        pixel_size_A = whole.grid.pixel_size_A
        extent = SearchExtent(settings.rotation_extent_deg, settings.shift_extent_A / pixel_size_A)
        prior = first_prior(start, inputs.domain, settings, pixel_size_A, images.offsets_px)
        Refinement.__init__(self, inputs, means, "rehearsal", consensus, images, prior, extent)
        for sums in self.sums:  # nothing is reconstructed
            sums.forget()
        self.fold_noise = np.sqrt(settings.n_folds / (settings.n_folds - 1))  # a reference is made of all folds but one
        self.hinge_sd_deg = domain.hinge_sd_deg
        moving, at_rest, self.noise = (inputs.domain.cut(array, self.grid.box_px) for array in (domain.moving, domain.at_rest, domain.noise))
        shells = np.arange(self.grid.box_px // 2 + 1) * whole.grid.box_px / self.grid.box_px
        nowhere = np.zeros((len(self.all_rows), 5))
        self.parts = [
            _Part(part, prepare_slices(part, int(disc.shell[-1])), *poses, np.sqrt(np.interp(shells, np.arange(len(left)), left)))
            for part, poses, left in zip(
                (moving, at_rest),
                (self._draw_poses(prior), prior.pose_at(self.all_rows, nowhere[:, :3], nowhere[:, 3:])),
                domain.power_left,
                strict=True,
            )
        ]
        self.noise_left = np.ones(len(shells))
        self._add_signal_and_noise()

    def rehearse(self) -> Iterator[RehearsedPoses]:
        """Yield the errors of the poses after every iteration; ends when a refinement would."""
        history: list[Progress] = []
        while len(history) < self.settings.max_iterations and not has_converged(history):
            number, before = len(history) + 1, self.rotations.copy()
            reference = self.make_reference(HALF_A, self._blur_truth() + filter_map(self.noise, self.noise_left * self.fold_noise))
            volume = self.means.kernels.move_volume(prepare_slices(reference, int(self.images.disc.shell[-1])))
            for rows in batches(self.all_rows, BLOCK):
                best = self.align_block(number, self.posterior_of(rows, volume).on_device(), rows)
                self.rotations[rows], self.centers_px[rows], self.covariance[rows] = best.rotations, best.shifts_px, posterior_covariance(best)
            found = self._put_in_frame()
            self._measure_left(self._draw(number, self.all_rows, *found, self.covariance))
            half_maps = self._make_half_maps()
            curves = self.measure_fsc(half_maps)
            self.learn(number, half_maps, curves)
            step_deg = float(np.median(rotation_difference_deg(before, self.rotations)))
            known_to_deg = float(np.rad2deg(np.median(np.sqrt(np.einsum("nii->ni", self.covariance)[:, :3].sum(1)))))
            history.append(Progress(curves.crossing().shell, step_deg, known_to_deg))
            yield RehearsedPoses(
                rotation_difference_deg(found[0], self.parts[0].rotations),
                np.linalg.norm(found[1] - self.parts[0].centers_px, axis=1),
                self.hinge_sd_deg,
                self.first_prior.rotation_sd_deg,
                self.prior.rotation_sd_deg,
            )

    def _draw_poses(self, prior: PosePrior) -> tuple[np.ndarray, np.ndarray]:
        """True poses, inside the extents."""
        normal = self._draw_normal(5)
        turn, shift_px = normal[:, :3] * np.deg2rad(self.hinge_sd_deg), normal[:, 3:] * (SHIFT_SD_A / self.grid.pixel_size_A)
        posed = prior.pose_at(self.all_rows, turn, shift_px)
        return self.extent.clip(prior, self.all_rows, *posed)

    def _draw_normal(self, n_columns: int) -> np.ndarray:
        """Standard normal numbers (n, columns), which do not depend on the order of the table."""
        by_uid = np.argsort(np.argsort(self.start.uid))
        return np.random.default_rng([self.settings.seed, n_columns]).standard_normal((len(by_uid), n_columns))[by_uid]

    def _add_signal_and_noise(self) -> None:
        """Make the packed images those of the truth: beta = P m / sigma + sqrt(P) n, n of variance 1 per real component."""
        images, disc = self.images, self.images.disc
        for rows in batches(self.all_rows, BLOCK):
            power = images.power[rows].to(torch.float32)
            sigma = torch.from_numpy(np.sqrt(images.sigma2)[:, disc.shell].astype(np.float32))[images.group[rows]]
            shown = sum(self._project(rows, part, part.rotations, part.centers_px) for part in self.parts)
            images.matched[rows] = torch.view_as_real(shown * (power / sigma))
        normal = torch.from_numpy(self._draw_normal(2 * len(disc)).astype(np.float32)).view(-1, len(disc), 2)
        images.matched.add_(normal * images.power.sqrt()[:, :, None])

    def _project(self, rows: np.ndarray, part: "_Part", rotations: np.ndarray, centers_px: np.ndarray) -> torch.Tensor:
        """Projections of a part at poses of all particles, complex64 (r, m)."""
        disc, scale = self.images.disc, self.images.scale[rows]
        slices = self.means.kernels.slice(part.slices, rotations[rows], scale, disc).cpu()
        return multiply(slices, phase_of_shift(disc, centers_px[rows], scale))

    def _blur_truth(self) -> np.ndarray:
        return sum((filter_map(part.truth, part.left) for part in self.parts), np.zeros_like(self.noise))

    def _put_in_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Poses without what a turn and a shift of the whole map explain: the noise of a reference moves all alike, which blurs nothing."""
        rotations = self.rotations @ find_common_rotation(self.rotations, self.parts[0].rotations)
        right = rotation_difference_deg(rotations, self.parts[0].rotations) < WRONG_DEG
        seen, off_px = rotations[:, :2], self.parts[0].centers_px - self.centers_px
        shift = np.linalg.lstsq(seen[right].reshape(-1, 3), off_px[right].reshape(-1), rcond=None)[0]
        return rotations, self.centers_px + seen @ shift

    def _make_half_maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Half maps of the domain; the noise of the second is that of the first seen in a mirror."""
        blurred, noise = self._blur_truth(), filter_map(self.noise, self.noise_left)
        return blurred + noise, blurred + noise[::-1, ::-1, ::-1]

    def _measure_left(self, cloud: PoseCloud) -> None:
        """Settle what poses of a back-projection leave of every shell of both parts of a map, and of its noise, on the shells of the window.

        An image that is put in at several poses brings the same noise to all of them, of which the mean is left.
        """
        moving, at_rest = (self._measure_overlaps(part, cloud) for part in self.parts)
        self.parts = [replace(part, left=np.clip(left, LEAST_LEFT, 1)) for part, (left, _) in zip(self.parts, (moving, at_rest), strict=True)]
        self.noise_left = np.sqrt(np.clip(moving[1], LEAST_LEFT, 1))

    def _measure_overlaps(self, part: "_Part", cloud: PoseCloud) -> tuple[np.ndarray, np.ndarray]:
        """Covariance of a part at its true poses with its mean over drawn ones, and power of that mean, over the power of the part."""
        disc, n_shells = self.images.disc, len(part.left)
        with_truth, power, together = (np.zeros(n_shells) for _ in range(3))
        for rows in batches(self.all_rows, BLOCK):
            weight = self.images.weighted(rows, self.sigma2).weight
            true, *drawn = (
                self._project(rows, part, *poses)
                for poses in [(part.rotations, part.centers_px), *zip(cloud.rotations, cloud.shifts_px, strict=True)]
            )
            mean = sum(drawn) / len(drawn)
            for total, products in (
                (with_truth, mean.real * true.real + mean.imag * true.imag),
                (power, sum(each.real**2 + each.imag**2 for each in drawn) / len(drawn)),
                (together, mean.real**2 + mean.imag**2),
            ):
                per_coefficient = (products * weight).sum(0, dtype=torch.float64).numpy()
                total += np.bincount(disc.shell, per_coefficient, minlength=n_shells)[:n_shells]
        known = np.flatnonzero(power)
        if not len(known):  # a part without density
            return np.ones(n_shells), np.ones(n_shells)
        left, noise_left = (np.interp(np.arange(n_shells), known, total[known] / power[known]) for total in (with_truth, together))
        return left, noise_left


def _noise_in_window(consensus: Consensus, box_px: int, window_px: int, last_shell: int) -> np.ndarray:
    """Noise (groups, shells) on the shells of a window."""
    shells = np.arange(last_shell + 1) * box_px / window_px
    return np.stack([np.interp(shells, np.arange(consensus.sigma2.shape[1]), of_group) for of_group in consensus.sigma2])


def _pack_transfer(inputs: Inputs, packed: PackedImages) -> None:
    """Fill in how the images pass on what they show, P, and where their windows are."""
    start = inputs.start
    centers_px = image_of_point(start.consensus_rotations, start.consensus_shifts_px, inputs.domain.center_xyz_px)
    for rows, block in inputs.images.blocks(np.arange(len(start.uid))):
        whole_px = np.rint(centers_px[rows] * block.scale[:, None])
        packed.power[rows] = window_power(block.power(), block.disc, packed.disc).to(packed.power.dtype)
        packed.offsets_px[rows] = whole_px / block.scale[:, None]
        packed.scale[rows] = block.scale
