"""Local refinement: the poses of one domain, refined in its windows about its consensus, within extents and under a prior."""

from dataclasses import replace

import numpy as np

from triskelion.conventions import resolution_to_shell
from triskelion.data.particles import HALF_B
from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.fulcrum import shift_of_origin
from triskelion.refine.alignment import Candidates, Posterior, align
from triskelion.refine.consensus import choose_window, measure_consensus, pack_images, rows_of_halves, window_disc
from triskelion.refine.contrast import estimate_particle_contrast
from triskelion.refine.frames import find_drift, move_poses
from triskelion.refine.prior import first_prior
from triskelion.refine.refinement import Advance, Refinement
from triskelion.refine.search import SearchExtent, coarse_starts, start_grids, starts_for_width
from triskelion.refine.state import Inputs, IterationResult, Means
from triskelion.resolution.curves import FscCurves

GRID_RESOLUTION_A = 18.0


class LocalRefinement(Refinement):
    """Refines the poses of one domain against half maps of its own. Making one reads all images once and packs them.

    Parameters
    ----------
    inputs : Inputs
    means : Means
    stage : str
        Name under which shared quantities are recorded.
    advance : callable
        Told how many images were read.
    """

    def __init__(self, inputs: Inputs, means: Means, stage: str = "domain", advance: Advance = lambda steps: None):
        start, domain, settings, whole = inputs.start, inputs.domain, inputs.settings, inputs.images
        consensus = measure_consensus(inputs, means, stage)
        self.contrast = None
        if settings.particle_scale:
            self.contrast = estimate_particle_contrast(inputs, consensus, means, stage)
            inputs = replace(inputs, images=whole.with_contrast(self.contrast.values))
        disc = window_disc(whole.disc, choose_window(inputs), _last_shell(inputs))
        images = pack_images(inputs, consensus, disc, means, stage, advance)
        pixel_size_A = whole.grid.pixel_size_A
        extent = SearchExtent(settings.rotation_extent_deg, settings.shift_extent_A / pixel_size_A)
        prior = first_prior(start, domain, settings, pixel_size_A, images.offsets_px)
        super().__init__(inputs, means, stage, consensus, images, prior, extent)

    def join_halves(self, result: IterationResult) -> IterationResult:
        """Bring the poses of half b into the frame of half a: each half drifts by itself, and maps that do not lie on one another are no average.

        The search goes on from the poses as they were; this is for the maps and the table at the end.
        """
        if self.extent.is_fixed:
            return result
        half_a, half_b = result.half_maps
        pixel_size_A, lowpass_A = self.grid.pixel_size_A, self.settings.initial_lowpass_A

        def drift() -> np.ndarray:
            turn, shift = find_drift(half_a, half_b, self.mask, pixel_size_A, lowpass_A)
            return np.concatenate([turn.ravel(), shift])

        settled = self.means.shared.settle_by_first(f"{self.stage}.drift", drift)
        rotations, centers_px = self.rotations.copy(), self.centers_px.copy()
        rows = rows_of_halves(self.start.half_set)[HALF_B]
        rotations[rows], centers_px[rows] = move_poses(rotations[rows], centers_px[rows], settled[:9].reshape(3, 3), settled[9:])
        turn, shift = self.first_prior.deviation(self.all_rows, rotations, centers_px)
        return replace(
            result,
            rotations=rotations,
            shifts_px=shift_of_origin(rotations, centers_px + self.images.offsets_px, self.domain.center_xyz_px),
            turn_deg=np.rad2deg(np.linalg.norm(turn, axis=1)),
            shift_A=np.linalg.norm(shift, axis=1) * pixel_size_A,
        )

    def align_block(self, number: int, posterior: Posterior, rows: np.ndarray) -> Candidates:
        """Climb from the poses so far and from coarse starts inside the extents."""
        box_px = self.grid.box_px
        here = np.arange(len(rows))
        candidates = (here, self.rotations[rows], self.centers_px[rows])
        if self.extent.is_fixed:
            return posterior.evaluate(*candidates, fourier_disc(box_px, self.limit_shell))
        n_starts = 0
        if self.settings.coarse_starts:
            n_starts = starts_for_width(self.prior.rotation_sd_deg)
            disc = fourier_disc(box_px, min(self.shell_of(GRID_RESOLUTION_A), self.limit_shell))
            grids = start_grids(self.extent, self.prior, self.grid.pixel_size_A)
            found = coarse_starts(posterior.kernels, posterior.volume, posterior.images, disc, here, posterior.prior, grids, n_starts)
            here, rotations, centers = (np.concatenate(pair) for pair in zip(candidates, found, strict=True))
            candidates = (here, rotations, centers)
        return align(posterior, *candidates, self.stages(n_starts))

    def make_reference(self, half: int, array: np.ndarray) -> np.ndarray:
        """Filter a map as the best estimate of the signal, and cut the domain out."""
        return self.filter_reference(array) * self.alignment_mask

    def learn(self, number: int, half_maps: tuple[np.ndarray, np.ndarray], curves: FscCurves) -> None:
        """Settle widths of the prior, resolution limit, filter and alignment mask."""
        self.settle_widths(number)
        self.settle_filter(number, half_maps, curves)
        if self.settings.dynamic_mask:
            self.settle_alignment_mask(number, half_maps)
        if self.settings.recenter:
            self.prior = self.prior.about(self.rotations, self.centers_px)


def _last_shell(inputs: Inputs) -> int:
    """Shell of the whole image up to which coefficients are packed."""
    finest_A, grid, last = inputs.settings.finest_kept_A, inputs.images.grid, int(inputs.images.disc.shell[-1])
    return last if finest_A is None else min(int(resolution_to_shell(finest_A, grid.box_px, grid.pixel_size_A)), last)
