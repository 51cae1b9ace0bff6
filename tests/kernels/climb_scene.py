"""Heads to climb to, as local refinement poses them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from tests.refine.scene import BOX_PX, FULCRUM_PX, HEAD_CENTER_PX, PIXEL_A, atoms, density_of, disturb, draw_poses, exact_slices

from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point
from triskelion.kernels import reference
from triskelion.kernels.climb import ClimbedPoses, ClimbRules, Starts
from triskelion.kernels.interface import Kernels, WeightedImages
from triskelion.refine import alignment
from triskelion.refine.alignment import Posterior, Stage
from triskelion.refine.prior import HELD_SHIFT_SD_PX, PosePrior
from triskelion.refine.search import SearchExtent

POINTS, SIGMA_PX = atoms("head") - HEAD_CENTER_PX, 1.2
STAGE = Stage(fourier_disc(BOX_PX, 9), 6, 1e-6, 1)
# widths of the prior (rad, px), extents (degrees, px) and the longest step (rad, px): long ones fail at times, as steps must here
CASES = {
    "prior": (0.1, 1.0, 60.0, 10.0, np.deg2rad(7.0), 1.0),
    "no prior, tight extents": (np.inf, np.inf, 4.0, 0.5, 0.6, 5.0),
    "held fulcrum": (0.15, HELD_SHIFT_SD_PX, 60.0, 10.0, 0.6, 5.0),
}


@dataclass(frozen=True)
class ClimbScene:
    """A posterior, and what climbs on it are given."""

    posterior: Posterior
    starts: Starts
    rules: ClimbRules

    def climb(self, kernels: Kernels, starts: Starts | None = None, **changes) -> ClimbedPoses:
        """Climb from some or all starts, by rules that may be changed."""
        posterior = self.posterior
        starts, rules = starts or self.starts, replace(self.rules, **changes)
        return kernels.climb(posterior.volume, posterior.images, starts, posterior.restraint, rules, STAGE.disc)


def make_climb_scene(case: str, n_images: int) -> ClimbScene:
    """Two starts an image, one of them 30° off; noise as strong as the signal."""
    turn_sd, shift_sd, turn_extent_deg, shift_extent_px, *longest = CASES[case]
    lever, full = FULCRUM_PX - HEAD_CENTER_PX, fourier_disc(BOX_PX)
    truth = draw_poses(n_images, 51)
    consensus, near, far = disturb(truth, 4.0, 0.5, 52), disturb(truth, 3.0, 0.5, 53), disturb(truth, 30.0, 1.0, 54)
    slices = exact_slices(POINTS, truth, full, SIGMA_PX)
    noise = np.random.default_rng(55).standard_normal((2, *slices.shape)) * np.abs(slices).std()
    sigma2 = np.abs(slices).var()
    b = ((slices + noise[0] + 1j * noise[1]) / sigma2).astype(np.complex64)
    images = WeightedImages(torch.from_numpy(b), torch.full(b.shape, 1 / sigma2, dtype=torch.float32), np.resize([1.0, 0.97], n_images))
    centers = image_of_point(consensus.rotations, consensus.shifts_px, lever)
    prior = PosePrior(consensus.rotations, centers, lever, np.diag(np.full(3, turn_sd**2)), shift_sd**2)
    extent = SearchExtent(turn_extent_deg, shift_extent_px)
    volume = prepare_slices(density_of(POINTS, BOX_PX, SIGMA_PX), int(full.shell[-1]))
    posterior = Posterior(reference, volume, images, prior, extent, PIXEL_A)
    starts = Starts(
        np.tile(np.arange(n_images), 2),
        np.concatenate([near.rotations, far.rotations]),
        np.concatenate([near.shifts_px, far.shifts_px]),
    )
    damping = alignment.LAMBDA_START, alignment.LAMBDA_DOWN, alignment.LAMBDA_UP
    rules = ClimbRules(STAGE.evaluations, STAGE.least_gain, *damping, *longest)
    return ClimbScene(posterior, starts, rules)
