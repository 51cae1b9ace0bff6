"""Inner loops alone: nanoseconds per coefficient of the five kernels, seconds per map solved, by box and number of threads.

    python benchmarks/kernels.py [--box 96 128] [--threads 1 2] [--repeats 5]

Random maps, poses and images. Of several repeats the quickest counts, so that busy neighbours disturb least; wall-clock time, and CPU time
of all threads. One coefficient is one Fourier coefficient of one image at one pose; of ``score_grid`` one rotation of one image, all moves; of
``climb`` one evaluation.
Prints JSON and a table.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch

from triskelion.devices import available_threads, set_threads
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import HermitianSums, prepare_slices
from triskelion.geometry.rotations import random_rotations
from triskelion.kernels import cpu
from triskelion.kernels.climb import ClimbRules, PoseRestraint, Starts
from triskelion.kernels.interface import BackProjection, PoseGrid, WeightedImages
from triskelion.maps.reconstruct import solve_map

N_IMAGES, N_GRID_IMAGES, N_ROTATIONS, N_MOVES = 600, 20, 10, 36
STEPS = 5
GRID_SHARE_OF_NYQUIST = 0.47  # 18 Å of 8.4 Å


def measure_s(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Wall-clock and CPU seconds of the quickest of several runs, after one that compiles."""
    run()
    times = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(wall for wall, _ in times), min(processor for _, processor in times)


def make_climb(rotations: np.ndarray, shifts_px: np.ndarray) -> tuple[Starts, PoseRestraint, ClimbRules]:
    """One start an image, at its consensus; a step is taken whatever it promises."""
    restraint = PoseRestraint(rotations, shifts_px, np.zeros(3), np.eye(3) / 0.1**2, 1.0, np.full(5, 1e-2), 0.3, 5.0)
    return Starts(np.arange(len(rotations)), rotations, shifts_px), restraint, ClimbRules(STEPS, 0.0, 1e-3, 0.2, 8.0, np.deg2rad(7.0), 2.0)


def measure_box(box_px: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Wall-clock and CPU figures of every kernel at one box, with the threads that are set."""
    rng = np.random.default_rng(1)
    disc, rows, ones = fourier_disc(box_px), np.arange(N_IMAGES), np.ones(N_IMAGES)
    coarse = fourier_disc(box_px, int(GRID_SHARE_OF_NYQUIST * box_px / 2))
    last_shell, shape = int(disc.shell[-1]), (N_IMAGES, len(disc))
    b = torch.view_as_complex(torch.from_numpy(rng.standard_normal((*shape, 2), np.float32)))
    images = WeightedImages(b, torch.from_numpy(rng.random(shape, np.float32)), ones)
    rotations, shifts_px = random_rotations(N_IMAGES, rng), rng.normal(0, 2, (N_IMAGES, 2))
    volume = prepare_slices(rng.standard_normal((box_px,) * 3, np.float32), last_shell)
    few = np.arange(N_GRID_IMAGES)
    turns = rotations[: N_GRID_IMAGES * N_ROTATIONS].reshape(N_GRID_IMAGES, N_ROTATIONS, 3, 3)
    grid = PoseGrid(turns, np.zeros((*turns.shape[:2], 2)), rng.normal(0, 3, (N_MOVES, 2)))
    sums = BackProjection.empty(last_shell)
    climb = make_climb(rotations, shifts_px)
    coefficients, coarse_coefficients = N_IMAGES * len(disc), N_GRID_IMAGES * N_ROTATIONS * len(coarse)
    cases = {
        "slice_ns": (lambda: cpu.slice(volume, rotations, ones, disc), coefficients),
        "gauss_newton_ns": (lambda: cpu.gauss_newton(volume, rotations, shifts_px, images, rows, disc), coefficients),
        "climb_ns": (lambda: cpu.climb(volume, images, *climb, disc), coefficients * (STEPS + 1)),
        "score_grid_ns": (lambda: cpu.score_grid(volume, grid, images, few, coarse), coarse_coefficients),
        "insert_ns": (lambda: cpu.insert(sums, rotations, shifts_px, images, rows, disc), coefficients),
        "solve_map_s": (lambda: solve_map(HermitianSums.of(sums), box_px), 1e9),
    }
    figures = {}
    for name, (run, count) in cases.items():
        wall_s, cpu_s = measure_s(run, repeats)
        figures[name] = (float(f"{wall_s / count * 1e9:.3g}"), float(f"{cpu_s / count * 1e9:.3g}"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--box", type=int, nargs="+", default=[96, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, min(2, available_threads())}))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    results = []
    for box_px in options.box:
        for threads in options.threads:
            set_threads(threads)
            figures = measure_box(box_px, options.repeats)
            columns = {f"{name}_{clock}": value for name, pair in figures.items() for clock, value in zip(("wall", "cpu"), pair, strict=True)}
            results.append({"box_px": box_px, "threads": threads, **columns})
    print(json.dumps(results, indent=1))
    columns = list(results[0])
    print("  ".join(columns))
    for row in results:
        print("  ".join(f"{row[column]!s:>{len(column)}}" for column in columns))


if __name__ == "__main__":
    main()
