"""The cosine edge that makes a mask soft."""

import math

import numpy as np

from triskelion.data.volume import Mask
from triskelion.errors import InputError
from triskelion.masks.dilate import distance_outside

CORE, ENDS = 0.98, 0.02  # of a mask; between them lies most of a cosine edge
EDGE_SHARE = 1 - 2 * math.acos(1 - 2 * ENDS) / math.pi  # of a cosine's padding that lies between them
PADDING_PER_RESOLUTION = 5  # a thinner edge correlates the noise of the half maps
DILATION_PER_RESOLUTION = 2  # what a map shows of an atom reaches about so far


def cosine_edge(distance, near: float, far: float) -> np.ndarray:
    """Return 1 up to ``near``, 0 from ``far`` on, half a cosine between; float32.

    Raises
    ------
    InputError
        Unless 0 <= near <= far.
    """
    if not 0 <= near <= far:
        raise InputError(f"a mask edge runs from {near:g} to {far:g}, wanted 0 <= near <= far")
    distance = np.asarray(distance)
    if near == far:
        return (distance <= near).astype(np.float32)
    values = (distance <= near).astype(np.float32)
    between = (distance > near) & (distance < far)  # most voxels are not, and a cosine is dear
    values[between] = 0.5 + 0.5 * np.cos(np.pi * ((distance[between] - near) / (far - near)))
    return values


def soft_edge(base: np.ndarray, padding_px: float) -> np.ndarray:
    """Return a soft mask: 1 on ``base``, 0.5 + 0.5 cos(pi d / padding) at the Euclidean distance d outside it, 0 beyond.

    Parameters
    ----------
    base : ndarray of bool, shape (n, n, n)
    padding_px : float
        0 leaves the mask binary.

    Raises
    ------
    InputError
        If the padding is negative.
    """
    if not padding_px >= 0:
        raise InputError(f"the soft padding is {padding_px:g} px, wanted 0 or more")
    return cosine_edge(distance_outside(base, padding_px), 0, padding_px)


def complement(mask: Mask) -> Mask:
    """Return 1 - mask: the two are a partition of unity."""
    return Mask(1 - mask.array, mask.pixel_size_A)


def edge_value(mask: Mask) -> float:
    """Return the largest value of a mask on the faces of the box: what lies there is cut off."""
    return max(float(np.take(mask.array, (0, -1), axis=axis).max()) for axis in range(3))


def minimum_padding_px(resolution_A: float, pixel_size_A: float) -> float:
    """Return the soft padding that a map of this resolution asks for: 5 x resolution / pixel size."""
    return PADDING_PER_RESOLUTION * resolution_A / pixel_size_A


def suggest_dilation_px(resolution_A: float, pixel_size_A: float) -> float:
    """Return the dilation that takes in what a map of this resolution shows of the atoms at the surface: 2 x resolution / pixel size."""
    return DILATION_PER_RESOLUTION * resolution_A / pixel_size_A


def measure_padding_px(mask: Mask) -> float:
    """Width of the soft edge of a mask from elsewhere: from its core (above 0.98) to where it ends (0.02)."""
    distance = distance_outside(mask.array > CORE, float(mask.box_px))
    edge = distance[(mask.array > ENDS) & (mask.array <= CORE)]
    return float(np.percentile(edge, 98)) / EDGE_SHARE if len(edge) else 0.0


def padding_warning(padding_px: float, resolution_A: float, pixel_size_A: float) -> str | None:
    """Say so if the padding is thinner than 5 x resolution / pixel size, rounded down to whole px; None if it is not."""
    wanted = minimum_padding_px(resolution_A, pixel_size_A)
    if padding_px >= math.floor(wanted):
        return None
    return (
        f"soft padding of {padding_px:.3g} px is thin: 5 x resolution / pixel size = 5 x {resolution_A:g} / {pixel_size_A:g} = {wanted:.1f} px; "
        "a sharper edge correlates the noise of the half maps and makes the FSC look better than it is"
    )
