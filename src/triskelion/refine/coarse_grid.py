"""A refinement on coarser voxels: what nothing finer is kept of needs no finer ones, and maps cost as much as they have voxels."""

from dataclasses import replace

import numpy as np
import torch

from triskelion.conventions import resolution_to_shell
from triskelion.fourier.resample import rescale_volumes
from triskelion.fourier.shells import fourier_disc
from triskelion.imaging.forward import Grid
from triskelion.refine.domain import Domain
from triskelion.refine.state import Inputs

LARGEST_FRACTION = 0.8  # of the box: a larger one would save too little
FRIENDLY_PRIMES = (2, 3, 5, 7)


def choose_coarse_box_px(grid: Grid, finest_A: float) -> int:
    """Box in the same field of view that holds all shells up to ``finest_A``; that of ``grid`` where it would save too little."""
    last_shell = int(resolution_to_shell(finest_A, grid.box_px, grid.pixel_size_A))
    box_px = _friendly_box_px(2 * (last_shell + 1))
    return box_px if box_px <= LARGEST_FRACTION * grid.box_px else grid.box_px


def _friendly_box_px(at_least: int) -> int:
    """Return the next number with small prime factors: maps are transformed again and again."""
    while not _is_friendly(at_least):
        at_least += 1
    return at_least


def _is_friendly(number: int) -> bool:
    for prime in FRIENDLY_PRIMES:
        while number % prime == 0:
            number //= prime
    return number == 1


def coarsen(inputs: Inputs, finest_A: float) -> Inputs:
    """Bring images, poses, maps and masks to a coarser grid that holds ``finest_A``; unchanged where that would save too little.

    Images that are changed after reading, as those of a control are, stay on their grid: the change was made for it.
    """
    images, start, domain, grid = inputs.images, inputs.start, inputs.domain, inputs.images.grid
    box_px = choose_coarse_box_px(grid, finest_A)
    if box_px == grid.box_px or images.change is not None:
        return inputs
    coarser = box_px / grid.box_px
    half_a, half_b = (_rescale(half, box_px) for half in start.half_maps)
    return replace(
        inputs,
        images=replace(images, grid=Grid(box_px, grid.pixel_size_A / coarser), disc=fourier_disc(box_px)),
        start=replace(
            start,
            shifts_px=start.shifts_px * coarser,
            consensus_shifts_px=start.consensus_shifts_px * coarser,
            half_maps=(half_a, half_b),
            particle_mask=_rescale_mask(start.particle_mask, box_px),
        ),
        domain=Domain(
            _rescale_mask(domain.mask, box_px),
            np.rint(domain.center_xyz_px * coarser),
            domain.fulcrum_xyz_px * coarser,
            None if domain.alignment_mask is None else _rescale_mask(domain.alignment_mask, box_px),
        ),
    )


def refine_noise(coarse: np.ndarray, coarse_px: int, image_noise: np.ndarray, box_px: int) -> np.ndarray:
    """Noise (groups, shells) of images on their own grid from that on a coarser one; beyond its last shell the power of the images.

    Coefficients of rescaled images are those of the images times the ratio of the boxes.
    """
    if coarse_px == box_px:
        return coarse
    whole = image_noise.copy()
    n_shells = min(coarse.shape[1], whole.shape[1])
    whole[:, :n_shells] = coarse[:, :n_shells] * (box_px / coarse_px) ** 2
    return whole


def _rescale(array: np.ndarray, box_px: int) -> np.ndarray:
    return rescale_volumes(torch.from_numpy(np.ascontiguousarray(array, np.float32)), box_px).numpy()


def _rescale_mask(mask: np.ndarray, box_px: int) -> np.ndarray:
    return np.clip(_rescale(mask, box_px), 0, 1)
