"""The corners of the box, outside the sphere that it holds."""

import numpy as np

from triskelion.masks.automatic import spherical_mask

CORNER_EDGE_PX = 3.0


def level_corners(array: np.ndarray) -> np.ndarray:
    """Fade a map (n, n, n) outside the sphere that the box holds into its mean there, as RELION does.

    Every image shows the sphere whole but the corners only from some directions: they hold noise, half of that in the box.
    """
    radius_px = len(array) // 2
    inside = spherical_mask(len(array), 1.0, near=1.0, far=1 + CORNER_EDGE_PX / radius_px).array
    outside = 1 - inside
    level = float((array * outside).sum(dtype=np.float64) / outside.sum(dtype=np.float64))
    return array * inside + np.float32(level) * outside
