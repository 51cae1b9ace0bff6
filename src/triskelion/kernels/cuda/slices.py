"""Central slices."""

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from triskelion.kernels.cuda.sampling import interpolate, load_tuple, rotate_and_mirror
from triskelion.kernels.cuda.transfer import choose_device, pack_complex, pack_matrices, pack_plane
from triskelion.kernels.interface import Disc, FourierVolume, check_radius

_BLOCK = 256


@triton.jit(do_not_specialize=["extent", "n_coefficients"])
def _slice(out, cube, extent, matrices, kx, ky, n_coefficients, BLOCK: tl.constexpr):
    image = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = c < n_coefficients
    matrix = load_tuple(matrices + image * 6, 6)
    sign, x, y, z = rotate_and_mirror(tl.load(kx + c, mask=inside, other=0.0), tl.load(ky + c, mask=inside, other=0.0), matrix)
    re, im = interpolate(cube, extent, x, y, z)
    place = out + 2 * (image * n_coefficients + c)
    tl.store(place, re, mask=inside)
    tl.store(place + 1, sign * im, mask=inside)


def slice(volume: FourierVolume, rotations: np.ndarray, scale: np.ndarray, disc: Disc) -> Tensor:
    """See ``Kernels.slice``; the slices lie where the volume lies."""
    check_radius(volume, disc, scale)
    out = torch.empty((len(rotations), len(disc), 2), device=choose_device())
    if len(rotations):
        _slice[len(rotations), triton.cdiv(len(disc), _BLOCK)](
            out, pack_complex(volume.cube), volume.extent, pack_matrices(rotations, scale, volume.padding), *pack_plane(disc), len(disc),
            BLOCK=_BLOCK,
        )  # fmt: skip
    return torch.view_as_complex(out).to(volume.cube.device)
