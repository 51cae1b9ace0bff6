"""Homogeneous and non-uniform refinement: the poses of whole particles, searched anywhere or from those they have.

What is not known yet is searched globally (``refine.global_search``), the rest climbs from where it is. A wrong basin is no local matter, so
particles are searched globally again: all of them as long as many are found to have been wrong, a random share later. Large sets grow from a
subset to all; a particle without a pose is compared with the map of those that have one, the very first with the map given.

Poses that are given are held by a prior about them, whose widths the data tell: images that say little must not lose what is known of them.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.fourier.filters import lowpass
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.symmetry import PointGroup, parse_symmetry
from triskelion.imaging.comparison import compare_weighted
from triskelion.imaging.noise import SAMPLE, image_noise
from triskelion.imaging.scale import Contrast, contrast_prior, shrink_contrast
from triskelion.imaging.stream import spread_rows
from triskelion.maps.symmetrize import symmetrize_map
from triskelion.masks.automatic import particle_mask
from triskelion.ranks import gather_rows
from triskelion.refine.alignment import Candidates, Posterior, align
from triskelion.refine.basins import compare_basins, measure_map_noise
from triskelion.refine.consensus import Consensus, measure_consensus, pack_images, window_disc
from triskelion.refine.global_search import GlobalGrid, find_poses_globally, measure_diameter_px
from triskelion.refine.grey_scale import search_grey_scale
from triskelion.refine.prior import PosePrior
from triskelion.refine.refinement import Advance, Refinement
from triskelion.refine.search import SearchExtent
from triskelion.refine.state import Inputs, Means
from triskelion.resolution.curves import FscCurves
from triskelion.resolution.fsc import compute_fsc_curves

GREY_SAMPLE = 200  # images that the grey scale of the map to start from is fitted to
FIRST_BATCH, BATCH_GROWTH = 10_000, 2  # particles of the first iteration; a later one has so many times more
WRONG_SHARE = 0.05  # of the particles searched again that were in a wrong basin: with more, all are searched again
CHECKED_SHARE = 0.02  # searched again in every iteration
GLOBAL_ITERATIONS = 5  # that search all particles globally, at most
CONTRAST_A = 20.0  # finer shells lose power to errors of poses, each image in its own way
GRID_A = (25.0, 25.0, 20.0)  # resolution of the grid in the first iterations, and in all later ones
FIRST_LIMIT = 2 / 3  # of the initial low-pass: a soft filter leaves signal beyond it, without which wrong poses win
# of poses that are given, per axis: data may widen them, but nothing narrows them where images say little
GIVEN_ROTATION_SD_DEG, GIVEN_SHIFT_SD_A = 2.0, 2.0
LEAST_SHARED_PX = 5  # nearer to Nyquist little would be left to tell half maps apart
DYNAMIC_FROM_A = 12.0  # from which resolution on references are cut out with the dynamic mask


@dataclass(frozen=True)
class WholeSettings:
    """What a person may choose beside ``Settings``.

    Attributes
    ----------
    searches : bool
        Whether poses are searched anywhere; else the refinement starts from those of ``Start``.
    independent_beyond_A : float
        Where poses are searched, half maps share what is coarser, and coarser than five pixels, which keeps them in one frame; infinite where
        they share nothing. Poses that are given keep the frame themselves.
    group : PointGroup
    has_static_mask : bool
        Whether the mask of the domain was given, or is the sphere that the box holds.
    """

    searches: bool = True
    independent_beyond_A: float = 20.0
    group: PointGroup = field(default_factory=lambda: parse_symmetry("C1"))
    has_static_mask: bool = False


class HomogeneousRefinement(Refinement):
    """Refines the poses of whole particles. Making one reads all images once and packs them.

    Parameters
    ----------
    inputs : Inputs
        ``start.half_maps`` are the map to start from, twice, where poses are searched.
    means : Means
    whole : WholeSettings
    advance : callable
        Told how many images were read.
    """

    def __init__(self, inputs: Inputs, means: Means, whole: WholeSettings, advance: Advance = lambda steps: None):
        self.whole, self._stream = whole, inputs.images
        start, settings, stream = inputs.start, inputs.settings, inputs.images
        pixel_size_A = stream.grid.pixel_size_A
        if whole.searches:
            noise = means.shared.settle_once(
                "image_noise", lambda: image_noise(stream, spread_rows(np.arange(len(stream)), stream.particles["uid"], SAMPLE))
            )
            consensus = Consensus(start.half_maps, start.half_maps, noise)
        else:
            consensus = measure_consensus(inputs, means, "whole")
        images = pack_images(inputs, consensus, window_disc(stream.disc, stream.grid.box_px, int(stream.disc.shell[-1])), means, "whole", advance)
        extent = SearchExtent(settings.rotation_extent_deg, settings.shift_extent_A / pixel_size_A)
        seen_px = image_of_point(start.consensus_rotations, start.consensus_shifts_px, inputs.domain.center_xyz_px) - images.offsets_px
        sd_rad, sd_px = (np.deg2rad(GIVEN_ROTATION_SD_DEG), GIVEN_SHIFT_SD_A / pixel_size_A) if settings.use_prior else (np.inf, np.inf)
        prior = PosePrior(start.consensus_rotations, seen_px, np.zeros(3), np.diag(np.full(3, sd_rad**2)), sd_px**2)
        super().__init__(inputs, means, "whole", consensus, images, prior, extent, whole.group)
        self.alignment_mask = np.minimum(self.mask, start.particle_mask)
        self.latest: tuple[np.ndarray, np.ndarray] | None = None  # half maps of the iteration before
        self.global_share = 1.0 if whole.searches else 0.0
        self.map_noise = np.zeros(self.grid.box_px // 2 + 1)  # of references (``compare_basins``)
        self._checked = self._wrong = 0
        self.contrast: Contrast | None = None
        self._compared = np.zeros((2, len(start.uid)))  # of each image with its projection: Re sum conj(m) b and sum W |m|²
        self._by_chance = _shuffle(start.uid, settings.seed)
        if whole.searches:
            self.posed[:] = False
            self.limit_shell = min(self.shell_of(FIRST_LIMIT * settings.initial_lowpass_A), self.finest_shell)
            self.deal(self._first(FIRST_BATCH))
            self.first_map = self._scaled_start()

    # ---- what the maps are made into

    def first_reference(self) -> np.ndarray:
        """The map to start from, low-passed, on the grey scale of the images."""
        return self.first_map * self.alignment_mask

    def make_reference(self, half: int, array: np.ndarray) -> np.ndarray:
        """Join the halves at low resolution where nothing else keeps them in one frame, filter, cut the particle out."""
        if self.whole.searches and self.latest is not None and np.isfinite(self.whole.independent_beyond_A):
            other = torch.from_numpy(self.latest[1 - half] - array)
            shared_A = max(self.whole.independent_beyond_A, LEAST_SHARED_PX * self.grid.pixel_size_A)
            array = array + lowpass(other, self.grid.pixel_size_A, shared_A).numpy() / 2
        return self.filter_reference(array) * self.alignment_mask

    def measure_fsc(self, half_maps: tuple[np.ndarray, np.ndarray]) -> FscCurves:
        """FSC curves; the headline is of the automatic tight mask, or of the static mask that was given."""
        half_a, half_b = (Volume(half, self.grid.pixel_size_A) for half in half_maps)
        static = Mask(self.mask, self.grid.pixel_size_A) if self.whole.has_static_mask else None
        return compute_fsc_curves(half_a, half_b, static, self.settings.seed)

    # ---- how particles are searched

    def align_block(self, number: int, posterior: Posterior, rows: np.ndarray) -> Candidates:
        """Find poses; where contrast is wanted, compare the images with their projections there."""
        best = self._find_poses(number, posterior, rows)
        if self.settings.particle_scale:
            disc = fourier_disc(self.grid.box_px, min(self.shell_of(CONTRAST_A), self.limit_shell))
            poses = best.rotations, best.shifts_px
            self._compared[:, rows] = compare_weighted(posterior.images, posterior.volume, *poses, disc, posterior.kernels)
        return best

    def _find_poses(self, number: int, posterior: Posterior, rows: np.ndarray) -> Candidates:
        """Climb from the poses there are; search globally what has none, and a share of the others again."""
        here, posed = np.arange(len(rows)), self.posed[rows]
        stages = self.stages(0)
        if self.extent.is_fixed:
            return posterior.evaluate(here, self.rotations[rows], self.centers_px[rows], stages[-1].disc)
        everywhere = ~posed | (_chance(self.start.uid[rows], self.settings.seed, number) < self.global_share)
        found = []
        if posed.any():
            found.append(align(posterior, here[posed], self.rotations[rows][posed], self.centers_px[rows][posed], stages))
        if everywhere.any():
            grid = self.grid_at(GRID_A[min(number, len(GRID_A)) - 1])
            found.append(find_poses_globally(posterior, here[everywhere], grid, stages))
        if len(found) == 1:
            return found[0]
        near, anywhere = found
        return self._take_better(posterior, near, anywhere, stages[-1].disc)

    def _take_better(self, posterior: Posterior, near: Candidates, anywhere: Candidates, disc: FourierDisc) -> Candidates:
        """The better of two poses where there are two; counts how many of the particles with a pose were in a wrong basin."""
        both = np.flatnonzero(np.isin(anywhere.rows, near.rows))
        place = np.searchsorted(near.rows, anywhere.rows[both])
        better, elsewhere = compare_basins(posterior, near.take(place), anywhere.take(both), disc, self.map_noise)
        self._checked, self._wrong = self._checked + len(both), self._wrong + int((better & elsewhere).sum())
        kept = near.take(np.setdiff1d(np.arange(len(near.rows)), place[better]))
        taken = anywhere.take(np.setdiff1d(np.arange(len(anywhere.rows)), both[~better]))
        merged = Candidates(*(np.concatenate([getattr(part, name) for part in (kept, taken)]) for name in Candidates.__dataclass_fields__))
        return merged.take(np.argsort(merged.rows, kind="stable"))

    def gather_found(self) -> None:
        """Exchange the comparisons of images with projections, and how many particles were in wrong basins."""
        gather_rows(self.means.ranks, self.own, *self._compared)
        counts = np.array([self._checked, self._wrong])
        self.means.ranks.add(counts)
        self._checked, self._wrong = map(int, counts)

    def grid_at(self, resolution_A: float) -> GlobalGrid:
        """Poses to score in a search anywhere, as finely as a resolution asks for that references have."""
        disc = fourier_disc(self.grid.box_px, min(self.shell_of(resolution_A), self.limit_shell))
        return GlobalGrid.of_disc(disc, measure_diameter_px(self.alignment_mask), self.extent.shift_px, self.whole.group)

    # ---- what an iteration leaves to the next

    def learn(self, number: int, half_maps: tuple[np.ndarray, np.ndarray], curves: FscCurves) -> None:
        """Settle widths of the prior, limit, filter, mask, how many are searched globally, and who is refined."""
        self.latest = half_maps
        self.settle_widths(number)
        self.settle_filter(number, half_maps, curves)
        self._settle_mask(number, half_maps, curves)
        self.map_noise = self.settle_by_first(number, "map_noise", lambda: self._measure_map_noise(half_maps))
        self.global_share = float(self.settle(number, "global_share", lambda: self._next_share(number)))
        self._checked = self._wrong = 0
        if self.settings.particle_scale and self.global_share < 1:  # before, many a projection is not that of its image
            self._settle_contrast(number)
        if not super().may_end:
            self.deal(self._first(BATCH_GROWTH * len(self.batch)))

    def _settle_contrast(self, number: int) -> None:
        """Contrast of the refined particles; images and sums are weighted with it from now on."""
        rows, now = self.batch, self.images.rescaled[self.batch]
        cross, power = self._compared[0, rows] / now, self._compared[1, rows] / now**2
        group = self.images.group[rows]
        prior = self.settle_by_first(number, "contrast", lambda: contrast_prior(cross, power, group))
        self.contrast = shrink_contrast(cross, power, group, prior)
        rescaled = self.images.rescaled.copy()
        rescaled[rows] = self.contrast.values
        self._rescale(rescaled)

    def _rescale(self, rescaled: np.ndarray) -> None:
        """Take on contrasts, over those of the table."""
        self.images.rescaled[:] = rescaled
        self.inputs = replace(self.inputs, images=self._stream.with_contrast(self._stream.particles["contrast"] * rescaled))
        for sums in self.sums:
            sums.forget()  # made again, with these weights, when they are wanted

    @property
    def may_end(self) -> bool:
        """Whether all particles are refined, and few are still found in wrong basins."""
        return super().may_end and self.global_share < 1 and bool(self.posed.all())

    def _next_share(self, number: int) -> float:
        if not self.whole.searches:
            return 0.0  # where the prior holds poses, a better one elsewhere is none
        if number >= GLOBAL_ITERATIONS:
            return CHECKED_SHARE
        # the first map is someone else's, at low resolution: what it led to is always searched again
        is_wrong = number == 1 or self._wrong > max(WRONG_SHARE * self._checked, 1)  # of few, one is chance
        return 1.0 if is_wrong else CHECKED_SHARE

    def _measure_map_noise(self, half_maps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Noise of the next references, which hold all folds of a half-set but one."""
        half_a, half_b = (self.filter_reference(half) * self.alignment_mask for half in half_maps)
        n = self.settings.n_folds
        return measure_map_noise(half_a, half_b) * (n / max(n - 1, 1))

    def _settle_mask(self, number: int, half_maps: tuple[np.ndarray, np.ndarray], curves: FscCurves) -> None:
        """Dynamic mask from 12 Å on; before that, the particle loosely."""
        if self.settings.dynamic_mask and curves.resolution_A() <= DYNAMIC_FROM_A:
            self.settle_alignment_mask(number, half_maps)
            return

        def loose() -> np.ndarray:
            average = Volume((half_maps[0] + half_maps[1]) / 2 * self.mask, self.grid.pixel_size_A)
            return np.rint(particle_mask(average).array * 255).astype(np.uint8)

        self.alignment_mask = np.minimum(self.mask, self.settle_by_first(number, "alignment_mask", loose).astype(np.float32) / 255)

    # ---- before the first iteration

    def _scaled_start(self) -> np.ndarray:
        """The map to start from: symmetric, low-passed, brought to the grey scale of the images."""
        pixel_size_A = self.grid.pixel_size_A
        symmetric = symmetrize_map(Volume(self.start.half_maps[0], pixel_size_A), self.whole.group).array
        first = lowpass(torch.from_numpy(symmetric), pixel_size_A, self.settings.initial_lowpass_A).numpy()

        def factor() -> float:
            rows = spread_rows(self.batch, self.start.uid, GREY_SAMPLE)
            volume = prepare_slices(first * self.alignment_mask, int(self.images.disc.shell[-1]))
            grid = self.grid_at(self.settings.initial_lowpass_A)
            return search_grey_scale(self.posterior_of(rows, self.means.kernels.move_volume(volume)), grid)

        return first * np.float32(self.means.shared.settle("whole.grey_scale", factor))

    def _first(self, n: int) -> np.ndarray:
        """So many particles, the same ones first whatever the order of the table."""
        return np.sort(self._by_chance[:n])

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps."""
        extra = {"global_share": np.array(self.global_share), "map_noise": self.map_noise, "rescaled": self.images.rescaled.copy()}
        if self.latest is not None:
            extra["latest"] = np.stack(self.latest)
        return super().state() | extra

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up where ``state`` was taken."""
        super().restore(state)
        self.global_share, self.map_noise = float(state["global_share"]), state["map_noise"]
        self._rescale(state["rescaled"])
        self.latest = tuple(state["latest"]) if "latest" in state else None


def _chance(uid: np.ndarray, seed: int, number: int) -> np.ndarray:
    """A uniform random number for each particle and iteration."""
    return np.array([np.random.Generator(np.random.Philox(key=[int(u), (seed << 32) + (1 << 16) + number])).random() for u in uid])


def _shuffle(uid: np.ndarray, seed: int) -> np.ndarray:
    """Rows in an order that depends on seed and uid alone."""
    return np.lexsort((uid, _chance(uid, seed, 0)))
