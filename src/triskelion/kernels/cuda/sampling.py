"""Values and slopes of a cube between its grid points, and phases of shifts: what all kernels share.

Offsets into cubes and images are int64: a box of 650 px has a cube of more than 2^31 numbers. Kernels are not specialised for whole numbers
that happen to be 1 or divisible by 16, for it gains nothing here and each variant is compiled anew.
"""

import triton
import triton.language as tl


@triton.jit
def split_complex(packed):
    """Real and imaginary part of complex64 numbers that were read as int64."""
    return packed.to(tl.int32).to(tl.float32, bitcast=True), (packed >> 32).to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def load_tuple(pointer, COUNT: tl.constexpr):
    """Read COUNT numbers that follow each other."""
    numbers = ()
    for n in tl.static_range(COUNT):
        numbers = numbers + (tl.load(pointer + n),)
    return numbers


@triton.jit
def rotate_and_mirror(kx, ky, matrix):
    """Place of coefficients in the cube, mirrored into x >= 0, and the sign that their imaginary parts take."""
    x, y, z = kx * matrix[0] + ky * matrix[3], kx * matrix[1] + ky * matrix[4], kx * matrix[2] + ky * matrix[5]
    sign = tl.where(x < 0, -1.0, 1.0)
    return sign, x * sign, y * sign, z * sign


@triton.jit
def find_corner(x, y, z, extent):
    """Offset of the grid point below a place, and the fractions beyond it."""
    low_x, low_y, low_z = tl.floor(x), tl.floor(y), tl.floor(z)
    line = (low_z.to(tl.int32) + extent) * (2 * extent + 1) + low_y.to(tl.int32) + extent
    return line.to(tl.int64) * (extent + 1) + low_x.to(tl.int32), x - low_x, y - low_y, z - low_z


@triton.jit
def _sum_series(square, LAST: tl.constexpr):
    """1 - square / (LAST' (LAST' + 1)) (1 - ...) of every second LAST' up to LAST: cos, or sin(x) / x, of x^2."""
    total = 1.0
    for n in tl.static_range(LAST, 0, -2):
        total = 1.0 - square * total * (1.0 / (n * (n + 1)))
    return total


@triton.jit
def find_phase(turns):
    """cos and sin of 2 pi times a number of turns, to 1e-6: by series of half the angle, for tl.sin unfolds into code for any angle."""
    half = 3.141592653589793 * (turns - tl.floor(turns + 0.5))
    cosine, sine = _sum_series(half * half, 11), half * _sum_series(half * half, 10)
    return 1.0 - 2.0 * sine * sine, 2.0 * sine * cosine


@triton.jit
def _blend(low, high, f):
    return low + f * (high - low)


@triton.jit
def _interpolate_part(c, fx, fy, fz):
    """Value of one part (real or imaginary) from its eight corners, x fastest, then y, then z."""
    near = _blend(_blend(c[0], c[1], fx), _blend(c[2], c[3], fx), fy)
    return _blend(near, _blend(_blend(c[4], c[5], fx), _blend(c[6], c[7], fx), fy), fz)


@triton.jit
def _slope_of_part(c, fx, fy, fz):
    """Value and derivatives along x, y, z."""
    c00, c01, c10, c11 = _blend(c[0], c[1], fx), _blend(c[2], c[3], fx), _blend(c[4], c[5], fx), _blend(c[6], c[7], fx)
    along_x = _blend(_blend(c[1] - c[0], c[3] - c[2], fy), _blend(c[5] - c[4], c[7] - c[6], fy), fz)
    low, high = _blend(c00, c01, fy), _blend(c10, c11, fy)
    return _blend(low, high, fz), along_x, _blend(c01 - c00, c11 - c10, fz), high - low


@triton.jit
def _load_corners(cube, voxel, extent):
    """Real and imaginary parts at the eight corners."""
    real, imaginary = (), ()
    for corner in tl.static_range(8):
        offset = (corner // 4) * (2 * extent + 1) * (extent + 1) + (corner // 2 % 2) * (extent + 1) + corner % 2
        re, im = split_complex(tl.load(cube + voxel + offset))
        real, imaginary = real + (re,), imaginary + (im,)
    return real, imaginary


@triton.jit
def interpolate(cube, extent, x, y, z):
    """Real and imaginary part at places in the cube."""
    voxel, fx, fy, fz = find_corner(x, y, z, extent)
    real, imaginary = _load_corners(cube, voxel, extent)
    return _interpolate_part(real, fx, fy, fz), _interpolate_part(imaginary, fx, fy, fz)


@triton.jit
def interpolate_with_slope(cube, extent, x, y, z):
    """(value, slopes along x, y, z) of the real part, then of the imaginary part."""
    voxel, fx, fy, fz = find_corner(x, y, z, extent)
    real, imaginary = _load_corners(cube, voxel, extent)
    return _slope_of_part(real, fx, fy, fz), _slope_of_part(imaginary, fx, fy, fz)
