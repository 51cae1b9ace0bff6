"""A mask from a base: seconds of each step and of all, and how exact the edge is.

    python benchmarks/masks.py [--box 380] [--radius 0.3] [--dilation 5] [--padding 17] [--repeats 2]

The base is a ball with bumps, of ``--radius`` of the box: 0.3 is the body of a large particle, 0.1 one domain. All of the machine's cores are
used; of several repeats the quickest counts, the first, which loads compiled loops, not. Exactness is told on a few thousand voxels of the
edge, by the distances to every voxel of the base's surface. Prints JSON.
"""

import argparse
import json
import time

import numpy as np
from scipy.spatial import KDTree

from triskelion.data.volume import Volume
from triskelion.devices import available_threads, set_threads
from triskelion.masks.binarize import binarize, fill_holes
from triskelion.masks.dilate import dilate
from triskelion.masks.make import make_mask
from triskelion.masks.soft_edge import soft_edge

PIXEL_A = 1.4
SAMPLE = 4000


def make_base(box_px: int, radius: float) -> Volume:
    """Return a ball with bumps about the box centre: density 1 inside, 0 outside."""
    axis = np.arange(box_px, dtype=np.float32) - box_px // 2
    z, y, x = axis[:, None, None], axis[:, None], axis
    bumps = 0.1 * radius * box_px * np.sin(z / 7) * np.sin(y / 9) * np.sin(x / 5)
    return Volume((np.sqrt(z**2 + y**2 + x**2) + bumps < radius * box_px).astype(np.float32), PIXEL_A)


def measure_seconds(volume: Volume, dilation_px: float, padding_px: float, repeats: int) -> dict[str, float]:
    """Wall and processor seconds of the steps and of the whole mask, holes filled."""
    seconds: dict[str, list[float]] = {}

    def time_step(name: str, step, *arguments) -> np.ndarray:
        start, cpu_start = time.perf_counter(), time.process_time()
        result = step(*arguments)
        seconds.setdefault(name, []).append(time.perf_counter() - start)
        seconds.setdefault(f"{name}_cpu", []).append(time.process_time() - cpu_start)
        return result

    for _ in range(repeats + 1):
        base = time_step("threshold", binarize, volume.array, 0.5)
        base = time_step("fill_holes", fill_holes, base)
        base = time_step("dilate", dilate, base, dilation_px)
        time_step("soft_edge", soft_edge, base, padding_px)
        time_step("whole_mask", make_mask, volume, 0.5, dilation_px, padding_px, True)
    return {name: round(min(values[1:]), 2) for name, values in seconds.items()}


def measure_errors(volume: Volume, dilation_px: float, padding_px: float) -> dict[str, float]:
    """Voxels on the wrong side of the dilation, and the largest deviation from the cosine, among a sample of voxels."""
    base = binarize(volume.array, 0.5)
    grown = dilate(base, dilation_px)
    mask = soft_edge(grown, padding_px)
    rng = np.random.default_rng(1)
    places = np.argwhere(soft_edge(grown, padding_px + 3) > 0)
    sample = places[rng.choice(len(places), min(SAMPLE, len(places)), replace=False)]
    to_base, to_grown = (np.asarray(KDTree(np.argwhere(part)).query(sample)[0]) for part in (base, grown))
    cosine = np.where(to_grown < padding_px, 0.5 + 0.5 * np.cos(np.pi * to_grown / padding_px), 0)
    values = mask[tuple(sample.T)]
    wrong = grown[tuple(sample.T)] != (to_base <= dilation_px)
    return {"voxels_dilated_wrongly": int(wrong.sum()), "largest_deviation_from_cosine": float(np.abs(values - cosine).max()), "n": len(sample)}


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--box", type=int, default=380)
    parser.add_argument("--radius", type=float, default=0.3)
    parser.add_argument("--dilation", type=float, default=5)
    parser.add_argument("--padding", type=float, default=17)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    set_threads(available_threads())
    figures = {
        "box_px": arguments.box,
        "threads": available_threads(),
        "seconds": measure_seconds(make_base(arguments.box, arguments.radius), arguments.dilation, arguments.padding, arguments.repeats),
        "errors": measure_errors(make_base(min(arguments.box, 160), arguments.radius), arguments.dilation, arguments.padding),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
