"""What every refinement of poses does: half-sets in folds, each fold against the newest map of the others, until it has converged.

Poses are a rotation and the image of the domain's centre, maps have that centre in the middle. The images of a half-set meet only maps
of their own half. What the halves share passes through ``SharedRecord``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
import torch

from triskelion.conventions import resolution_to_shell, shell_frequency_per_A, shell_to_resolution_A
from triskelion.data.particles import HALF_A, HALF_B
from triskelion.data.volume import Mask, Volume
from triskelion.fourier.complex_product import multiply
from triskelion.fourier.filters import butterworth_gain
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point, shift_of_origin
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.geometry.symmetry import PointGroup
from triskelion.imaging.forward import Grid, batch_size, batches, phase_of_shift
from triskelion.imaging.noise import pool_halves
from triskelion.imaging.packed import PackedImages, PackedNoise
from triskelion.imaging.stream import spread_rows
from triskelion.kernels.interface import FourierVolume
from triskelion.maps.nonuniform import NonuniformFilter
from triskelion.masks.automatic import near_far_masks, smooth_base
from triskelion.ranks import gather_halves, gather_rows, halves_of, own_particles
from triskelion.refine.alignment import Candidates, Posterior, Stage, posterior_covariance
from triskelion.refine.back_projection import HalfSums, PoseCloud, draw_cloud, draw_steps, reconstruct_whole
from triskelion.refine.consensus import Consensus, rows_of_halves
from triskelion.refine.prior import PosePrior, estimate_widths
from triskelion.refine.reference import deal_folds, filter_map, settle_nonuniform_filter, wiener_gain
from triskelion.refine.search import SearchExtent
from triskelion.refine.state import Inputs, IterationResult, Means
from triskelion.refine.stopping import Progress, has_converged
from triskelion.resolution.curves import FscCurves
from triskelion.resolution.fsc import compute_fsc_curves

MARCH_A = (18.0, 12.0, 8.0)  # resolutions of the stages before the limit itself
LIMIT_MARGIN_SHELLS = 3
WIDEN_ONLY_ITERATIONS = 3
DYNAMIC_FRACTION, DYNAMIC_NEAR_FAR_A = 0.2, (6.0, 14.0)  # of the maximum at 20 Å; 1 up to, 0 from on
FINAL_PAIRS = 4  # poses drawn for the final half maps; half as many cost 2 % of the resolution at FSC 0.5 where poses are uncertain

Advance = Callable[[int], None]


class Refinement(ABC):
    """Refines poses against half maps of its own; what is refined, and how a particle is searched, its kinds say.

    Parameters
    ----------
    inputs : Inputs
    means : Means
    stage : str
        Name under which shared quantities are recorded.
    consensus : Consensus
        Noise per shell of the whole images, before the first iteration.
    images : PackedImages
        In the windows in which poses are searched.
    prior, extent : PosePrior, SearchExtent
    group : PointGroup, optional
        Symmetry of the maps.
    """

    def __init__(
        self,
        inputs: Inputs,
        means: Means,
        stage: str,
        consensus: Consensus,
        images: PackedImages,
        prior: PosePrior,
        extent: SearchExtent,
        group: PointGroup | None = None,
    ):
        self.inputs, self.means, self.stage, self.consensus, self.images, self.group = inputs, means, stage, consensus, images, group
        self.start, self.domain, self.settings = inputs.start, inputs.domain, inputs.settings
        self.own = own_particles(means.ranks, self.start.half_set, self.start.uid)
        self.grid = Grid(images.disc.box_px, inputs.images.grid.pixel_size_A)
        self.mask = self.domain.cut(self.domain.mask, self.grid.box_px)
        self.alignment_mask = self.domain.cut(self.domain.aligned_part, self.grid.box_px)
        self.prior = self.used_prior = self.first_prior = prior
        self.extent = extent
        self.sigma2 = images.sigma2
        self.rotations = self.start.rotations.copy()
        self.centers_px = image_of_point(self.start.rotations, self.start.shifts_px, self.domain.center_xyz_px) - images.offsets_px
        if not extent.is_fixed:
            self.rotations, self.centers_px = extent.clip(prior, self.all_rows, self.rotations, self.centers_px)
        self.covariance = np.zeros((len(self.start.uid), 5, 5))
        self.history: list[Progress] = []
        self.limit_shell = min(self.shell_of(self.settings.initial_lowpass_A), self.finest_shell)
        # poses and noise at which the images are in the maps, and the filter that makes references of these
        self.cloud, self.inserted_sigma2 = PoseCloud(self.rotations[None], self.centers_px[None]), self.sigma2
        frequency_per_A = shell_frequency_per_A(np.arange(self.grid.box_px // 2 + 1), self.grid.box_px, self.grid.pixel_size_A)
        self.gain = butterworth_gain(torch.from_numpy(frequency_per_A), 1 / self.settings.initial_lowpass_A).numpy()
        self.filter: NonuniformFilter | None = None
        self.posed = np.ones(len(self.start.uid), bool)  # that are in the maps, or may be
        self.deal(self.all_rows)

    # ---- what the kinds of refinement differ in

    @abstractmethod
    def align_block(self, number: int, posterior: Posterior, rows: np.ndarray) -> Candidates:
        """Find the best pose of each of some particles, numbered anew in ``posterior``, in iteration ``number``."""

    @abstractmethod
    def make_reference(self, half: int, array: np.ndarray) -> np.ndarray:
        """Make a map of images of one half-set into what images are compared with."""

    def gather_found(self) -> None:  # noqa: B027  # most kinds note no more
        """Exchange with other ranks what ``align_block`` has noted beside poses."""

    def first_reference(self) -> np.ndarray | None:
        """Reference of particles as long as none is in the maps; None where all have poses from the beginning."""
        return None

    @abstractmethod
    def learn(self, number: int, half_maps: tuple[np.ndarray, np.ndarray], curves: FscCurves) -> None:
        """Settle what the next iteration works with."""

    # ---- iterations

    @property
    def is_finished(self) -> bool:
        """Whether as many iterations were run as the settings allow (one where there is nothing to search)."""
        return len(self.history) >= (1 if self.extent.is_fixed else self.settings.max_iterations)

    def iterate(self, advance: Advance = lambda steps: None) -> Iterator[IterationResult]:
        """Yield the result of every iteration; ends by itself when nothing improves, or after ``max_iterations``."""
        while not self.is_finished:
            result = self.run_iteration(advance)
            yield result
            if result.converged:
                return

    def state(self) -> dict[str, np.ndarray]:
        """Everything that changes from iteration to iteration, as arrays: what a checkpoint keeps."""
        cuts = {} if self.filter is None else {"cuts_A": self.filter.cuts_A, "cut_of_voxel": self.filter.position}
        return cuts | {
            "rotations": self.rotations, "centers_px": self.centers_px, "covariance": self.covariance, "sigma2": np.asarray(self.sigma2),
            "cloud_rotations": self.cloud.rotations, "cloud_shifts_px": self.cloud.shifts_px, "inserted_sigma2": np.asarray(self.inserted_sigma2),
            "gain": self.gain, "limit_shell": np.array(self.limit_shell), "alignment_mask": self.alignment_mask,
            "posed": self.posed, "batch": self.batch,
            "prior_rotations": self.prior.consensus_rotations, "prior_images": self.prior.consensus_images,
            "rotation_covariance": self.prior.rotation_covariance, "shift_variance_px2": np.array(self.prior.shift_variance_px2),
            "history": np.array([[p.fsc_shell, p.median_change_deg, p.known_to_deg] for p in self.history]).reshape(-1, 3),
        }  # fmt: skip

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up where ``state`` was taken."""
        self.deal(state["batch"])
        self.rotations, self.centers_px, self.covariance = state["rotations"], state["centers_px"], state["covariance"]
        self.sigma2, self.limit_shell, self.posed = state["sigma2"], int(state["limit_shell"]), state["posed"]
        self.cloud = PoseCloud(state["cloud_rotations"], state["cloud_shifts_px"])
        self.inserted_sigma2, self.gain = state["inserted_sigma2"], state["gain"]
        self.alignment_mask = state["alignment_mask"]
        if "cuts_A" in state:
            self.filter = NonuniformFilter(self.grid.pixel_size_A, state["cuts_A"], state["cut_of_voxel"])
        self.prior = PosePrior(
            state["prior_rotations"], state["prior_images"], self.prior.lever_xyz_px, state["rotation_covariance"], float(state["shift_variance_px2"])
        )
        self.history = [Progress(*map(float, figures)) for figures in state["history"]]

    def deal(self, batch: np.ndarray) -> None:
        """Refine the particles ``batch`` from now on; each half-set of them is dealt into folds."""
        self.batch = batch
        self.folds_of = []
        for half in rows_of_halves(self.start.half_set):
            rows = half[np.isin(half, batch)]
            # by uid, so that the order of the table does not matter
            folds = deal_folds(rows[np.argsort(self.start.uid[rows])], self.settings.n_folds)
            self.folds_of.append([np.sort(fold) for fold in folds])
        self.sums = [HalfSums(self.images, folds, self.means.kernels, self.group, self.means.ranks) for folds in self.folds_of]

    def run_iteration(self, advance: Advance = lambda steps: None) -> IterationResult:
        """Align, reconstruct, re-estimate; ``advance`` is told how many particles were aligned."""
        number = len(self.history) + 1
        limit_shell, prior, sigma2 = self.limit_shell, self.prior, self.sigma2
        self.used_prior = prior
        before, before_px = self.rotations.copy(), self.centers_px.copy()
        half_maps, log_posterior, precision = self._align(number, advance)
        curves = self.measure_fsc(half_maps)
        refined = self.batch
        self.learn(number, half_maps, curves)
        step_deg = float(np.median(rotation_difference_deg(before[refined], self.rotations[refined])))
        step_px = float(np.median(np.linalg.norm((self.centers_px - before_px)[refined], axis=1)))
        variance = np.einsum("nii->ni", self.covariance)
        known_to_deg = float(np.rad2deg(np.median(np.sqrt(variance[refined, :3].sum(1)))))
        self.history.append(Progress(curves.crossing().shell, step_deg, known_to_deg))

        grid = self.grid
        turn, shift = self.first_prior.deviation(self.all_rows, self.rotations, self.centers_px)
        return IterationResult(
            number=number,
            half_maps=half_maps,
            curves=curves,
            rotations=self.rotations.copy(),
            shifts_px=shift_of_origin(self.rotations, self.centers_px + self.images.offsets_px, self.domain.center_xyz_px),
            turn_deg=np.rad2deg(np.linalg.norm(turn, axis=1)),
            shift_A=np.linalg.norm(shift, axis=1) * grid.pixel_size_A,
            rotation_sd_deg=np.rad2deg(np.sqrt(variance[:, :3].mean(1))),
            position_sd_A=np.sqrt(variance[:, 3:].mean(1)) * grid.pixel_size_A,
            covariance=self.covariance.copy(),
            log_posterior=log_posterior,
            refined=refined,
            median_step_deg=step_deg,
            median_step_A=step_px * grid.pixel_size_A,
            precision=precision,
            sigma2=np.array(self.sigma2),
            previous_sigma2=np.array(sigma2),
            limit_A=shell_to_resolution_A(limit_shell, grid.box_px, grid.pixel_size_A),
            prior_rotation_sd_deg=prior.rotation_sd_deg,
            prior_shift_sd_A=float(np.sqrt(prior.shift_variance_px2)) * grid.pixel_size_A,
            converged=bool(self.settle(number, "converged", lambda: self.may_end and has_converged(self.history))),
        )

    @property
    def may_end(self) -> bool:
        """Whether nothing is left to be taken up that the iterations so far have left out."""
        return len(self.batch) == len(self.start.uid)

    def final_half_maps(self, result: IterationResult, advance: Advance = lambda steps: None) -> tuple[np.ndarray, np.ndarray]:
        """Half maps in the full box at poses drawn from the posteriors of ``result``, background subtracted, unfiltered: images are read again."""
        center_xyz_px, offsets_px = self.domain.center_xyz_px, self.images.offsets_px
        centers_px = image_of_point(result.rotations, result.shifts_px, center_xyz_px) - offsets_px
        drawn = self._draw(result.number + 1, self.all_rows, result.rotations, centers_px, result.covariance, FINAL_PAIRS)
        cloud = drawn.in_box(offsets_px, center_xyz_px)
        sigma2 = self.images.to_whole_shells(self.sigma2, self.consensus.sigma2, self.inputs.images.disc.box_px)
        for sums in self.sums:
            sums.forget()
        return reconstruct_whole(self.inputs, self.consensus, sigma2, cloud, self.means, advance, self.group)

    # ---- the steps of an iteration

    def _align(self, number: int, advance: Advance) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
        """Move the poses fold by fold and re-estimate the noise; return half maps in the window, log posterior and precision of each particle."""
        n = len(self.rotations)
        log_posterior, precision = np.zeros(n), np.zeros(n)
        disc, sigma2, ranks = self.images.disc, self.sigma2, self.means.ranks
        noise = [PackedNoise(self.images, sigma2) for _ in (HALF_A, HALF_B)]
        poses_each = 2 if self._draws else 1
        cloud = PoseCloud(np.zeros((poses_each, n, 3, 3)), np.zeros((poses_each, n, 2)))
        made = {}
        for half in halves_of(ranks):
            for rows, posterior in self.sweep(half, self.batch, cloud):
                weighted = posterior.images
                best = self.align_block(number, posterior.on_device(), rows)
                self.rotations[rows], self.centers_px[rows] = best.rotations, best.shifts_px
                self.covariance[rows], log_posterior[rows] = posterior_covariance(best), best.value
                precision[rows] = weighted.weight.mean(1).numpy()
                drawn = self._draw(number, rows, best.rotations, best.shifts_px, self.covariance[rows])
                cloud.rotations[:, rows], cloud.shifts_px[:, rows] = drawn.rotations, drawn.shifts_px
                model = posterior.kernels.slice(posterior.volume, best.rotations, weighted.scale, disc).cpu()
                noise[half].add(rows, weighted, multiply(model, phase_of_shift(disc, best.shifts_px, weighted.scale)))
                advance(len(rows))
            made[half] = self.sums[half].solve()
        gather_rows(ranks, self.own, log_posterior, precision, self.rotations, self.centers_px, self.covariance)
        gather_rows(ranks, self.own, *cloud.rotations, *cloud.shifts_px)
        self.gather_found()
        self.cloud, self.inserted_sigma2 = cloud, sigma2
        self.posed[self.batch] = True
        self.sigma2 = self.settle(number, "noise", pool_halves(noise, ranks).variance)
        return gather_halves(ranks, made), log_posterior, precision

    def sweep(self, half: int, chosen: np.ndarray, cloud: PoseCloud) -> Iterator[tuple[np.ndarray, Posterior]]:
        """Go through the folds of a half-set; yield those of the particles ``chosen`` that are this rank's, with what is to be maximised for them.

        A fold is compared with the map of the others at their newest poses: those of ``cloud`` for the folds that came before it. Rows of a
        block are numbered anew in it. Where nobody moves (``cloud`` is that of the refinement) folds go back as they were, for the next sweep.
        """
        disc, sums = self.images.disc, self.sums[half]
        sigma2 = self.inserted_sigma2 if cloud is self.cloud else self.sigma2
        sums.renew(self.cloud, self.inserted_sigma2, [number for number, fold in enumerate(self.folds_of[half]) if self.posed[fold].all()])
        for number, fold in enumerate(self.folds_of[half]):
            sums.take_out(number)
            wanted = fold[np.isin(fold, chosen) & self.own[fold]]
            if len(wanted):
                first = self.first_reference() if sums.is_empty else None
                reference = self.make_reference(half, sums.solve()) if first is None else first
                volume = self.means.kernels.move_volume(prepare_slices(reference, int(disc.shell[-1])))
                for rows in batches(wanted, batch_size(len(disc))):
                    yield rows, self.posterior_of(rows, volume)
            sums.put_in(number, cloud, sigma2)

    def sample(self, half: int, n: int) -> np.ndarray:
        """At most ``n`` particles of a half-set, spread by uid, of as few folds as hold them: every fold costs a reference."""
        folds = self.folds_of[half]
        n_folds = 1 + int(np.argmax(np.cumsum([len(fold) for fold in folds]) >= min(n, sum(map(len, folds)))))
        return spread_rows(np.sort(np.concatenate(folds[:n_folds])), self.start.uid, n)

    def posterior_of(self, rows: np.ndarray, volume: FourierVolume) -> Posterior:
        """What is maximised for some particles against one reference; they are numbered anew."""
        weighted = self.images.weighted(rows, self.sigma2)
        return Posterior(self.means.kernels, volume, weighted, self.prior.take(rows), self.extent, self.grid.pixel_size_A)

    def stages(self, n_starts: int) -> list[Stage]:
        """Stretches of the march for so many coarse starts a particle."""
        shells = [shell for shell in map(self.shell_of, MARCH_A) if shell < self.limit_shell] + [self.limit_shell]
        kept = (3, 2) if n_starts >= 4 else (2, 1)
        stages = []
        for place, shell in enumerate(shells):
            final = place == len(shells) - 1
            keep = 1 if final else kept[min(place, 1)]
            stages.append(Stage(fourier_disc(self.grid.box_px, shell), 5 if final else 3, 0.02 if final else 0.1, keep))
        return stages

    @property
    def _draws(self) -> bool:
        return self.settings.marginalize and not self.extent.is_fixed

    def _draw(
        self, number: int, rows: np.ndarray, rotations: np.ndarray, centers_px: np.ndarray, covariance: np.ndarray, n_pairs: int = 1
    ) -> PoseCloud:
        """Poses at which particles enter the half maps: drawn from their posteriors about these poses, inside the extents."""
        if not self._draws:
            return PoseCloud(rotations[None], centers_px[None])
        steps = draw_steps(covariance, self.settings.seed, number, self.start.uid[rows], n_pairs)
        cloud = draw_cloud(rotations, centers_px, steps)
        return PoseCloud(*self.extent.clip(self.prior, rows, cloud.rotations, cloud.shifts_px))

    def measure_fsc(self, half_maps: tuple[np.ndarray, np.ndarray]) -> FscCurves:
        """FSC curves of half maps; the headline is that of the domain's mask."""
        half_a, half_b = (Volume(half, self.grid.pixel_size_A) for half in half_maps)
        mask = Mask(self.mask, self.grid.pixel_size_A)
        return self.means.ranks.by_first(lambda: compute_fsc_curves(half_a, half_b, mask, self.settings.seed))

    def settle_widths(self, number: int) -> None:
        """Widths of the prior from the aligned poses; they only widen at first (early poses are drawn to the consensus)."""
        if self.extent.is_fixed or not self.settings.use_prior or self.settings.recenter:
            return

        def widths() -> np.ndarray:
            rotation, shift = estimate_widths(self.prior, self.rotations, self.centers_px, self.covariance, self.grid.pixel_size_A)
            return np.append(rotation.ravel(), shift)

        settled = self.settle_by_first(number, "prior_widths", widths)
        rotation, shift = settled[:9].reshape(3, 3), float(settled[9])
        if number <= WIDEN_ONLY_ITERATIONS:
            wider = np.trace(rotation) > np.trace(self.prior.rotation_covariance)
            rotation = rotation if wider else self.prior.rotation_covariance
            shift = max(shift, self.prior.shift_variance_px2)
        self.prior = self.prior.with_widths(
            rotation if self.extent.rotation_deg else self.prior.rotation_covariance, shift if self.extent.shift_px else self.prior.shift_variance_px2
        )

    def filter_reference(self, array: np.ndarray) -> np.ndarray:
        """Filter a map as the best estimate of the signal: voxel by voxel once two half maps have shown how, or uniformly."""
        return filter_map(array, self.gain) if self.filter is None else self.filter.apply(array)

    def settle_filter(self, number: int, half_maps: tuple[np.ndarray, np.ndarray], curves: FscCurves) -> None:
        """Resolution limit of the next iteration, and filter of its references."""
        limit = self.settle(number, "limit_shell", lambda: np.floor(curves.crossing().shell) + LIMIT_MARGIN_SHELLS)
        self.limit_shell = int(np.clip(limit, 2, self.finest_shell))
        if not self.settings.nonuniform:
            self.gain = self.settle(number, "filter", lambda: wiener_gain(curves))
            return
        finest_A = shell_to_resolution_A(self.limit_shell, self.grid.box_px, self.grid.pixel_size_A)
        self.filter = settle_nonuniform_filter(self.means.shared, f"{self.stage}.cut_of_voxel.{number}", half_maps, self.grid, finest_A)

    def settle_alignment_mask(self, number: int, half_maps: tuple[np.ndarray, np.ndarray]) -> None:
        """Cut the next references out where the map of this iteration has density, inside the alignment mask that was given."""
        given, pixel_size_A = self.domain.cut(self.domain.aligned_part, self.grid.box_px), self.grid.pixel_size_A

        def mask() -> np.ndarray:
            average = Volume((half_maps[0] + half_maps[1]) / 2 * given, pixel_size_A)
            dynamic = near_far_masks(smooth_base(average, DYNAMIC_FRACTION), pixel_size_A, DYNAMIC_NEAR_FAR_A)[0]
            return np.rint(dynamic.array * 255).astype(np.uint8)  # in bytes, to be recorded cheaply

        dynamic = self.settle_by_first(number, "alignment_mask", mask).astype(np.float32) / 255
        self.alignment_mask = np.minimum(given, dynamic)

    def settle(self, number: int, name: str, compute: Callable[[], np.ndarray | float | bool]) -> np.ndarray:
        """Pass what both halves share in an iteration through the record."""
        return self.means.shared.settle(f"{self.stage}.{name}.{number}", compute)

    def settle_by_first(self, number: int, name: str, compute: Callable[[], np.ndarray | float | bool]) -> np.ndarray:
        """The same for what every rank could compute of what it has: the first does it alone."""
        return self.means.shared.settle_by_first(f"{self.stage}.{name}.{number}", compute)

    @property
    def all_rows(self) -> np.ndarray:
        """Every particle, whether it is refined yet or not."""
        return np.arange(len(self.start.uid))

    @property
    def finest_shell(self) -> int:
        """Last shell of the window that may ever be used."""
        finest = self.settings.max_align_resolution_A
        return int(self.images.disc.shell[-1]) if finest is None else self.shell_of(finest)

    def shell_of(self, resolution_A: float) -> int:
        """Shell of the window that holds a resolution."""
        shell = np.floor(resolution_to_shell(resolution_A, self.grid.box_px, self.grid.pixel_size_A))
        return int(np.clip(shell, 2, int(self.images.disc.shell[-1])))
