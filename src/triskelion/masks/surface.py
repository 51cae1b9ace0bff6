"""Points on the surface of a set of voxels: the one nearest to a point, the first that a line of sight meets."""

import numpy as np
from scipy import ndimage

from triskelion.conventions import reverse_axes
from triskelion.errors import InputError

LINE_PX = 0.87  # half the diagonal of a voxel: a line that passes through a voxel comes so near to its centre


def find_surface(base: np.ndarray) -> np.ndarray:
    """Return the voxels (x, y, z), shape (m, 3), of ``base``, bool (n, n, n), that have a face on the outside.

    Raises
    ------
    InputError
        The base is empty.
    """
    boxes = ndimage.find_objects(base.view(np.int8))
    if not boxes:
        raise InputError("a surface was asked for, but there is no voxel")
    inside = base[boxes[0]]
    surface = np.argwhere(inside & ~np.asarray(ndimage.binary_erosion(inside), dtype=bool))
    return reverse_axes(surface + [part.start for part in boxes[0]])


def nearest_surface_point(base: np.ndarray, point_xyz_px) -> np.ndarray:
    """Return the surface voxel (x, y, z) nearest to a point, both counted from the corner voxel."""
    surface = find_surface(base)
    return surface[((surface - np.asarray(point_xyz_px)) ** 2).sum(axis=1).argmin()].astype(np.float64)


def first_surface_point(base: np.ndarray, point_xyz_px, direction_xyz) -> np.ndarray:
    """Return the surface voxel (x, y, z) that a line from a point along a direction meets first; the nearest to the line if it meets none.

    Raises
    ------
    InputError
        The direction is 0, or all of the surface lies behind the point.
    """
    direction = np.asarray(direction_xyz, dtype=np.float64)
    length = float(np.linalg.norm(direction))
    if not length > 0:
        raise InputError("the direction of a line is 0,0,0: give the way from the eye into the map")
    surface = find_surface(base)
    offset = surface - np.asarray(point_xyz_px, dtype=np.float64)
    along = offset @ (direction / length)
    ahead = along >= 0
    if not ahead.any():
        raise InputError("all of the surface lies behind the point: turn the direction round")
    surface, offset, along = surface[ahead], offset[ahead], along[ahead]
    squared = (offset**2).sum(axis=1) - along**2
    met = squared <= LINE_PX**2
    chosen = np.where(met, along, np.inf).argmin() if met.any() else squared.argmin()
    return surface[chosen].astype(np.float64)
