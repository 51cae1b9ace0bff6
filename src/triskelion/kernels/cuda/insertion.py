"""Back-projection by atomic additions: sums differ in their last digits from run to run."""

import numpy as np
import torch
import triton
import triton.language as tl

from triskelion.kernels.cuda.sampling import find_corner, find_phase, load_tuple, rotate_and_mirror, split_complex
from triskelion.kernels.cuda.transfer import choose_device, pack_images, pack_matrices, pack_plane, pack_reals
from triskelion.kernels.interface import BackProjection, Disc, WeightedImages, check_radius

_BLOCK = 256
_IMAGES = 4096  # summed in float32 before they are added in float64


@triton.jit(do_not_specialize=["extent", "n_coefficients", "row_stride"])
def _insert(
    values, weights, extent, matrices, steps, shifts, kx, ky, n_coefficients, b, weight, rows, row_stride, BLOCK: tl.constexpr
):  # fmt: skip
    image = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = c < n_coefficients
    kx_c, ky_c = tl.load(kx + c, mask=inside, other=0.0), tl.load(ky + c, mask=inside, other=0.0)
    sign, x, y, z = rotate_and_mirror(kx_c, ky_c, load_tuple(matrices + image * 6, 6))
    shift = load_tuple(shifts + image * 2, 2)
    cosine, sine = find_phase(tl.load(steps + image) * (kx_c * shift[0] + ky_c * shift[1]))
    place = tl.load(rows + image) * row_stride + c
    b_re, b_im = split_complex(tl.load(b + place, mask=inside, other=0))
    re, im = cosine * b_re - sine * b_im, sign * (cosine * b_im + sine * b_re)
    w = tl.load(weight + place, mask=inside, other=0.0)
    voxel, fx, fy, fz = find_corner(x, y, z, extent)
    for corner in tl.static_range(8):
        up_z, up_y, up_x = corner // 4, corner // 2 % 2, corner % 2
        share = (up_x * fx + (1 - up_x) * (1 - fx)) * (up_y * fy + (1 - up_y) * (1 - fy)) * (up_z * fz + (1 - up_z) * (1 - fz))
        target = voxel + up_z * (2 * extent + 1) * (extent + 1) + up_y * (extent + 1) + up_x
        tl.atomic_add(values + 2 * target, share * re, mask=inside, sem="relaxed")
        tl.atomic_add(values + 2 * target + 1, share * im, mask=inside, sem="relaxed")
        tl.atomic_add(weights + target, share * w, mask=inside, sem="relaxed")


def insert(sums: BackProjection, rotations: np.ndarray, shifts_px: np.ndarray, images: WeightedImages, rows: np.ndarray, disc: Disc) -> None:
    """See ``Kernels.insert``. Sums in float32 over at most ``_IMAGES`` images are added to ``sums``, wherever these lie."""
    scale = images.scale[rows]
    check_radius(sums, disc, scale)
    device, plane, extent = choose_device(), pack_plane(disc), sums.values.shape[2] - 1
    for low in range(0, len(rows), _IMAGES):
        part = np.s_[low : low + _IMAGES]
        values = torch.zeros((*sums.values.shape, 2), device=device)
        weights = torch.zeros(sums.weights.shape, device=device)
        b, weight, places = pack_images(images, rows[part])
        _insert[len(places), triton.cdiv(len(disc), _BLOCK)](
            values, weights, extent, pack_matrices(rotations[part], scale[part], sums.padding), pack_reals(scale[part] / disc.box_px),
            pack_reals(shifts_px[part]), *plane, len(disc), b, weight, places, weight.stride(0), BLOCK=_BLOCK,
        )  # fmt: skip
        sums.values += torch.view_as_complex(values).to(sums.values.device)
        sums.weights += weights.to(sums.weights.device)
