"""The non-uniform filter: CPU seconds per cut and half map, and how near it brings half maps to the truth.

    python benchmarks/nonuniform.py [--box 256] [--cuts 10] [--repeats 2]
    python benchmarks/nonuniform.py --halves A.mrc B.mrc --truth T.mrc --regions body.mrc head.mrc

Seconds are those of one thread, on half maps of which a part is signal and the rest noise, everything counted: fitting the filter to
both halves, start and end of it too, and filtering both. Of several repeats the quickest counts.

With half maps of a simulation, ``--truth`` is the map that a reconstruction of the same images without noise gives, ``--regions`` are masks.
Printed is the squared error over the power of the truth in each region, all shells and those beyond 15 Å, of the half maps as they are, with one
Wiener gain per shell (the FSC in the particle mask), and non-uniformly filtered. Prints JSON.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch

from triskelion.data.volume import Mask
from triskelion.devices import set_threads
from triskelion.fourier.filters import gaussian_blur, lowpass
from triskelion.io.mrc import read_mask, read_volume
from triskelion.maps.nonuniform import choose_cuts, fit_nonuniform_filter
from triskelion.masks.automatic import particle_mask, spherical_mask
from triskelion.refine.reference import filter_map, wiener_gain
from triskelion.resolution.fsc import average_map, compute_fsc_curves

PIXEL_A = 1.3
FINE_A = 15.0
LIMIT_MARGIN_SHELLS = 3
WINDOW_FACTORS = (2.0, 3.0)


def make_halves(box_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy halves of a ball of structure, smoother on one side."""
    rng = np.random.default_rng(1)
    ball = rng.standard_normal((box_px,) * 3, dtype=np.float32) * spherical_mask(box_px, PIXEL_A, 0.5, 0.6).array
    ball[: box_px // 2] = 3 * gaussian_blur(torch.from_numpy(ball), PIXEL_A, 2 * PIXEL_A).numpy()[: box_px // 2]
    half_a, half_b = (ball + 0.3 * rng.standard_normal(ball.shape, dtype=np.float32) for _ in range(2))
    return half_a, half_b


def measure_speed(box_px: int, n_cuts: int, repeats: int) -> dict:
    """CPU seconds per cut and half map, and the most memory this process has held."""
    half_maps, cuts_A = make_halves(box_px), np.geomspace(30.0, 2 * PIXEL_A, n_cuts)
    fitting, filtering = [], []
    for _ in range(repeats):
        start = time.process_time()
        fitted = fit_nonuniform_filter(half_maps, PIXEL_A, cuts_A)
        between = time.process_time()
        for half in half_maps:
            fitted.apply(half)
        fitting.append(between - start)
        filtering.append(time.process_time() - between)
    per_cut = {"fit": min(fitting) / n_cuts / 2, "apply": min(filtering) / n_cuts / 2}
    figures = {f"{name}_cpu_s_per_cut_and_half": round(seconds, 3) for name, seconds in per_cut.items()}
    peak_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"box_px": box_px, "cuts": n_cuts, **figures, "cpu_s_per_cut_and_half": round(sum(per_cut.values()), 3), "peak_rss_MB": round(peak_MB)}


def measure_truth(halves: list[Path], truth_path: Path, regions: list[Path]) -> list[dict]:
    """Error of the halves against the truth, region by region, filtered in every way."""
    half_a, half_b = (read_volume(path) for path in halves)
    truth, average = read_volume(truth_path).array, average_map(half_a, half_b)
    pixel_size_A, box_px = half_a.pixel_size_A, half_a.box_px
    inside = particle_mask(average)
    truth = truth * np.float32((average.array * truth * inside.array).sum() / (truth**2 * inside.array).sum())  # one grey scale
    curves = compute_fsc_curves(half_a, half_b, inside)
    finest_A = box_px * pixel_size_A / min(curves.crossing().shell + LIMIT_MARGIN_SHELLS, box_px / 2)
    gain, arrays = wiener_gain(curves), (half_a.array, half_b.array)
    filtered = {"as they are": arrays, "Wiener": tuple(filter_map(half, gain) for half in arrays)}
    for factor in WINDOW_FACTORS:
        fitted = fit_nonuniform_filter(arrays, pixel_size_A, choose_cuts(finest_A), window_factor=factor)
        filtered[f"non-uniform, AWF {factor:g}"] = tuple(fitted.apply(half) for half in arrays)
    masks = {path.stem: read_mask(path) for path in regions}
    return [{"halves": name, **{region: measure_error(maps, truth, mask) for region, mask in masks.items()}} for name, maps in filtered.items()]


def measure_error(halves: tuple[np.ndarray, ...], truth: np.ndarray, mask: Mask) -> dict[str, float]:
    """Squared error over the power of the truth, mean of both halves: all shells, and those beyond 15 Å."""

    def beyond(array: np.ndarray) -> np.ndarray:
        return array - lowpass(torch.from_numpy(array), mask.pixel_size_A, FINE_A).numpy()

    def power(array: np.ndarray) -> float:
        return float((mask.array * array**2).sum(dtype=np.float64))

    errors = [half - truth for half in halves]
    coarse, fine = (np.mean([power(part(error)) for error in errors]) / power(part(truth)) for part in (np.asarray, beyond))
    return {"all": round(float(coarse), 3), "beyond_15A": round(float(fine), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--box", type=int, default=256)
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--halves", type=Path, nargs=2)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--regions", type=Path, nargs="+", default=[])
    options = parser.parse_args()
    set_threads(1)
    if options.halves:
        print(json.dumps(measure_truth(options.halves, options.truth, options.regions), indent=1))
    else:
        print(json.dumps(measure_speed(options.box, options.cuts, options.repeats), indent=1))


if __name__ == "__main__":
    main()
