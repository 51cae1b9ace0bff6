"""Local refinement: one iteration as named steps, repeated until it has converged.

The images of a half-set meet only the map of their own half. What the halves share passes through ``SharedRecord``.
"""

from collections.abc import Iterator

import numpy as np
import torch

from triskelion.conventions import resolution_to_shell, shell_to_resolution_A
from triskelion.data.volume import Mask, Volume
from triskelion.fourier.filters import lowpass
from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.fulcrum import image_of_point, shift_of_origin
from triskelion.geometry.rotations import rotation_difference_deg
from triskelion.imaging.forward import ImageSet
from triskelion.imaging.noise import estimate_noise
from triskelion.imaging.subtraction import predict_images
from triskelion.kernels.interface import FourierVolume, Kernels, WeightedImages
from triskelion.maps.nonuniform import LocalCuts, choose_cuts, cut_series, filter_by_cuts
from triskelion.refine.alignment import Candidates, Posterior, Stage, align, posterior_covariance
from triskelion.refine.consensus import HALVES, prepare_consensus
from triskelion.refine.marginalize import reconstruct_half
from triskelion.refine.prior import PosePrior, estimate_widths, first_prior
from triskelion.refine.reference import Domain, domain_slices
from triskelion.refine.search import SearchExtent, coarse_starts, start_grids, starts_for_width
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import IterationResult, Settings, Start
from triskelion.refine.stopping import Progress, has_converged
from triskelion.resolution.curves import FscCurves
from triskelion.resolution.fsc import compute_fsc_curves

MARCH_A = (18.0, 12.0, 8.0)  # resolutions of the stages before the limit itself
GRID_RESOLUTION_A = 18.0
GRID_ITERATIONS = 2
LIMIT_MARGIN_SHELLS = 3
WIDEN_ONLY_ITERATIONS = 3


class LocalRefinement:
    """Refines the poses of one domain against its own half maps.

    Parameters
    ----------
    images : ImageSet
    start : Start
    domain : Domain
    settings : Settings
    kernels : Kernels
    shared : SharedRecord, optional
        Give one with a recording to replay the shared quantities of another run.
    """

    def __init__(self, images: ImageSet, start: Start, domain: Domain, settings: Settings, kernels: Kernels, shared: SharedRecord | None = None):
        self.images, self.start, self.domain, self.settings, self.kernels = images, start, domain, settings, kernels
        self.shared = shared or SharedRecord()
        self.rows_of = [np.flatnonzero(start.half_set == half) for half in HALVES]
        pixel_size_A = images.grid.pixel_size_A
        self.extent = SearchExtent(settings.rotation_extent_deg, settings.shift_extent_A / pixel_size_A)
        self.prior = first_prior(start, domain, settings, pixel_size_A)
        everyone = np.arange(len(start.uid))
        centers = image_of_point(start.rotations, start.shifts_px, domain.center_xyz_px)
        self.rotations, self.centers_px = self.extent.clip(self.prior, everyone, start.rotations, centers)
        self.covariance = np.zeros((len(everyone), 5, 5))
        self.history: list[Progress] = []
        consensus = prepare_consensus(images, start, domain, settings.subtract_background, kernels, self.shared, settings.seed)
        self.residual, self.sigma2 = consensus.residual, consensus.sigma2
        cut = settings.initial_lowpass_A
        self.filtered = [lowpass(torch.from_numpy(half), pixel_size_A, cut).numpy() for half in consensus.half_maps]
        self.limit_shell = self._shell_of(cut)

    def iterate(self) -> Iterator[IterationResult]:
        """Yield the result of every iteration; ends by itself when nothing improves, or after ``max_iterations``."""
        last = 1 if self.extent.is_fixed else self.settings.max_iterations
        while len(self.history) < last:
            result = self._run_iteration(len(self.history) + 1)
            yield result
            if result.converged:
                return

    def _run_iteration(self, number: int) -> IterationResult:
        limit_shell, prior = self.limit_shell, self.prior
        weighted = self.images.weighted(self.residual, self.sigma2)
        volumes = self._references()
        step_deg, step_A, log_posterior = self._align(number, weighted, volumes)
        half_maps = self._reconstruct(number, weighted)
        curves = self._curves(half_maps)
        self._settle_noise(number, volumes)
        self._settle_widths(number)
        self._settle_references(number, half_maps, curves)
        self.history.append(Progress(curves.crossing().shell, step_deg))
        converged = bool(self.shared.settle("converged", number, lambda: has_converged(self.history)))
        return self._result(number, half_maps, curves, log_posterior, (step_deg, step_A), weighted, limit_shell, prior, converged)

    # ---- the steps of an iteration

    def _references(self) -> list[FourierVolume]:
        last_shell = int(self.images.disc.shell[-1])
        return [domain_slices(half, self.domain, last_shell) for half in self.filtered]

    def _align(self, number: int, weighted: WeightedImages, volumes: list[FourierVolume]) -> tuple[float, float, np.ndarray]:
        """Move the poses; return the median step (degrees, Å) and the log posterior of each particle."""
        before, before_px = self.rotations.copy(), self.centers_px.copy()
        log_posterior = np.zeros(len(before))
        for rows, volume in zip(self.rows_of, volumes, strict=True):
            posterior = Posterior(self.kernels, volume, weighted, self.prior, self.extent, self.images.grid.pixel_size_A)
            best = self._align_half(number, posterior, rows)
            self.rotations[rows], self.centers_px[rows] = best.rotations, best.shifts_px
            self.covariance[rows], log_posterior[rows] = posterior_covariance(best), best.value
        moved_px = np.linalg.norm(self.centers_px - before_px, axis=1)
        step_deg = float(np.median(rotation_difference_deg(before, self.rotations)))
        return step_deg, float(np.median(moved_px)) * self.images.grid.pixel_size_A, log_posterior

    def _align_half(self, number: int, posterior: Posterior, rows: np.ndarray) -> Candidates:
        if self.extent.is_fixed:
            return posterior.evaluate(rows, self.rotations[rows], self.centers_px[rows], fourier_disc(self.images.grid.box_px, self.limit_shell))
        candidates = (rows, self.rotations[rows], self.centers_px[rows])
        n_starts = 1
        if number <= GRID_ITERATIONS:
            n_starts += starts_for_width(self.prior.rotation_sd_deg)
            disc = fourier_disc(self.images.grid.box_px, min(self._shell_of(GRID_RESOLUTION_A), self.limit_shell))
            grids = start_grids(self.extent, self.images.grid.pixel_size_A)
            found = coarse_starts(self.kernels, posterior.volume, posterior.images, disc, rows, self.prior, grids, n_starts - 1)
            candidates = tuple(np.concatenate(pair) for pair in zip(candidates, found, strict=True))
        return align(posterior, *candidates, self._stages(n_starts))

    def _stages(self, n_starts: int) -> list[Stage]:
        shells = [shell for shell in map(self._shell_of, MARCH_A) if shell < self.limit_shell] + [self.limit_shell]
        kept = {1: (1, 1), 2: (2, 1), 3: (2, 1)}.get(n_starts, (3, 2))
        stages = []
        for place, shell in enumerate(shells):
            final = place == len(shells) - 1
            keep = 1 if final else kept[min(place, 1)]
            stages.append(Stage(fourier_disc(self.images.grid.box_px, shell), 5 if final else 3, 0.02 if final else 0.1, keep))
        return stages

    def _reconstruct(self, number: int, weighted: WeightedImages) -> list[np.ndarray]:
        """Half maps from marginalised back-projection, in the frame of the input."""
        spread = self.covariance if self.settings.marginalize and not self.extent.is_fixed else None
        return [
            reconstruct_half(
                weighted, self.images, rows, (self.rotations, self.centers_px, spread), self.domain.center_xyz_px,
                (self.settings.seed, number, self.start.uid), self.kernels,
            )
            for rows in self.rows_of
        ]  # fmt: skip

    def _curves(self, half_maps: list[np.ndarray]) -> FscCurves:
        pixel_size_A = self.images.grid.pixel_size_A
        volumes = [Volume(half, pixel_size_A) for half in half_maps]
        return compute_fsc_curves(*volumes, Mask(self.domain.mask, pixel_size_A), self.settings.seed)

    def _settle_noise(self, number: int, volumes: list[FourierVolume]) -> None:
        """Noise from what neither background nor domain explains."""

        def residual_of(rows: np.ndarray) -> torch.Tensor:
            out = self.residual[rows].clone()
            for half, volume in zip(HALVES, volumes, strict=True):
                mine = self.start.half_set[rows] == half
                chosen = rows[mine]
                if len(chosen):
                    out[mine] -= predict_images(self.images, chosen, volume, self.rotations[chosen], self.centers_px[chosen], self.kernels.slice)
            return out

        self.sigma2 = self.shared.settle("noise", number, lambda: estimate_noise(self.images, residual_of))

    def _settle_widths(self, number: int) -> None:
        """Widths of the prior from the aligned poses; they only widen at first (early poses are drawn to the consensus)."""
        if self.extent.is_fixed or not self.settings.use_prior:
            return

        def widths() -> np.ndarray:
            rotation, shift = estimate_widths(self.prior, self.rotations, self.centers_px, self.covariance, self.images.grid.pixel_size_A)
            return np.append(rotation.ravel(), shift)

        settled = self.shared.settle("prior_widths", number, widths)
        rotation, shift = settled[:9].reshape(3, 3), float(settled[9])
        if number <= WIDEN_ONLY_ITERATIONS:
            wider = np.trace(rotation) > np.trace(self.prior.rotation_covariance)
            rotation = rotation if wider else self.prior.rotation_covariance
            shift = max(shift, self.prior.shift_variance_px2)
        self.prior = self.prior.with_widths(rotation, shift)

    def _settle_references(self, number: int, half_maps: list[np.ndarray], curves: FscCurves) -> None:
        """Filter the new half maps and set the resolution limit of the next iteration."""
        grid = self.images.grid
        limit = self.shared.settle("limit_shell", number, lambda: np.floor(curves.crossing().shell) + LIMIT_MARGIN_SHELLS)
        finest = self._shell_of(self.settings.max_align_resolution_A) if self.settings.max_align_resolution_A else int(self.images.disc.shell[-1])
        self.limit_shell = int(np.clip(limit, min(self._shell_of(self.settings.initial_lowpass_A), finest) // 2, finest))
        limit_A = shell_to_resolution_A(self.limit_shell, grid.box_px, grid.pixel_size_A)
        if self.settings.nonuniform:
            index = self.shared.settle("local_cuts", number, lambda: choose_cuts(*half_maps, grid.pixel_size_A, limit_A).index)
            cuts = LocalCuts(cut_series(limit_A), index)
            self.filtered = [filter_by_cuts(half, grid.pixel_size_A, cuts) for half in half_maps]
        else:
            self.filtered = [lowpass(torch.from_numpy(half), grid.pixel_size_A, limit_A).numpy() for half in half_maps]

    # ---- what is reported

    def _result(self, number, half_maps, curves, log_posterior, steps, weighted, limit_shell, prior: PosePrior, converged) -> IterationResult:
        grid, everyone = self.images.grid, np.arange(len(self.rotations))
        turn, shift = prior.deviation(everyone, self.rotations, self.centers_px)
        return IterationResult(
            number=number,
            half_maps=half_maps,
            curves=curves,
            rotations=self.rotations.copy(),
            shifts_px=shift_of_origin(self.rotations, self.centers_px, self.domain.center_xyz_px),
            turn_deg=np.rad2deg(np.linalg.norm(turn, axis=1)),
            shift_A=np.linalg.norm(shift, axis=1) * grid.pixel_size_A,
            covariance=self.covariance.copy(),
            log_posterior=log_posterior,
            median_step_deg=steps[0],
            median_step_A=steps[1],
            precision=weighted.weight.mean(1).numpy(),
            sigma2=np.array(self.sigma2),
            limit_A=shell_to_resolution_A(limit_shell, grid.box_px, grid.pixel_size_A),
            prior_rotation_sd_deg=prior.rotation_sd_deg,
            prior_shift_sd_A=float(np.sqrt(prior.shift_variance_px2)) * grid.pixel_size_A,
            converged=converged,
        )

    def _shell_of(self, resolution_A: float) -> int:
        grid = self.images.grid
        shell = np.floor(resolution_to_shell(resolution_A, grid.box_px, grid.pixel_size_A))
        return int(np.clip(shell, 2, int(self.images.disc.shell[-1])))
