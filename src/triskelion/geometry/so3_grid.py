"""Grids of rotations around the identity."""

import numpy as np


def local_rotation_grid(extent_rad: float, step_rad: float) -> np.ndarray:
    """Rotation vectors (m, 3) on a cubic lattice of spacing ``step_rad`` inside a ball, the identity first.

    The lattice is symmetric about the identity; a rotation within the ball is at most sqrt(3)/2 steps from a neighbour.
    """
    reach = int(np.floor(extent_rad / step_rad)) if step_rad > 0 else 0
    line = np.arange(-reach, reach + 1) * step_rad
    grid = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(grid, axis=1)
    grid = grid[length <= extent_rad + 1e-9]
    return grid[np.argsort(np.linalg.norm(grid, axis=1), kind="stable")]
