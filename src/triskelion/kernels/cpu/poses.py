"""Poses, what restrains them and how far they may go, in double precision: the compiled twin of what ``reference.climbing`` writes plainly.

A restraint is a tuple: consensus rotation (3, 3) and image (2,), lever (3,), rotation precision (3, 3), shift precision, least precision (5,),
extents of rotation and shift. Sums are value, gradient (5) and upper triangle of the matrix (15).
"""

import math

import numpy as np
from numba import njit

from triskelion.kernels.cpu.sampling import FAST


@njit(**FAST)
def find_shrink(vector, longest):
    """Factor that makes a vector no longer than ``longest``."""
    square = 0.0
    for x in vector:
        square += x * x
    return min(1.0, longest / max(math.sqrt(square), 1e-12))


@njit(**FAST)
def turn_by(rotation, vector, out):
    """Write R exp([v]) to ``out`` (3, 3)."""
    x, y, z = vector[0], vector[1], vector[2]
    t = max(math.sqrt(x * x + y * y + z * z), 1e-12)
    half = math.sin(0.5 * t) / t
    a, b = math.sin(t) / t, 2 * half * half
    same = 1 - b * (x * x + y * y + z * z)
    for i in range(3):
        r0, r1, r2 = rotation[i, 0], rotation[i, 1], rotation[i, 2]
        along = b * (r0 * x + r1 * y + r2 * z)
        out[i, 0] = same * r0 + along * x + a * (r1 * z - r2 * y)
        out[i, 1] = same * r1 + along * y + a * (r2 * x - r0 * z)
        out[i, 2] = same * r2 + along * z + a * (r0 * y - r1 * x)


@njit(**FAST)
def find_turn(consensus, rotation, out):
    """Write log(R_c^T R) to ``out`` (3,): by the quaternion, from whichever of its four components is largest."""
    m = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            m[i, j] = consensus[0, i] * rotation[0, j] + consensus[1, i] * rotation[1, j] + consensus[2, i] * rotation[2, j]
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    if trace >= max(m[0, 0], m[1, 1], m[2, 2]):
        w, out[0], out[1], out[2] = 1 + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    else:
        i = 0 if m[0, 0] >= max(m[1, 1], m[2, 2]) else (1 if m[1, 1] >= m[2, 2] else 2)
        j, k = (i + 1) % 3, (i + 2) % 3
        w, out[i], out[j], out[k] = m[k, j] - m[j, k], 1 + m[i, i] - m[j, j] - m[k, k], m[i, j] + m[j, i], m[i, k] + m[k, i]
    length = math.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2])
    factor = 2 * math.atan2(length, abs(w)) / max(length, 1e-30)
    for n in range(3):
        out[n] *= -factor if w < 0 else factor


@njit(**FAST)
def find_deviation(rotation, shift, restraint, turn, move):
    """Write delta_r (rad) and delta_s (px)."""
    consensus, image, lever, _, _, _, _, _ = restraint
    find_turn(consensus, rotation, turn)
    for i in range(2):
        move[i] = shift[i] + rotation[i, 0] * lever[0] + rotation[i, 1] * lever[1] + rotation[i, 2] * lever[2] - image[i]


@njit(**FAST)
def clip_pose(rotation, shift, restraint):
    """Move a pose outside the extents to the nearest pose inside, in place."""
    consensus, image, lever, _, _, _, rotation_extent, shift_extent = restraint
    turn, move = np.empty(3), np.empty(2)
    find_deviation(rotation, shift, restraint, turn, move)
    turn *= find_shrink(turn, rotation_extent)
    move *= find_shrink(move, shift_extent)
    turn_by(consensus, turn, rotation)
    for i in range(2):
        shift[i] = image[i] + move[i] - (rotation[i, 0] * lever[0] + rotation[i, 1] * lever[1] + rotation[i, 2] * lever[2])


@njit(**FAST)
def _fill_slope(rotation, turn, lever, slope):
    """How a step moves the deviations: [[J^-1(delta_r), 0], [-P R [f - c]x, 1]] (5, 5)."""
    x, y, z = turn[0], turn[1], turn[2]
    square = x * x + y * y + z * z
    t = max(math.sqrt(square), 1e-4)
    f = 1 / (t * t) - 1 / (2 * t * math.tan(t / 2))
    slope[:] = 0
    for i in range(3):
        for j in range(3):
            slope[i, j] = f * turn[i] * turn[j]
        slope[i, i] += 1 - f * square
    slope[0, 1] -= z / 2
    slope[0, 2] += y / 2
    slope[1, 0] += z / 2
    slope[1, 2] -= x / 2
    slope[2, 0] -= y / 2
    slope[2, 1] += x / 2
    for i in range(2):  # lever x (row of R)
        for j in range(3):
            k, n = (j + 1) % 3, (j + 2) % 3
            slope[3 + i, j] = lever[k] * rotation[i, n] - lever[n] * rotation[i, k]
        slope[3 + i, 3 + i] = 1


@njit(**FAST)
def add_prior_terms(rotation, shift, restraint, sums):
    """Add the prior's log density, its gradient and the Gauss-Newton matrix of its negative, and the least precision, to ``sums`` (21,)."""
    _, _, lever, rotation_precision, shift_precision, least, _, _ = restraint
    turn, move, slope, held = np.empty(3), np.empty(2), np.empty((5, 5)), np.empty((5, 5))
    find_deviation(rotation, shift, restraint, turn, move)
    _fill_slope(rotation, turn, lever, slope)
    for j in range(5):  # precision times slope
        for i in range(3):
            held[i, j] = rotation_precision[i, 0] * slope[0, j] + rotation_precision[i, 1] * slope[1, j] + rotation_precision[i, 2] * slope[2, j]
        held[3, j], held[4, j] = shift_precision * slope[3, j], shift_precision * slope[4, j]
    square = shift_precision * (move[0] * move[0] + move[1] * move[1])
    for i in range(3):
        for j in range(3):
            square += turn[i] * rotation_precision[i, j] * turn[j]
    sums[0] -= 0.5 * square
    place = 6
    for i in range(5):
        sums[1 + i] -= held[0, i] * turn[0] + held[1, i] * turn[1] + held[2, i] * turn[2] + held[3, i] * move[0] + held[4, i] * move[1]
        for j in range(i, 5):
            for k in range(5):
                sums[place] += slope[k, i] * held[k, j]
            if i == j:
                sums[place] += least[i]
            place += 1
