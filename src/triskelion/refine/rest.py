"""The rest of the particle first: errors of the consensus pose are errors of the subtraction, and of the prior's centre.

Before a domain is refined, everything outside its mask is refined as if it were the domain, within narrow extents and on voxels no finer than
it needs. Its poses become the consensus: the poses at which the background is projected and from which the domain's hinge is counted.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from triskelion.data.volume import Mask
from triskelion.refine.back_projection import PoseCloud, reconstruct_whole
from triskelion.refine.coarse_grid import coarsen, refine_noise
from triskelion.refine.consensus import settle_image_noise
from triskelion.refine.domain import Domain
from triskelion.refine.local import LocalRefinement
from triskelion.refine.state import Inputs, Means, Settings, Start

ROTATION_EXTENT_DEG = 7.5
SHIFT_EXTENT_A = 7.5
ITERATIONS = 2
FOLDS = 3  # references of two thirds of so large a body are as good, and each costs as much as aligning some hundred particles
PASSES = ITERATIONS + 2  # over all images: packing, iterations, reconstruction
FINEST_A = 6.0  # finer shells would turn a large body by less than a tenth of a degree, and cost memory


def rest_of_particle(domain: Domain, particle_mask: np.ndarray, pixel_size_A: float) -> Domain:
    """The particle outside the domain's mask, as a domain that turns about its own centre."""
    mask = Mask(particle_mask * (1 - domain.mask), pixel_size_A)
    return Domain.of_mask(mask, np.rint(mask.center_xyz_px))


def is_rest_larger(half_maps: tuple[np.ndarray, np.ndarray], domain: Domain, particle_mask: np.ndarray) -> bool:
    """Whether the rest holds more of the particle's power than the domain: only then do its poses deserve more trust."""
    power = np.asarray((half_maps[0] + half_maps[1]) ** 2, np.float64)
    return bool((power * (particle_mask * (1 - domain.mask)) ** 2).sum() > (power * (particle_mask * domain.mask) ** 2).sum())


def narrow_settings(settings: Settings, pixel_size_A: float) -> Settings:
    """Settings with which the rest is refined."""
    return replace(
        settings,
        rotation_extent_deg=ROTATION_EXTENT_DEG,
        shift_extent_A=SHIFT_EXTENT_A,
        coarse_starts=False,
        particle_scale=False,
        max_iterations=ITERATIONS,
        n_folds=FOLDS,
        finest_kept_A=max(FINEST_A, 2 * pixel_size_A),
    )


def refine_rest(inputs: Inputs, means: Means, advance: Callable[[int], None] = lambda steps: None) -> Start:
    """Refine the rest of the particle; return a start with its poses as consensus and the half maps they give.

    Poses to start from follow the consensus where they were the consensus and are to be searched, and are kept where not.
    """
    start, settings, grid = inputs.start, inputs.settings, inputs.images.grid
    narrow = narrow_settings(settings, grid.pixel_size_A)
    everything = replace(start, rotations=start.consensus_rotations, shifts_px=start.consensus_shifts_px)
    coarse = coarsen(replace(inputs, start=everything, settings=narrow), narrow.finest_kept_A or 2 * grid.pixel_size_A)
    coarse_grid = coarse.images.grid
    rest = rest_of_particle(coarse.domain, coarse.start.particle_mask, coarse_grid.pixel_size_A)
    refinement = LocalRefinement(replace(coarse, domain=rest), means, "rest", advance)
    *_, result = refinement.iterate(advance)
    shifts_px = result.shifts_px * (grid.box_px / coarse_grid.box_px)
    sigma2 = refinement.images.to_whole_shells(result.sigma2, refinement.consensus.sigma2, coarse_grid.box_px)
    sigma2 = refine_noise(sigma2, coarse_grid.box_px, settle_image_noise(inputs, means), grid.box_px)
    cloud = PoseCloud(result.rotations[None], shifts_px[None])
    del refinement  # its sums take as much memory as what follows
    half_a, half_b = reconstruct_whole(inputs, None, sigma2, cloud, means, advance)
    searched = settings.rotation_extent_deg > 0 or settings.shift_extent_A > 0
    follow = start.is_at_consensus & searched  # without a search the poses stay what they are
    return replace(
        start,
        half_maps=(half_a, half_b),
        rotations=np.where(follow[:, None, None], result.rotations, start.rotations),
        shifts_px=np.where(follow[:, None], shifts_px, start.shifts_px),
        consensus_rotations=result.rotations,
        consensus_shifts_px=shifts_px,
    )
