"""Levenberg-Marquardt climbs (``kernels.climb``), one program per start: between evaluations nothing leaves the device.

Sums over coefficients are float32 along a thread; poses, the prior and the solving of equations are float64, for a held coordinate and a
free one may differ by ten orders of magnitude in precision.
"""

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from triskelion.kernels.climb import ClimbedPoses, ClimbRules, PoseRestraint, Starts
from triskelion.kernels.cuda.normal_equations import BLOCK, WARPS, add_tuples, sum_normal_equations, unpack_normal_equations
from triskelion.kernels.cuda.poses import clip_pose, find_prior_terms, find_shrink, multiply, rotvec_to_matrix, scale_tuple
from triskelion.kernels.cuda.sampling import load_tuple
from triskelion.kernels.cuda.transfer import choose_device, pack_complex, pack_images, pack_plane, pack_reals
from triskelion.kernels.interface import Disc, FourierVolume, WeightedImages, check_radius

_REGISTERS = 128  # a thread: what the loop over coefficients leaves over is spilled outside of it, and four programs fit on a multiprocessor


@triton.jit
def solve(state, damping):
    """(A + damping diag A)^-1 g by Cholesky's factors; ``state`` holds value, g (5) and the upper triangle of A (15)."""
    lower = ()
    for i in tl.static_range(5):
        for j in tl.static_range(i + 1):
            entry = state[6 + j * 5 - j * (j - 1) // 2 + i - j]
            if i == j:
                diagonal = entry * (1.0 + damping)
                for k in tl.static_range(j):
                    diagonal -= lower[i * (i + 1) // 2 + k] * lower[i * (i + 1) // 2 + k]
                # a pivot lost to rounding must not make poses, and with them places in memory, infinite
                lower = lower + (tl.sqrt(tl.maximum(diagonal, 1e-14 * entry)),)
            else:
                for k in tl.static_range(j):
                    entry -= lower[i * (i + 1) // 2 + k] * lower[j * (j + 1) // 2 + k]
                lower = lower + (entry / lower[j * (j + 1) // 2 + j],)
    forward = ()
    for i in tl.static_range(5):
        rest = state[1 + i]
        for k in tl.static_range(i):
            rest -= lower[i * (i + 1) // 2 + k] * forward[k]
        forward = forward + (rest / lower[i * (i + 1) // 2 + i],)
    step = ()
    for i in tl.static_range(4, -1, -1):
        rest = forward[i]
        for k in tl.static_range(4 - i):
            rest -= lower[(4 - k) * (5 - k) // 2 + i] * step[k]
        step = step + (rest / lower[i * (i + 1) // 2 + i],)
    return (step[4], step[3], step[2], step[1], step[0])


@triton.jit
def _evaluate(rotation, shift, image, restraint, BLOCK: tl.constexpr):
    """Log posterior: likelihood, prior and least precision as 21 numbers."""
    cube, extent, factor, step, kx, ky, n_coefficients, b, weight = image
    consensus, center, lever, rotation_precision, shift_precision, least = restraint
    matrix = ()
    for n in tl.static_range(6):
        matrix = matrix + ((rotation[n] * factor).to(tl.float32),)
    place = (shift[0].to(tl.float32), shift[1].to(tl.float32))
    sums = sum_normal_equations(cube, extent, matrix, step.to(tl.float32), place, kx, ky, n_coefficients, b, weight, BLOCK)
    sums = add_tuples(sums, find_prior_terms(rotation, shift, consensus, center, lever, rotation_precision, shift_precision))
    return add_tuples(sums, least)


@triton.jit
def _find_step(state, damping, longest):
    """Turn (3) and shift (2), neither longer than it may be."""
    step = solve(state, damping)
    turn, move = (step[0], step[1], step[2]), (step[3], step[4])
    shrink = tl.minimum(find_shrink(turn, longest[0]), find_shrink(move, longest[1]))
    return scale_tuple(turn, shrink), scale_tuple(move, shrink)


@triton.jit
def _promise_gain(state):
    step = solve(state, 0.0)
    return 0.5 * (state[1] * step[0] + state[2] * step[1] + state[3] * step[2] + state[4] * step[3] + state[5] * step[4])


@triton.jit(do_not_specialize=["extent", "padding", "box_px", "n_coefficients", "row_stride", "evaluations"])
def _climb(
    out, cube, extent, padding, box_px, kx, ky, n_coefficients, b, weight, rows, row_stride, scales, starts, consensus, constants, evaluations,
    BLOCK: tl.constexpr,
):  # fmt: skip
    start = tl.program_id(0).to(tl.int64)
    place, scale = tl.load(rows + start) * row_stride, tl.load(scales + start)
    image = (cube, extent, scale * padding, scale / box_px, kx, ky, n_coefficients, b + place, weight + place)
    rotation, shift = load_tuple(starts + start * 11, 9), load_tuple(starts + start * 11 + 9, 2)
    consensus_rotation, center = load_tuple(consensus + start * 11, 9), load_tuple(consensus + start * 11 + 9, 2)
    lever, rotation_precision, shift_precision = load_tuple(constants, 3), load_tuple(constants + 3, 9), tl.load(constants + 12)
    least, extents, longest = load_tuple(constants + 13, 21), load_tuple(constants + 34, 2), load_tuple(constants + 36, 2)
    least_gain, damping, down, up = load_tuple(constants + 38, 4)
    restraint = (consensus_rotation, center, lever, rotation_precision, shift_precision, least)
    # the start counts as the first success: one place to evaluate in, for the compiled loop is long
    turned, moved, here, damping, left, climbs = rotation, shift, least, damping / down, evaluations, evaluations >= 0
    while climbs:
        there = _evaluate(turned, moved, image, restraint, BLOCK)
        if (there[0] > here[0]) | (left == evaluations):
            rotation, shift, here = turned, moved, there
            damping *= down
        else:
            damping *= up
        turn, move = _find_step(here, damping, longest)
        turned = multiply(rotation, rotvec_to_matrix(turn))
        turned, moved = clip_pose(turned, add_tuples(shift, move), consensus_rotation, center, lever, extents)
        climbs = (left > 0) & (_promise_gain(here) >= least_gain)
        left -= 1
    for n in tl.static_range(9):
        tl.store(out + start * 32 + n, rotation[n])
    for n in tl.static_range(2):
        tl.store(out + start * 32 + 9 + n, shift[n])
    for n in tl.static_range(21):
        tl.store(out + start * 32 + 11 + n, here[n])


def _pack_constants(restraint: PoseRestraint, rules: ClimbRules) -> Tensor:
    """What all climbs have in common, in the order in which the kernel reads it."""
    least = np.zeros((5, 5))
    np.fill_diagonal(least, restraint.least_precision)
    parts = (
        restraint.lever_xyz_px, restraint.rotation_precision, restraint.shift_precision, np.zeros(6), least[np.triu_indices(5)],
        restraint.rotation_extent_rad, restraint.shift_extent_px, rules.longest_turn_rad, rules.longest_shift_px,
        rules.least_gain, rules.damping_start, rules.damping_down, rules.damping_up,
    )  # fmt: skip
    return pack_reals(np.concatenate([np.ravel(part) for part in parts]), np.float64)


def _pack_poses(rotations: np.ndarray, shifts_px: np.ndarray) -> Tensor:
    """Poses as float64 (c, 11)."""
    return pack_reals(np.concatenate([np.reshape(rotations, (-1, 9)), np.reshape(shifts_px, (-1, 2))], axis=1), np.float64)


def climb(volume: FourierVolume, images: WeightedImages, starts: Starts, restraint: PoseRestraint, rules: ClimbRules, disc: Disc) -> ClimbedPoses:
    """See ``Kernels.climb``."""
    scale = images.scale[starts.rows]
    check_radius(volume, disc, scale)
    used, which = np.unique(starts.rows, return_inverse=True)
    b, weight, places = pack_images(images, used)
    rows = places[torch.from_numpy(which).to(places.device)]
    consensus = _pack_poses(restraint.consensus_rotations[starts.rows], restraint.consensus_images_px[starts.rows])
    out = torch.empty((len(rows), 32), dtype=torch.float64, device=choose_device())
    if len(rows):
        _climb[len(rows),](
            out, pack_complex(volume.cube), volume.extent, volume.padding, disc.box_px, *pack_plane(disc), len(disc), b, weight, rows,
            weight.stride(0), pack_reals(scale, np.float64), _pack_poses(starts.rotations, starts.shifts_px), consensus,
            _pack_constants(restraint, rules), rules.evaluations, BLOCK=BLOCK, num_warps=WARPS, maxnreg=_REGISTERS,
        )  # fmt: skip
    packed = out.cpu().numpy()
    return ClimbedPoses(packed[:, :9].reshape(-1, 3, 3).copy(), packed[:, 9:11].copy(), *unpack_normal_equations(packed[:, 11:]))
