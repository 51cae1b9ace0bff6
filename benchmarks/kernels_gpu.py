"""The Triton kernels on an NVIDIA device: first held to the plain ones, then timed. Nothing but torch, triton and numpy is needed.

    PYTHONPATH=src python benchmarks/kernels_gpu.py [--box 64 96 128 192] [--images 4096] [--json figures.json]

Images of random atoms with noise, on the device before the clock starts; sums of insertion lie there too. Times are medians by CUDA events,
transfers of poses and results included: nanoseconds per Fourier coefficient of an image at one pose (``score_grid``: one rotation with 36 moves;
``climb``: one evaluation). Prints JSON and two tables; exits with 1 when a kernel differs from its reference by more than it may.
With TRITON_INTERPRET=1 and --check-only it runs, slowly, where there is no device.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import triton
from triton.testing import do_bench

from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.kernels import cuda, reference
from triskelion.kernels.climb import ClimbedPoses, ClimbRules, PoseRestraint, Starts
from triskelion.kernels.interface import BackProjection, FourierVolume, PoseGrid, WeightedImages
from triskelion.kernels.reference.climbing import matrix_to_rotvec, rotvec_to_matrix

CHECK_BOX_PX, CHECK_IMAGES = 25, 6
N_ROTATIONS, N_MOVES = 32, 36
GRID_SHARE_OF_NYQUIST = 0.47
SIGNAL_TO_NOISE = 0.05
EVALUATIONS = 5
# of the largest number in what is compared; the pose in posterior standard deviations
TOLERANCES = {
    "slice": 2e-5, "insert_values": 1e-4, "insert_weights": 1e-4, "value": 3e-4, "gradient": 3e-4, "matrix": 3e-4, "score_grid": 3e-4,
    "climb_value": 1e-4, "climb_pose": 0.1,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A map with images of it at known poses."""

    disc: FourierDisc
    volume: FourierVolume
    images: WeightedImages
    rotations: np.ndarray
    shifts_px: np.ndarray


def draw_rotations(n: int, rng: np.random.Generator) -> np.ndarray:
    frames = np.linalg.qr(rng.standard_normal((n, 3, 3)))[0]
    return frames * np.linalg.det(frames)[:, None, None]


def make_map(box_px: int, rng: np.random.Generator) -> torch.Tensor:
    """Gaussian atoms in a ball of a third of the box."""
    directions = rng.standard_normal((200, 3))
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True) * box_px / 6 * rng.random((200, 1)) ** (1 / 3)
    line = np.arange(box_px) - box_px // 2
    bells = [torch.from_numpy(np.exp(-((line - points[:, axis, None]) ** 2) / 2).astype(np.float32)) for axis in range(3)]
    return torch.einsum("ax,ay,az->zyx", *bells)


def make_case(box_px: int, n_images: int, pixel_scales: np.ndarray, seed: int = 1) -> Case:
    """Images with the noise variance as unit of weight; ``pixel_scales`` are dealt out in turn."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    disc, scale = fourier_disc(box_px), np.resize(pixel_scales, n_images)
    volume = prepare_slices(make_map(box_px, rng), int(disc.shell[-1]))
    rotations, shifts_px = draw_rotations(n_images, rng), rng.normal(0, 1, (n_images, 2))
    signal = cuda.slice(cuda.move_volume(volume), rotations, scale, disc)
    turns = torch.from_numpy(shifts_px).float() @ torch.from_numpy(np.stack([disc.kx, disc.ky]).astype(np.float32)) / box_px
    signal *= torch.polar(torch.ones(()), -2 * np.pi * turns * torch.from_numpy(scale).float()[:, None]).to(signal.device)
    sigma2 = float(signal.abs().pow(2).mean()) / 2 / SIGNAL_TO_NOISE
    noise = torch.complex(*torch.randn((2, 64, len(disc)), generator=generator)).to(signal.device) * sigma2**0.5
    b = torch.stack([one + noise[i % 64].roll(i // 64) for i, one in enumerate(signal)]) / sigma2
    return Case(disc, volume, WeightedImages(b, torch.full(b.shape, 1 / sigma2, device=b.device), scale), rotations, shifts_px)


def on_host(images: WeightedImages) -> WeightedImages:
    return WeightedImages(images.b.cpu(), images.weight.cpu(), images.scale)


def make_climb(case: Case, n_starts: int, least_gain: float) -> tuple[Starts, PoseRestraint, ClimbRules]:
    """Starts some degrees off the truth, two a particle; a prior about a fulcrum, extents that some truths lie beyond."""
    rng, n = np.random.default_rng(2), len(case.rotations)

    def disturb(turn_rad: float) -> np.ndarray:
        return np.array([rotation @ rotvec_to_matrix(turn) for rotation, turn in zip(case.rotations, rng.normal(0, turn_rad, (n, 3)), strict=True)])

    consensus, lever = disturb(0.1), np.array([3.0, -2.0, 4.0])
    centers = case.shifts_px + (case.rotations @ lever)[:, :2] + rng.normal(0, 0.5, (n, 2))
    restraint = PoseRestraint(consensus, centers, lever, np.eye(3) / 0.1**2, 1.0, np.array([1e-2, 1e-2, 1e-2, 1e-4, 1e-4]), 0.2, 1.5)
    rows = np.resize(np.arange(n), n_starts)
    starts = Starts(rows, disturb(0.08)[rows], case.shifts_px[rows] + rng.normal(0, 0.7, (n_starts, 2)))
    return starts, restraint, ClimbRules(EVALUATIONS, least_gain, 1e-3, 0.2, 8.0, np.deg2rad(7.0), 2.0)


def compare(got, expected) -> float:
    got, expected = (torch.as_tensor(x).cpu() for x in (got, expected))
    return float((got - expected).abs().max() / expected.abs().max())


def compare_poses(got: ClimbedPoses, expected: ClimbedPoses) -> float:
    """Largest difference of poses in posterior standard deviations."""
    turns = [matrix_to_rotvec(a.T @ b) for a, b in zip(expected.rotations, got.rotations, strict=True)]
    difference = np.concatenate([np.array(turns), got.shifts_px - expected.shifts_px], axis=1)
    return float(np.sqrt(np.einsum("ni,nij,nj->n", difference, expected.matrix, difference)).max())


def find_errors(n_starts: int = 8) -> dict[str, float]:
    """Difference of every kernel from its reference: odd box, several pixel sizes, fewer coefficients than are stored, arrays on the host."""
    case, rng = make_case(CHECK_BOX_PX, CHECK_IMAGES, np.array([1.0, 0.97, 0.99])), np.random.default_rng(3)
    images, disc, rows = on_host(case.images), fourier_disc(CHECK_BOX_PX, 9), np.array([4, 1, 3])
    poses = (case.rotations[rows], case.shifts_px[rows] + rng.normal(0, 1, (3, 2)))
    found, wanted = BackProjection.empty(CHECK_BOX_PX // 2), BackProjection.empty(CHECK_BOX_PX // 2)
    for sums, kernels in ((found, cuda), (wanted, reference)):
        kernels.insert(sums, *poses, images, rows, disc)
        kernels.insert(sums, *poses, images, rows, case.disc)
    slices = [kernels.slice(case.volume, case.rotations, images.scale, case.disc) for kernels in (cuda, reference)]
    equations = [kernels.gauss_newton(case.volume, *poses, images, rows, disc) for kernels in (cuda, reference)]
    scores: list[list[np.ndarray]] = [[], []]
    for n_turns, n_moves in ((17, 3), (1, 65)):  # more than a tile of either
        grid = PoseGrid(draw_rotations(2 * n_turns, rng).reshape(2, -1, 3, 3), rng.normal(0, 1, (2, n_turns, 2)), rng.normal(0, 2, (n_moves, 2)))
        for found_scores, kernels in zip(scores, (cuda, reference), strict=True):
            found_scores.append(kernels.score_grid(case.volume, grid, images, rows[:2], disc).ravel())
    climbs = [kernels.climb(case.volume, images, *make_climb(case, n_starts, 1e-5), disc) for kernels in (cuda, reference)]
    errors = {"slice": compare(*slices), "insert_values": compare(found.values, wanted.values)}
    errors |= {"insert_weights": compare(found.weights, wanted.weights)}
    errors |= {name: compare(getattr(equations[0], name), getattr(equations[1], name)) for name in ("value", "gradient", "matrix")}
    return errors | {
        "score_grid": compare(*(np.concatenate(each) for each in scores)),
        "climb_value": compare(climbs[0].value, climbs[1].value),
        "climb_pose": compare_poses(*climbs),
    }


def measure_box(box_px: int, n_images: int) -> dict[str, float]:
    """Nanoseconds per coefficient of every kernel."""
    case, rng, rows = make_case(box_px, n_images, np.ones(1)), np.random.default_rng(4), np.arange(n_images)
    disc, images, volume = case.disc, cuda.move_images(case.images), cuda.move_volume(case.volume)
    coarse, some = fourier_disc(box_px, int(GRID_SHARE_OF_NYQUIST * box_px / 2)), rows[:256]
    turns = np.array([case.rotations[some] @ rotvec_to_matrix(turn) for turn in rng.normal(0, 0.2, (N_ROTATIONS, 3))]).swapaxes(0, 1)
    grid = PoseGrid(turns, np.repeat(case.shifts_px[some, None], N_ROTATIONS, 1), rng.normal(0, 3, (N_MOVES, 2)))
    empty = BackProjection.empty(int(disc.shell[-1]))
    sums = BackProjection(empty.values.to(volume.cube.device), empty.weights.to(volume.cube.device), empty.padding)
    climb = make_climb(case, 2 * n_images, 0.0)
    poses, scale, coefficients = (case.rotations, case.shifts_px), images.scale, n_images * len(disc)
    cases: dict[str, tuple[Callable[[], object], int]] = {
        "slice": (lambda: cuda.slice(volume, case.rotations, scale, disc), coefficients),
        "gauss_newton": (lambda: cuda.gauss_newton(volume, *poses, images, rows, disc), coefficients),
        "score_grid": (lambda: cuda.score_grid(volume, grid, images, some, coarse), len(some) * N_ROTATIONS * len(coarse)),
        "insert": (lambda: cuda.insert(sums, *poses, images, rows, disc), coefficients),
        "climb": (lambda: cuda.climb(volume, images, *climb, disc), 2 * coefficients * (EVALUATIONS + 1)),
    }
    figures: dict[str, float] = {"box_px": box_px, "coefficients": len(disc)}
    for name, (run, count) in cases.items():
        figures[f"{name}_ns"] = float(f"{np.median(np.asarray(do_bench(run, return_mode='all'))) * 1e6 / count:.3g}")
    return figures


def print_table(rows: list[dict]) -> None:
    columns = list(rows[0])
    print("  ".join(columns))
    for row in rows:
        print("  ".join(f"{row[column]!s:>{len(column)}}" for column in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--box", type=int, nargs="+", default=[64, 96, 128, 192])
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--check-only", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures into this file too")
    options = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"interpreter on {platform.machine()}"
    errors = find_errors()
    times = [] if options.check_only else [measure_box(box_px, options.images) for box_px in options.box]
    versions = {"torch": torch.__version__, "triton": triton.__version__}
    text = json.dumps({"device": device, **versions, "images": options.images, "errors": errors, "times": times}, indent=1)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(f"{text}\n{device}, torch {torch.__version__}, triton {triton.__version__}")
    verdicts = [
        {"what          ": name, "difference": f"{error:.1e}", "allowed": TOLERANCES[name], "verdict": "ok" if error <= TOLERANCES[name] else "WRONG"}
        for name, error in errors.items()
    ]
    print_table(verdicts)
    if times:
        print_table(times)
    if any(verdict["verdict"] == "WRONG" for verdict in verdicts):
        sys.exit(1)


if __name__ == "__main__":
    main()
