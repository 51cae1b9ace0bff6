"""Levenberg-Marquardt climbs (``kernels.climb``), each from start to end by one thread: the cube's values along a climb stay in its cache.

Touch this file when ``poses`` or ``normal_equations`` change, for numba keeps what it has compiled (``sampling`` says why).
"""

import math

import numpy as np
from numba import njit, prange

from triskelion.kernels.climb import ClimbedPoses, ClimbRules, PoseRestraint, Starts
from triskelion.kernels.cpu.normal_equations import sum_normal_equations, unpack_normal_equations
from triskelion.kernels.cpu.poses import add_prior_terms, clip_pose, find_shrink, turn_by
from triskelion.kernels.cpu.sampling import FAST, PARALLEL, fill_phases, interleaved, order_by_view, plane_of_disc
from triskelion.kernels.interface import Disc, FourierVolume, WeightedImages, check_radius


@njit(**FAST)
def _solve(sums, damping, lower, step):
    """(A + damping diag A)^-1 g by Cholesky's factors ``lower`` (5, 5); ``sums`` holds value, g (5) and the upper triangle of A (15)."""
    for i in range(5):
        for j in range(i + 1):
            entry = sums[6 + j * 5 - j * (j - 1) // 2 + i - j]
            rest = entry * (1 + damping) if i == j else entry
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            # a pivot lost to rounding must not make poses, and with them places in memory, infinite
            lower[i, j] = math.sqrt(max(rest, 1e-14 * entry)) if i == j else rest / lower[j, j]
    for i in range(5):
        rest = sums[1 + i]
        for k in range(i):
            rest -= lower[i, k] * step[k]
        step[i] = rest / lower[i, i]
    for i in range(4, -1, -1):
        rest = step[i]
        for k in range(i + 1, 5):
            rest -= lower[k, i] * step[k]
        step[i] = rest / lower[i, i]


@njit(**FAST)
def _promise_gain(sums, lower, step):
    _solve(sums, 0.0, lower, step)
    gain = 0.0
    for i in range(5):
        gain += 0.5 * sums[1 + i] * step[i]
    return gain


@njit(**FAST)
def _evaluate(rotation, shift, image, restraint, sums):
    """Log posterior: likelihood, prior and least precision into ``sums`` (21,)."""
    flat, extent, factor, phase_step, kx, ky, raster, b, w, table_x, table_y, matrix = image
    for i in range(3):
        for j in range(3):
            matrix[i, j] = rotation[i, j] * factor
    fill_phases(table_x, table_y, phase_step, shift[0], shift[1])
    sums[:] = 0
    sum_normal_equations(flat, extent, matrix, np.float32(phase_step), kx, ky, raster, b, w, table_x, table_y, sums)
    add_prior_terms(rotation, shift, restraint, sums)


@njit(**FAST)
def _climb_one(image, restraint, evaluations, rules, rotation, shift, here):
    """Climb in place; ``rules`` are least gain, start, fall and rise of the damping, longest turn and shift."""
    turned, moved, there, lower, step = np.empty((3, 3)), np.empty(2), np.empty(21), np.empty((5, 5)), np.empty(5)
    least_gain, damping, down, up, longest_turn, longest_shift = rules
    _evaluate(rotation, shift, image, restraint, here)
    for _ in range(evaluations):
        if _promise_gain(here, lower, step) < least_gain:
            break
        _solve(here, damping, lower, step)
        step *= min(find_shrink(step[:3], longest_turn), find_shrink(step[3:], longest_shift))
        turn_by(rotation, step[:3], turned)
        moved[0], moved[1] = shift[0] + step[3], shift[1] + step[4]
        clip_pose(turned, moved, restraint)
        _evaluate(turned, moved, image, restraint, there)
        if there[0] > here[0]:
            rotation[:], shift[:], here[:] = turned, moved, there
            damping *= down
        else:
            damping *= up


@njit(**PARALLEL)
def _climb(
    flat, extent, factors, phase_steps, kx, ky, raster, last, b, w, rows, order, consensus_rotations, consensus_images, lever, rotation_precision,
    least, limits, evaluations, rules, rotations, shifts, sums,
):  # fmt: skip
    for n in prange(order.shape[0]):
        c = order[n]
        row = rows[c]
        table_x, table_y, matrix = np.empty(2 * (last + 1), np.float32), np.empty(2 * (2 * last + 1), np.float32), np.empty((3, 3), np.float32)
        image = (flat, extent, factors[row], phase_steps[row], kx, ky, raster, b[row], w[row], table_x, table_y, matrix)
        restraint = (
            consensus_rotations[row], consensus_images[row], lever, rotation_precision, limits[0], least, limits[1], limits[2]
        )  # fmt: skip
        steps = (rules[0], rules[1], rules[2], rules[3], rules[4], rules[5])
        _climb_one(image, restraint, evaluations, steps, rotations[c], shifts[c], sums[c])


def _copy(array: np.ndarray) -> np.ndarray:
    """Of one kind whatever came, read-only or transposed: each kind would be compiled anew."""
    return np.array(array, np.float64, order="C")


def climb(volume: FourierVolume, images: WeightedImages, starts: Starts, restraint: PoseRestraint, rules: ClimbRules, disc: Disc) -> ClimbedPoses:
    """See ``Kernels.climb``."""
    check_radius(volume, disc, images.scale[starts.rows])
    plane, rows = plane_of_disc(disc), np.asarray(starts.rows)
    rotations, shifts = _copy(starts.rotations), _copy(starts.shifts_px)
    sums = np.empty((len(rows), 21))
    limits = np.array([restraint.shift_precision, restraint.rotation_extent_rad, restraint.shift_extent_px])
    steps = (rules.least_gain, rules.damping_start, rules.damping_down, rules.damping_up, rules.longest_turn_rad, rules.longest_shift_px)
    consensus = _copy(restraint.consensus_rotations), _copy(restraint.consensus_images_px)
    _climb(
        interleaved(volume.cube).reshape(-1), volume.extent, images.scale * volume.padding, 2 * np.pi / disc.box_px * images.scale,
        plane.kx, plane.ky, plane.raster, plane.last, interleaved(images.b), images.weight.numpy(), rows, order_by_view(rotations),
        *consensus, _copy(restraint.lever_xyz_px), _copy(restraint.rotation_precision), _copy(restraint.least_precision),
        limits, rules.evaluations, np.array(steps), rotations, shifts, sums,
    )  # fmt: skip
    return ClimbedPoses(rotations, shifts, *unpack_normal_equations(sums))
