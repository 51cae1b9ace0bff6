"""From a map to the set of voxels a mask is built on."""

import numpy as np
from scipy import ndimage

from triskelion.conventions import reverse_axes
from triskelion.errors import InputError

AUTOMATIC_FRACTION = 0.2  # of the maximum, as in dynamic masks


def automatic_threshold(array: np.ndarray) -> float:
    """Return the threshold used where none is given: 0.2 of the maximum of the map (smooth it first)."""
    return AUTOMATIC_FRACTION * float(array.max())


def binarize(array: np.ndarray, threshold: float) -> np.ndarray:
    """Return the voxels at or above ``threshold``, bool (n, n, n).

    Raises
    ------
    InputError
        If there are none, or if the threshold takes in the whole box.
    """
    base = array >= threshold
    if not base.any():
        raise InputError(f"the mask is empty: the maximum of the map is {array.max():.4g}, the threshold {threshold:.4g}; lower the threshold")
    if base.all():
        raise InputError(
            f"the mask is the whole box: the minimum of the map is {array.min():.4g}, the threshold {threshold:.4g}; raise the threshold above 0"
        )
    return base


def keep_sphere(array: np.ndarray, center_xyz_px, radius_px: float) -> np.ndarray:
    """Return the map with every voxel further than ``radius_px`` from a point set to 0.

    Parameters
    ----------
    array : ndarray, shape (n, n, n)
    center_xyz_px : array_like, shape (3,)
        Counted from the corner voxel.
    radius_px : float

    Raises
    ------
    InputError
        If the sphere misses the box.
    """
    center_zyx = reverse_axes(center_xyz_px)
    z, y, x = (np.arange(n) - c for n, c in zip(array.shape, center_zyx, strict=True))
    inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius_px**2
    if not inside.any():
        place = ",".join(f"{v:g}" for v in np.asarray(center_xyz_px))
        raise InputError(f"the sphere of {radius_px:.1f} px about {place} px holds no voxel of the box of {array.shape[0]} px: give x,y,z in px")
    return np.where(inside, array, 0).astype(array.dtype)


def fill_holes(base: np.ndarray) -> np.ndarray:
    """Add the voxels that a path through face neighbours cannot reach from the box edge without crossing ``base``."""
    labels = _label_pieces(~base)
    faces = [labels[0], labels[-1], labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]]
    inside = np.ones(int(labels.max()) + 1, dtype=bool)
    inside[np.concatenate([face.ravel() for face in faces])] = False
    inside[0] = True  # the base itself
    return inside[labels]


def largest_piece_fraction(base: np.ndarray) -> float:
    """Return which fraction of the voxels is in the largest connected piece (near 1 for a particle, small for speckle)."""
    sizes = np.bincount(_label_pieces(base).ravel())[1:]
    return float(sizes.max() / sizes.sum())


def _label_pieces(voxels: np.ndarray) -> np.ndarray:
    labels = np.zeros(voxels.shape, dtype=np.int32)
    ndimage.label(voxels, output=labels)
    return labels
