"""Rotations, the pull of the prior and the extents, one pose at a time in double precision: ``kernels.climb`` on the device.

Matrices are tuples of 9 numbers, row by row.
"""

import triton
import triton.language as tl


@triton.jit
def multiply(a, b):
    """Return a b."""
    product = ()
    for i in tl.static_range(3):
        for j in tl.static_range(3):
            product = product + (a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j],)
    return product


@triton.jit
def multiply_transposed(a, b):
    """Return a^T b."""
    product = ()
    for i in tl.static_range(3):
        for j in tl.static_range(3):
            product = product + (a[i] * b[j] + a[3 + i] * b[3 + j] + a[6 + i] * b[6 + j],)
    return product


@triton.jit
def find_length(vector):
    """Length of a vector."""
    square = vector[0] * vector[0]
    for n in tl.static_range(1, len(vector)):
        square += vector[n] * vector[n]
    return tl.sqrt(square)


@triton.jit
def scale_tuple(vector, factor):
    """Multiply each number."""
    scaled = ()
    for n in tl.static_range(len(vector)):
        scaled = scaled + (vector[n] * factor,)
    return scaled


@triton.jit
def find_shrink(vector, longest):
    """Factor that makes a vector no longer than ``longest``."""
    return tl.minimum(longest / tl.maximum(find_length(vector), 1e-12), 1.0)


@triton.jit
def rotvec_to_matrix(v):
    """Rodrigues."""
    t = tl.maximum(find_length(v), 1e-12)
    half = tl.sin(0.5 * t) / t
    a, b = tl.sin(t) / t, 2.0 * half * half
    c = 1.0 - b * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return (
        c + b * v[0] * v[0], b * v[0] * v[1] - a * v[2], b * v[0] * v[2] + a * v[1],
        b * v[0] * v[1] + a * v[2], c + b * v[1] * v[1], b * v[1] * v[2] - a * v[0],
        b * v[0] * v[2] - a * v[1], b * v[1] * v[2] + a * v[0], c + b * v[2] * v[2],
    )  # fmt: skip


@triton.jit
def matrix_to_rotvec(r):
    """By the quaternion, from whichever of its four components is largest; its angle by halving, for Triton has no arctangent."""
    w, x, y, z = 1.0 + r[0] + r[4] + r[8], r[7] - r[5], r[2] - r[6], r[3] - r[1]
    largest, xx, yy, zz = w, 1.0 + r[0] - r[4] - r[8], 1.0 - r[0] + r[4] - r[8], 1.0 - r[0] - r[4] + r[8]
    if xx > largest:
        largest, w, x, y, z = xx, r[7] - r[5], xx, r[1] + r[3], r[2] + r[6]
    if yy > largest:
        largest, w, x, y, z = yy, r[2] - r[6], r[1] + r[3], yy, r[5] + r[7]
    if zz > largest:
        largest, w, x, y, z = zz, r[3] - r[1], r[2] + r[6], r[5] + r[7], zz
    sine, cosine = tl.maximum(find_length((x, y, z)), 1e-30), tl.abs(w)
    tangent = sine / (cosine + tl.sqrt(sine * sine + cosine * cosine))
    for _ in tl.static_range(3):
        tangent = tangent / (1.0 + tl.sqrt(1.0 + tangent * tangent))
    square = tangent * tangent  # below 0.01
    series = 1.0 / 11.0 - square * (1.0 / 13.0)
    for n in tl.static_range(9, 0, -2):
        series = 1.0 / n - square * series
    factor = tl.where(w < 0, -32.0, 32.0) * tangent * series / sine
    return (x * factor, y * factor, z * factor)


@triton.jit
def find_offset(rotation, lever):
    """P R f: from the image of the origin to that of the fulcrum."""
    return (
        rotation[0] * lever[0] + rotation[1] * lever[1] + rotation[2] * lever[2],
        rotation[3] * lever[0] + rotation[4] * lever[1] + rotation[5] * lever[2],
    )  # fmt: skip


@triton.jit
def find_deviation(rotation, shift, consensus, image, lever):
    """delta_r in rad and delta_s in px."""
    offset = find_offset(rotation, lever)
    return matrix_to_rotvec(multiply_transposed(consensus, rotation)), (shift[0] + offset[0] - image[0], shift[1] + offset[1] - image[1])


@triton.jit
def clip_pose(rotation, shift, consensus, image, lever, extents):
    """Move a pose outside the extents to the nearest pose inside."""
    turn, move = find_deviation(rotation, shift, consensus, image, lever)
    rotation = multiply(consensus, rotvec_to_matrix(scale_tuple(turn, find_shrink(turn, extents[0]))))
    offset, shrink = find_offset(rotation, lever), find_shrink(move, extents[1])
    return rotation, (image[0] + move[0] * shrink - offset[0], image[1] + move[1] * shrink - offset[1])


@triton.jit
def _find_inverse_right_jacobian(v):
    t = tl.maximum(find_length(v), 1e-4)
    f = 1.0 / (t * t) - tl.cos(0.5 * t) / (2.0 * t * tl.sin(0.5 * t))
    c = 1.0 - f * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return (
        c + f * v[0] * v[0], f * v[0] * v[1] - 0.5 * v[2], f * v[0] * v[2] + 0.5 * v[1],
        f * v[0] * v[1] + 0.5 * v[2], c + f * v[1] * v[1], f * v[1] * v[2] - 0.5 * v[0],
        f * v[0] * v[2] - 0.5 * v[1], f * v[1] * v[2] + 0.5 * v[0], c + f * v[2] * v[2],
    )  # fmt: skip


@triton.jit
def find_prior_terms(rotation, shift, consensus, image, lever, rotation_precision, shift_precision):
    """Value, gradient and upper triangle of the matrix, 21 numbers as in ``normal_equations``."""
    turn, move = find_deviation(rotation, shift, consensus, image, lever)
    jacobian = _find_inverse_right_jacobian(turn)
    pulled = ()  # S_r^-1 delta_r
    for i in tl.static_range(3):
        row = rotation_precision[3 * i] * turn[0] + rotation_precision[3 * i + 1] * turn[1] + rotation_precision[3 * i + 2] * turn[2]
        pulled = pulled + (row,)
    # -P R [f]x: its rows are f x (row of R)
    along_x = (
        lever[1] * rotation[2] - lever[2] * rotation[1], lever[2] * rotation[0] - lever[0] * rotation[2],
        lever[0] * rotation[1] - lever[1] * rotation[0],
    )  # fmt: skip
    along_y = (
        lever[1] * rotation[5] - lever[2] * rotation[4], lever[2] * rotation[3] - lever[0] * rotation[5],
        lever[0] * rotation[4] - lever[1] * rotation[3],
    )  # fmt: skip
    held = multiply_transposed(jacobian, multiply(rotation_precision, jacobian))
    square = move[0] * move[0] + move[1] * move[1]
    terms = (-0.5 * (turn[0] * pulled[0] + turn[1] * pulled[1] + turn[2] * pulled[2] + shift_precision * square),)
    for i in tl.static_range(3):
        by_turn = jacobian[i] * pulled[0] + jacobian[3 + i] * pulled[1] + jacobian[6 + i] * pulled[2]
        terms = terms + (-by_turn - shift_precision * (along_x[i] * move[0] + along_y[i] * move[1]),)
    terms = terms + (-shift_precision * move[0], -shift_precision * move[1])
    for i in tl.static_range(3):
        for j in tl.static_range(i, 3):
            terms = terms + (held[3 * i + j] + shift_precision * (along_x[i] * along_x[j] + along_y[i] * along_y[j]),)
        terms = terms + (shift_precision * along_x[i], shift_precision * along_y[i])
    return terms + (shift_precision, 0.0 * shift_precision, shift_precision)
