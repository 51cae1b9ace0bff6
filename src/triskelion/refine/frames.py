"""One frame for both half maps, against the drift of a half: nothing ties the halves of a domain together, and each drifts by a fraction of a degree.

Six numbers bring half b to half a. They are found from the maps low-passed to the resolution of the first references, where the halves were
one once, so nothing finer is made to agree.
"""

import numpy as np
import torch
from scipy import ndimage

from triskelion.conventions import box_center_px, reverse_axes
from triskelion.fourier.filters import lowpass
from triskelion.geometry.rotations import rotation_difference_deg, rotvec_to_matrix

ROUNDS = 4
FARTHEST_DEG, FARTHEST_A = 5.0, 5.0  # halves of one domain never drift so far: maps that seem to have hardly anything in common


def find_drift(first: np.ndarray, second: np.ndarray, mask: np.ndarray, pixel_size_A: float, resolution_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the motion x -> D x + d about the box centre that brings the second map to the first, by least squares inside the mask.

    Parameters
    ----------
    first, second, mask : ndarray (n, n, n)
    pixel_size_A, resolution_A : float
        Maps are low-passed to this resolution.

    Returns
    -------
    D : ndarray (3, 3)
    d : ndarray (3,)
        (x, y, z) px. No motion where the maps have nothing in common.

    Notes
    -----
    Gauss-Newton: the moved second map is V - grad V . (w x x + s), linear in the turn w and the shift s.
    """
    target, moving = (lowpass(torch.from_numpy(array), pixel_size_A, resolution_A).numpy() for array in (first, second))
    inside = np.nonzero(mask > 0.5)
    points = reverse_axes(np.stack(inside, axis=-1) - box_center_px(len(mask))).astype(np.float64)
    turn, shift = np.eye(3), np.zeros(3)
    for _ in range(ROUNDS):
        moved = move_map(moving, turn, shift)
        slope = np.stack([np.gradient(moved, axis=axis)[inside] for axis in (2, 1, 0)], axis=-1)
        design = -np.concatenate([np.cross(points, slope), slope], axis=1)
        common, power = float((target[inside] * moved[inside]).sum()), float((moved[inside] ** 2).sum())
        if common <= 0 or power == 0:  # the maps have nothing in common
            return np.eye(3), np.zeros(3)
        scale = common / power
        step = np.linalg.lstsq(scale * design, target[inside] - scale * moved[inside], rcond=None)[0]
        more = rotvec_to_matrix(step[:3])
        turn, shift = more @ turn, more @ shift + step[3:]
    too_far = rotation_difference_deg(np.eye(3), turn) > FARTHEST_DEG or np.linalg.norm(shift) * pixel_size_A > FARTHEST_A
    return (np.eye(3), np.zeros(3)) if too_far else (turn, shift)


def move_map(array: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Move a map (n, n, n): what was at x is at D x + d, (x, y, z) px from the box centre."""
    back = turn.T[::-1, ::-1]  # in the order of the axes of arrays
    middle = np.full(3, float(box_center_px(len(array))))
    offset = middle - back @ (middle + reverse_axes(shift))
    return ndimage.affine_transform(array, back, offset=offset, order=3)  # pyright: ignore[reportArgumentType]


def move_poses(rotations: np.ndarray, centers_px: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses (..., 3, 3), (..., 2) about the centre of a map that show the moved map where they showed the map."""
    moved = rotations @ turn.T
    return moved, centers_px - (moved @ shift)[..., :2]
