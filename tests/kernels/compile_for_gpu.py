"""Compile every Triton kernel for one NVIDIA architecture, down to machine code, on a machine without such a device.

    python tests/kernels/compile_for_gpu.py 90

Launches are caught where arguments are known and compiled instead of run. Prints JSON: kernel -> registers and bytes
of stack of a thread.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from triton import compile, knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from triskelion.fourier.shells import fourier_disc
from triskelion.kernels import cuda
from triskelion.kernels.climb import ClimbRules, PoseRestraint, Starts
from triskelion.kernels.interface import BackProjection, FourierVolume, PoseGrid, WeightedImages

POINTERS = {torch.float32: "*fp32", torch.float64: "*fp64", torch.int64: "*i64"}


def read_resources(machine_code: bytes) -> dict[str, int]:
    """Ask the disassembler that comes with Triton."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(machine_code)
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", path]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name.lower(): int(re.findall(rf"{name}:(\d+)", text)[-1]) for name in ("REG", "STACK")}


def compile_instead(target: GPUTarget, found: dict[str, dict], kernel: JITFunction, *args: Any, grid: Any, warmup: bool, **options: Any) -> None:
    given = dict(zip(kernel.arg_names, args, strict=False)) | {name: options.pop(name) for name in list(options) if name.isupper()}
    signature, constants, aligned = {}, {}, {}
    for index, name in enumerate(kernel.arg_names):
        if name.isupper():
            signature[name], constants[(index,)] = "constexpr", given[name]
        elif isinstance(given[name], torch.Tensor):
            signature[name], aligned[(index,)] = POINTERS[given[name].dtype], [["tt.divisibility", 16]]
        else:
            signature[name] = "i32"
    compiled = compile(ASTSource(kernel, signature, constants, aligned), target=target, options=options)
    found[kernel.fn.__name__] = read_resources(compiled.asm["cubin"])


def launch_every_kernel() -> None:
    """On nothing: launches are caught."""
    disc, rows, ones, sums = fourier_disc(12), np.arange(2), np.ones(2), BackProjection.empty(5)
    volume = FourierVolume(sums.values.to(torch.complex64), sums.padding)
    images = WeightedImages(torch.zeros((2, len(disc)), dtype=torch.complex64), torch.zeros((2, len(disc))), ones)
    turns, shifts = np.tile(np.eye(3), (2, 1, 1)), np.zeros((2, 2))
    cuda.slice(volume, turns, ones, disc)
    cuda.insert(sums, turns, shifts, images, rows, disc)
    cuda.gauss_newton(volume, turns, shifts, images, rows, disc)
    cuda.score_grid(volume, PoseGrid(turns[:, None], shifts[:, None], np.zeros((36, 2))), images, rows, disc)
    restraint = PoseRestraint(turns, shifts, np.zeros(3), np.eye(3), 1.0, np.ones(5), 1.0, 1.0)
    cuda.climb(volume, images, Starts(rows, turns, shifts), restraint, ClimbRules(1, 0.1, 1e-3, 0.2, 8.0, 0.1, 2.0), disc)


def main() -> None:
    target, found = GPUTarget("cuda", int(sys.argv[1]), 32), {}
    JITFunction.run = lambda kernel, *args, **options: compile_instead(target, found, kernel, *args, **options)
    knobs.runtime.interpret = True  # after the kernels were made: their arguments now stay on the CPU
    launch_every_kernel()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
