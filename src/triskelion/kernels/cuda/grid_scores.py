"""Likelihoods of a grid of poses: a tile of rotations is sliced once, and all moves are scored by a matrix product."""

import numpy as np
import torch
import triton
import triton.language as tl

from triskelion.kernels.cuda.sampling import find_phase, interpolate, rotate_and_mirror, split_complex
from triskelion.kernels.cuda.transfer import choose_device, pack_complex, pack_images, pack_matrices, pack_plane, pack_reals
from triskelion.kernels.interface import Disc, FourierVolume, PoseGrid, WeightedImages, check_radius

_ROTATIONS, _COEFFICIENTS = 16, 32  # a tile
_FEWEST_MOVES, _MOST_MOVES = 16, 64  # of a tile; the least that a matrix product takes
_WARPS, _STAGES = 8, 1  # one stage: prefetching scattered reads through shared memory only costs room


@triton.jit
def _load_columns(pointer, inside, COUNT: tl.constexpr):
    """Read COUNT numbers of each row of a tile, as columns."""
    columns = ()
    for n in tl.static_range(COUNT):
        columns = columns + (tl.load(pointer + n, mask=inside, other=0.0)[:, None],)
    return columns


@triton.jit(do_not_specialize=["extent", "n_rotations", "n_moves", "n_coefficients", "row_stride"])
def _score_grid(
    out, cube, extent, matrices, steps, shifts, n_rotations, moves, n_moves, kx, ky, n_coefficients, b, weight, rows, row_stride,
    ROTATIONS: tl.constexpr, MOVES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(0).to(tl.int64)
    turn, move = tl.program_id(1) * ROTATIONS + tl.arange(0, ROTATIONS), tl.program_id(2) * MOVES + tl.arange(0, MOVES)
    turn_inside, move_inside = turn < n_rotations, move < n_moves
    pose = image * n_rotations + turn
    matrix, shift = _load_columns(matrices + pose * 6, turn_inside, 6), _load_columns(shifts + pose * 2, turn_inside, 2)
    move_x = tl.load(moves + 2 * move, mask=move_inside, other=0.0)[None, :]
    move_y = tl.load(moves + 2 * move + 1, mask=move_inside, other=0.0)[None, :]
    step, place = tl.load(steps + image), tl.load(rows + image) * row_stride
    scores, power = tl.zeros((ROTATIONS, MOVES), tl.float32), tl.zeros((ROTATIONS, BLOCK), tl.float32)
    for first in range(0, n_coefficients, BLOCK):
        c = first + tl.arange(0, BLOCK)
        inside = c < n_coefficients
        kx_c, ky_c = tl.load(kx + c, mask=inside, other=0.0), tl.load(ky + c, mask=inside, other=0.0)
        sign, x, y, z = rotate_and_mirror(kx_c[None, :], ky_c[None, :], matrix)
        re, im = interpolate(cube, extent, x, y, z)
        im *= sign
        b_re, b_im = split_complex(tl.load(b + place + c, mask=inside, other=0)[None, :])
        power += tl.load(weight + place + c, mask=inside, other=0.0)[None, :] * (re * re + im * im)
        cosine, sine = find_phase(step * (kx_c[None, :] * shift[0] + ky_c[None, :] * shift[1]))
        b_re, b_im = cosine * b_re - sine * b_im, cosine * b_im + sine * b_re
        # Re conj(m) b at every move: conj(slice) b turned by the move
        cosine, sine = find_phase(step * (kx_c[:, None] * move_x + ky_c[:, None] * move_y))
        scores += tl.dot(re * b_re + im * b_im, cosine, input_precision="ieee")
        scores -= tl.dot(re * b_im - im * b_re, sine, input_precision="ieee")
    scores -= 0.5 * tl.sum(power, axis=1)[:, None]
    tl.store(out + pose[:, None] * n_moves + move[None, :], scores, mask=turn_inside[:, None] & move_inside[None, :])


def score_grid(volume: FourierVolume, grid: PoseGrid, images: WeightedImages, rows: np.ndarray, disc: Disc) -> np.ndarray:
    """See ``Kernels.score_grid``."""
    scale = images.scale[rows]
    check_radius(volume, disc, scale)
    n_images, n_rotations, n_moves = *grid.rotations.shape[:2], len(grid.moves_px)
    out = torch.empty((n_images, n_rotations, n_moves), device=choose_device())
    b, weight, places = pack_images(images, rows)
    tile = min(max(triton.next_power_of_2(n_moves), _FEWEST_MOVES), _MOST_MOVES)
    if out.numel():
        _score_grid[n_images, triton.cdiv(n_rotations, _ROTATIONS), triton.cdiv(n_moves, tile)](
            out, pack_complex(volume.cube), volume.extent, pack_matrices(grid.rotations, scale, volume.padding), pack_reals(scale / disc.box_px),
            pack_reals(grid.shifts_px), n_rotations, pack_reals(grid.moves_px), n_moves, *pack_plane(disc), len(disc), b, weight, places,
            weight.stride(0), ROTATIONS=_ROTATIONS, MOVES=tile, BLOCK=_COEFFICIENTS, num_warps=_WARPS,
            num_stages=_STAGES,
        )  # fmt: skip
    return out.cpu().numpy()
