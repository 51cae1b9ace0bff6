"""The formulae of docs/conventions.md: box centre, shells, xyz <-> zyx, Å <-> px. They stand here only.

Arrays are indexed ``[z, y, x]``, vectors are ``(x, y, z)``. The centre of a box of ``n`` voxels is voxel ``n // 2``;
an integer coordinate is the centre of a voxel. People count pixels from the corner voxel, which is 0.
"""

import numpy as np


def box_center_px(box_px: int) -> int:
    """Index of the voxel at the centre of a box of ``box_px`` voxels."""
    return box_px // 2


def reverse_axes(vectors):
    """Turn vectors (..., 3) from (x, y, z) into (z, y, x) or back: the one flip between vectors and array indices."""
    return np.asarray(vectors)[..., ::-1]


def corner_px_to_centered_A(xyz_px, box_px: int, pixel_size_A: float) -> np.ndarray:
    """Position counted in px from the corner voxel -> position in Å from the box centre."""
    return (np.asarray(xyz_px, dtype=np.float64) - box_center_px(box_px)) * pixel_size_A


def centered_A_to_corner_px(xyz_A, box_px: int, pixel_size_A: float) -> np.ndarray:
    """Position in Å from the box centre -> position counted in px from the corner voxel."""
    return np.asarray(xyz_A, dtype=np.float64) / pixel_size_A + box_center_px(box_px)


def shell_of_radius(radius):
    """Shell k of a Fourier radius (in units of 1 / box): k holds [k - 1/2, k + 1/2)."""
    return np.floor(np.asarray(radius) + 0.5).astype(np.int64)


def shell_frequency_per_A(shell, box_px: int, pixel_size_A: float):
    """Spatial frequency (1/Å) at the middle of shell ``shell``."""
    return np.asarray(shell, dtype=np.float64) / (box_px * pixel_size_A)


def resolution_to_shell(resolution_A: float, box_px: int, pixel_size_A: float) -> float:
    """Fractional shell whose frequency is ``1 / resolution_A``."""
    return box_px * pixel_size_A / resolution_A


def shell_to_resolution_A(shell: float, box_px: int, pixel_size_A: float) -> float:
    """Resolution (Å) at a (fractional) shell; infinite at shell 0."""
    return float("inf") if shell == 0 else box_px * pixel_size_A / shell
