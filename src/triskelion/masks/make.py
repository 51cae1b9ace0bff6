"""A mask out of a map, in one order: threshold, fill holes, dilate, soft padding."""

import numpy as np

from triskelion.data.volume import Mask, Volume
from triskelion.masks.binarize import binarize, fill_holes
from triskelion.masks.dilate import dilate
from triskelion.masks.soft_edge import soft_edge


def soft_mask_as_it_is(volume: Volume) -> Mask:
    """Return a mask that went through filters or resampling as a map: values are cut to [0, 1], nothing else."""
    return Mask(np.clip(volume.array, 0, 1), volume.pixel_size_A)


def make_mask(volume: Volume, threshold: float, dilation_px: float = 0, padding_px: float = 0, fill: bool = False) -> Mask:
    """Return the soft mask about the voxels of a map at or above ``threshold``.

    Parameters
    ----------
    volume : Volume
    threshold : float
        In units of the map; ``automatic_threshold`` offers one.
    dilation_px, padding_px : float
        Euclidean distances; the cosine edge begins where the dilated base ends.
    fill : bool
        Fill enclosed holes before the dilation.

    Raises
    ------
    InputError
        If nothing, or the whole box, is at or above the threshold, or if a distance is negative.
    """
    base = binarize(volume.array, threshold)
    if fill:
        base = fill_holes(base)
    return Mask(soft_edge(dilate(base, dilation_px), padding_px), volume.pixel_size_A)
