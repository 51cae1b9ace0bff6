"""The contrast of each particle against the consensus, in refinement and in subtraction."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from triskelion.data.particles import NO_HALF
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.scale import Contrast, contrast_disc, contrast_prior, measure_contrast, shrink_contrast
from triskelion.ranks import gather_rows, own_particles
from triskelion.refine.consensus import Consensus
from triskelion.refine.state import Inputs, Means


def estimate_particle_contrast(
    inputs: Inputs, consensus: Consensus, means: Means, stage: str, advance: Callable[[int], None] = lambda steps: None
) -> Contrast:
    """Estimate the contrast of all particles against the whole particle at its consensus pose; ``consensus`` was measured in ``stage``.

    What is known of its distribution is a quantity that both half-sets share; all else of an image follows from that image and its half map.
    """
    start, images = inputs.start, inputs.images
    disc = contrast_disc(images.disc, means.shared.settled[f"{stage}.consensus_filter"], images.grid.pixel_size_A)
    volume_a, volume_b = (prepare_slices(half * start.particle_mask, int(disc.shell[-1])) for half in consensus.filtered)
    poses = start.consensus_rotations, start.consensus_shifts_px
    coarse = replace(images, disc=disc)
    own = own_particles(means.ranks, start.half_set, start.uid)
    half_set = np.where(own, start.half_set, NO_HALF)
    cross, power = measure_contrast(coarse, (volume_a, volume_b), half_set, *poses, consensus.sigma2, means.kernels, advance)
    gather_rows(means.ranks, own, cross, power)
    group = images.particles["optics_group"]
    prior = means.shared.settle_by_first(f"{stage}.contrast", lambda: contrast_prior(cross, power, group))
    return shrink_contrast(cross, power, group, prior)
