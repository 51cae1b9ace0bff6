"""The grey scale without poses: those of a sample are searched with a map, its scale is fitted at these poses, and so on in turn.

A map that is far too faint still finds most poses, since what its projections should have in common with the images grows with its scale and their
power with the scale squared; one that is too strong finds none. So it starts faint, and two or three rounds arrive.
"""

from dataclasses import replace

import numpy as np

from triskelion.imaging.comparison import compare_weighted
from triskelion.kernels.interface import FourierVolume
from triskelion.refine.alignment import Posterior, Stage
from triskelion.refine.global_search import GlobalGrid, find_poses_globally

ROUNDS = 3
FAINT_NAT = 1.0  # that the projections of the map it starts from are worth in an image
EVALUATIONS, LEAST_GAIN = 4, 0.1
CANDIDATES = 2


def search_grey_scale(posterior: Posterior, grid: GlobalGrid) -> float:
    """Factor by which projections of a map fit images best, whatever the scale of the map and the poses.

    Parameters
    ----------
    posterior : Posterior
        A sample of images against the map, a few hundred; sigma2 may be the power of the images themselves.
    grid : GlobalGrid

    Returns
    -------
    float
        Least squares over all images at the best poses found; a little large, as poses also fit the noise.
    """
    images, rows = posterior.images, np.arange(len(posterior.images.scale))
    stage = Stage(grid.disc, EVALUATIONS, LEAST_GAIN, 1)
    factor = _faint(posterior, grid)
    for _ in range(ROUNDS):
        scaled = replace(posterior, volume=FourierVolume(posterior.volume.cube * factor, posterior.volume.padding))
        best = find_poses_globally(scaled, rows, grid, [stage], CANDIDATES)
        cross, power = compare_weighted(images, posterior.volume, best.rotations, best.shifts_px, grid.disc, posterior.kernels)
        factor = float(cross.sum() / power.sum())
    return factor


def _faint(posterior: Posterior, grid: GlobalGrid) -> float:
    """Factor at which projections have the power ``FAINT_NAT`` on average."""
    slices = posterior.kernels.slice(posterior.volume, grid.rotations, np.ones(len(grid.rotations)), grid.disc).cpu()
    weight = posterior.images.weight[:, : len(grid.disc)].mean(0).cpu()
    return float((FAINT_NAT / (0.5 * (slices.abs() ** 2).mean(0) @ weight)) ** 0.5)
