"""Which kernels a job runs on."""

from importlib.util import find_spec
from typing import Literal

import torch

from triskelion.errors import InputError
from triskelion.kernels.interface import Kernels

Device = Literal["auto", "cpu", "cuda"]


def choose_kernels(device: Device) -> Kernels:
    """Return the kernels of a device; auto takes an NVIDIA device where there is one, and triton to compile for it.

    Raises
    ------
    InputError
        cuda is wanted, but there is no device, or no triton.
    """
    has_triton = find_spec("triton") is not None
    if device == "cpu" or (device == "auto" and not (has_triton and torch.cuda.is_available())):
        from triskelion.kernels import cpu

        return cpu
    if not has_triton:
        raise InputError("got device=cuda, but triton is not installed: pip install 'triskelion[gpu]', or use device=cpu")
    from triskelion.kernels import cuda

    cuda.choose_device()
    return cuda
